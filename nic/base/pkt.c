#include "nic/base/pkt.h"

#include "wire/bth.h"
#include "wire/icrc.h"

static uint8_t *put(uint8_t *out, const void *p, size_t len)
{
	memcpy(out, p, len);
	return out + len;
}

void pkt_flatten(const struct pkt *p, uint8_t *out)
{
	struct span head = pkt_head(p);

	out = put(out, head.p, head.len);
	for (unsigned i = 0; i < p->nspan; i++)
		out = put(out, p->span[i].p, p->span[i].len);
	put(out, p->tail, p->tail_len);
}

unsigned pkt_pieces(const struct pkt *p, struct span piece[PKT_PIECES])
{
	unsigned n = 0;

	piece[n++] = pkt_head(p);
	for (unsigned i = 0; i < p->nspan; i++)
		piece[n++] = p->span[i];
	if (p->tail_len)
		piece[n++] = (struct span){p->tail, p->tail_len};
	return n;
}

size_t pkt_peek(const struct pkt *p, uint8_t *out, size_t len)
{
	struct span piece[PKT_PIECES];
	unsigned n = pkt_pieces(p, piece);
	size_t got = 0;

	for (unsigned i = 0; i < n && got < len; i++) {
		size_t part = piece[i].len;

		if (part > len - got)
			part = len - got;
		memcpy(out + got, piece[i].p, part);
		got += part;
	}
	return got;
}

void pkt_add_icrc(struct pkt *p, const struct ip_header *ip,
		  const struct udp *udp)
{
	struct span head = pkt_head(p);
	icrc_t crc;

	assert(head.len >= BTH_LEN);
	crc = icrc_begin(ip, udp, head.p);
	crc = icrc_add(crc, head.p + BTH_LEN, head.len - BTH_LEN);
	for (unsigned i = 0; i < p->nspan; i++)
		crc = icrc_add(crc, p->span[i].p, p->span[i].len);
	crc = icrc_add(crc, p->tail, p->tail_len);
	icrc_put(icrc_end(crc) ^ p->icrc_flip, pkt_add_tail(p, ICRC_LEN));
}
