/* Ethernet and 802.1Q, ARP, the two neighbour messages, the VXLAN header: what
 * decodes can be encoded, and decodes to the same.
 */
#include "tests/fuzz/fuzz.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/vxlan.h"

static void check_eth(struct span in)
{
	uint8_t out[ETH_LEN + VLAN_LEN];
	const uint8_t *p = in.p;
	struct eth h;
	size_t n;

	if (eth_decode(&h, &in) != DROP_NONE)
		return;
	n = eth_encode(&h, out);
	FUZZ_CHECK(in.p == p + n && !memcmp(out, p, n));
}

static void check_arp(struct span in)
{
	uint8_t out[ARP_LEN];
	const uint8_t *p = in.p;
	struct arp h;

	if (arp_decode(&h, &in) != DROP_NONE)
		return;
	arp_encode(&h, out);
	FUZZ_CHECK(!memcmp(out, p, ARP_LEN));
}

/* @in gets the right checksum, which nothing could be behind otherwise. */
static void check_nd(struct fuzz *f, uint8_t *p, size_t len)
{
	struct ip_header ip = {.version = 6,
			       .protocol = IPPROTO_ICMPV6_,
			       .ttl = fuzz_rarely(f, 8) ? 64 : 255};
	struct span in = {p, len};
	uint8_t out[ND_LEN];
	struct nd h, again;
	uint32_t sum = checksum_pseudo(&ip, ip.protocol, (uint32_t)len);

	if (len >= 4 && !fuzz_rarely(f, 8)) {
		put_be16(p + 2, 0);
		put_be16(p + 2, checksum_fold(checksum_add(sum, p, len)));
	}
	if (nd_decode(&h, &ip, &in) != DROP_NONE || !h.has_mac)
		return;
	nd_encode(&h, &ip, out);
	in = (struct span){out, ND_LEN};
	FUZZ_CHECK(nd_decode(&again, &ip, &in) == DROP_NONE);
	FUZZ_CHECK(h.type == again.type && again.has_mac &&
		   ip_equal(&h.target, &again.target) &&
		   mac_equal(&h.mac, &again.mac) &&
		   h.solicited == again.solicited &&
		   h.override == again.override);
}

static void check_vxlan(struct span in)
{
	uint8_t out[VXLAN_LEN];
	const uint8_t *p = in.p;
	uint32_t vni;

	if (vxlan_decode(&vni, &in) != DROP_NONE)
		return;
	vxlan_encode(vni, out);
	FUZZ_CHECK(!memcmp(out, p, VXLAN_LEN));
}

static void check_mac_text(const char *text)
{
	char again[MAC_TEXT_MAX];
	struct mac a, b;

	if (mac_parse(&a, text))
		FUZZ_CHECK(mac_parse(&b, mac_format(&a, again)) &&
			   mac_equal(&a, &b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size}, rest = f;
	size_t len;
	uint8_t *bytes = fuzz_bytes(&f, 2000, &len);
	char *text = fuzz_text(&rest);

	check_eth((struct span){bytes, len});
	check_arp((struct span){bytes, len});
	check_vxlan((struct span){bytes, len});
	check_mac_text(text);
	rest = (struct fuzz){data, size};
	check_nd(&rest, bytes, len);
	free(text);
	free(bytes);
	return 0;
}
