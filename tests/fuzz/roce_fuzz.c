/* BTH, extension headers and the text of a packet: what decodes can be encoded,
 * and decodes to the same; the text never leaves its buffer; the ICRC of what
 * we encode is right however it is computed.
 */
#include "tests/fuzz/fuzz.h"
#include "wire/aeth.h"
#include "wire/crc32.h"
#include "wire/icrc.h"
#include "wire/print.h"

#define CANARY 0x5a

static void check_headers(const struct roce *a, const struct roce *b)
{
	uint32_t has = a->op->flags;

	FUZZ_CHECK(a->op == b->op);
	FUZZ_CHECK(a->payload.len == b->payload.len);
	FUZZ_CHECK(!(has & HAS_XRCETH) || a->srqn == b->srqn);
	FUZZ_CHECK(!(has & HAS_DETH) || (a->deth.qkey == b->deth.qkey &&
					 a->deth.sqpn == b->deth.sqpn));
	FUZZ_CHECK(!(has & HAS_FETH) ||
		   (a->feth.type == b->feth.type &&
		    a->feth.selectivity == b->feth.selectivity));
	FUZZ_CHECK(!(has & HAS_RETH) ||
		   (a->reth.va == b->reth.va && a->reth.rkey == b->reth.rkey &&
		    a->reth.len == b->reth.len));
	FUZZ_CHECK(!(has & HAS_ATOMICETH) ||
		   (a->atomic.va == b->atomic.va &&
		    a->atomic.rkey == b->atomic.rkey &&
		    a->atomic.swap_add == b->atomic.swap_add &&
		    a->atomic.compare == b->atomic.compare));
	FUZZ_CHECK(!(has & HAS_AETH) || (a->aeth.syndrome == b->aeth.syndrome &&
					 a->aeth.msn == b->aeth.msn));
	FUZZ_CHECK(!(has & HAS_ATOMICACK) || a->orig == b->orig);
	FUZZ_CHECK(!(has & HAS_IMM) || a->imm == b->imm);
	FUZZ_CHECK(!(has & HAS_IETH) || a->inv_rkey == b->inv_rkey);
}

/* Reserved bits apart, the headers come back as they were. */
static void check_encode(const struct roce *r, struct span data)
{
	uint8_t head[ROCE_HEAD_MAX], *whole = malloc(data.len);
	struct roce again = {0};
	size_t n = roce_encode_head(r, head);

	FUZZ_CHECK(whole && n == r->op->len && n <= sizeof(head));
	FUZZ_CHECK(!memcmp(head, data.p, BTH_LEN));
	memcpy(whole, data.p, data.len);
	memcpy(whole, head, n);
	FUZZ_CHECK(roce_decode(&again, (struct span){whole, data.len}) ==
		   DROP_NONE);
	check_headers(r, &again);
	free(whole);
}

static void check_print(const struct roce *r, size_t size)
{
	char *text = malloc(size + 1);

	FUZZ_CHECK(text);
	text[size] = CANARY;
	roce_print(r, text, size);
	FUZZ_CHECK(text[size] == CANARY);
	FUZZ_CHECK(!size || strlen(text) < size);
	text[size] = CANARY;
	aeth_print(&r->aeth, text, size);
	FUZZ_CHECK(text[size] == CANARY);
	free(text);
}

static void check_credits(unsigned code)
{
	if (code < CREDITS_UNLIMITED)
		FUZZ_CHECK(credits_to_code(credits_from_code(code)) == code);
	FUZZ_CHECK(rnr_usec(code) > 0 && nak_text(code)[0]);
}

static void check_icrc(struct fuzz *f, struct span data)
{
	struct ip_header ip = {.version = fuzz_u8(f) & 1 ? 4 : 6,
			       .protocol = IPPROTO_UDP_,
			       .df = fuzz_u8(f) & 1};
	struct udp udp = {fuzz_u16(f), ROCE_UDP_PORT, 0, 0};
	size_t cut = BTH_LEN + fuzz_u16(f) % (data.len - BTH_LEN + 1);
	size_t solve_len = 14 + UDP_LEN + data.len;
	uint16_t other = fuzz_u16(f);
	uint32_t right, wrong;
	icrc_t crc;

	ip.id = ip.version == 4 ? fuzz_u16(f) : 0;
	ip.len = udp.len = (uint16_t)(UDP_LEN + data.len + ICRC_LEN);
	right = icrc_of(&ip, &udp, data);
	crc = icrc_begin(&ip, &udp, data.p);
	crc = icrc_add(crc, data.p + BTH_LEN, cut - BTH_LEN);
	crc = icrc_add(crc, data.p + cut, data.len - cut);
	FUZZ_CHECK(icrc_end(crc) == right);
	FUZZ_CHECK(crc32_add(right, data.p, data.len) ==
		   crc32_add_portable(right, data.p, data.len));
	/* What changes on the way does not matter. */
	ip.tos = fuzz_u8(f);
	ip.ttl = fuzz_u8(f);
	ip.flow_label = fuzz_u16(f);
	udp.checksum = fuzz_u16(f);
	FUZZ_CHECK(icrc_of(&ip, &udp, data) == right);
	if (ip.version != 4)
		return;
	other ^= ip.id;
	ip.id ^= other;
	wrong = icrc_of(&ip, &udp, data);
	FUZZ_CHECK(icrc_solve_id(wrong, right, solve_len, ip.id) ==
		   (ip.id ^ other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	size_t text_size = fuzz_u8(&f);
	size_t len;
	uint8_t *bytes = fuzz_bytes(&f, 9000, &len);
	struct span packet = {bytes, len};
	struct roce r = {0};

	f = (struct fuzz){data, size};
	if (roce_decode(&r, packet) == DROP_NONE) {
		FUZZ_CHECK(r.payload.p >= bytes &&
			   r.payload.p + r.payload.len <= bytes + len);
		check_encode(&r, packet);
	}
	check_print(&r, text_size);
	check_print(&r, 400);
	check_credits(text_size & 31);
	if (len >= BTH_LEN)
		check_icrc(&f, packet);
	free(bytes);
	return 0;
}
