/* IPv4, IPv6 and UDP: what decodes can be encoded, and decodes to the same;
 * checksums hold; addresses survive being written down.
 */
#include "tests/fuzz/fuzz.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/udp.h"

static void check_text(const struct ip_addr *a)
{
	char *text = malloc(IP_TEXT_MAX);
	struct ip_addr again;
	struct mac mac, mac_again;
	char mac_text[MAC_TEXT_MAX];

	FUZZ_CHECK(text && ip_format(a, text) == text);
	FUZZ_CHECK(ip_parse(&again, text) && ip_equal(a, &again));
	free(text);
	mac = mac_of_multicast(a);
	FUZZ_CHECK(mac_is_group(&mac));
	FUZZ_CHECK(mac_parse(&mac_again, mac_format(&mac, mac_text)) &&
		   mac_equal(&mac, &mac_again));
}

static void check_encode(const struct ip_header *h, struct span payload)
{
	size_t n = ip_header_len(h);
	uint8_t *whole = malloc(n + payload.len);
	struct span in = {whole, n + payload.len};
	struct ip_header again;

	FUZZ_CHECK(whole && ip_encode(h, whole) == n);
	if (payload.len)
		memcpy(whole + n, payload.p, payload.len);
	FUZZ_CHECK(ip_decode(&again, &in) == DROP_NONE);
	FUZZ_CHECK(in.p == whole + n && in.len == payload.len);
	FUZZ_CHECK(ip_equal(&h->src, &again.src) &&
		   ip_equal(&h->dst, &again.dst));
	FUZZ_CHECK(h->version == again.version && h->tos == again.tos &&
		   h->ttl == again.ttl && h->protocol == again.protocol &&
		   h->len == again.len && h->id == again.id &&
		   h->df == again.df && h->flow_label == again.flow_label);
	free(whole);
}

/* In two pieces, as in one. */
static void check_sum(struct span data, size_t cut)
{
	uint32_t whole = checksum_add(0, data.p, data.len);
	uint32_t parts;

	cut = data.len ? cut % data.len & ~(size_t)1 : 0;
	parts = checksum_add(0, data.p, cut);
	parts = checksum_add(parts, data.p + cut, data.len - cut);
	FUZZ_CHECK(checksum_fold(whole) == checksum_fold(parts));
}

static void check_udp(struct span in)
{
	const uint8_t *p = in.p;
	uint8_t out[UDP_LEN];
	size_t had = in.len;
	struct udp udp;

	if (udp_decode(&udp, &in) != DROP_NONE)
		return;
	FUZZ_CHECK(in.p == p + UDP_LEN && in.len + UDP_LEN == udp.len &&
		   udp.len <= had);
	udp_encode(&udp, out);
	FUZZ_CHECK(!memcmp(out, p, UDP_LEN));
}

/* A wrong IPv4 checksum hides what is behind it: odd inputs get the right one.
 */
static void mend(uint8_t *p, size_t len)
{
	size_t head = len ? (p[0] & 0xfu) * 4 : 0;

	if (len < IPV4_LEN || p[0] >> 4 != 4 || head < IPV4_LEN || head > len)
		return;
	put_be16(p + 10, 0);
	put_be16(p + 10, checksum_fold(checksum_add(0, p, head)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	uint8_t how = fuzz_u8(&f), tos;
	size_t len;
	uint8_t *bytes = fuzz_bytes(&f, 70000, &len);
	struct span in = {bytes, len};
	struct ip_header h;

	check_sum(in, how * 257u);
	if (how & 1)
		mend(bytes, len);
	if (ecn_decapsulate(how, (uint8_t)~how, &tos))
		FUZZ_CHECK((tos & ~3) == (uint8_t)(~how & ~3));
	if (ip_decode(&h, &in) == DROP_NONE) {
		FUZZ_CHECK(in.len == h.len && in.p >= bytes &&
			   in.p + in.len <= bytes + len);
		check_text(&h.src);
		check_text(&h.dst);
		check_encode(&h, in);
		check_udp(in);
	}
	free(bytes);
	return 0;
}
