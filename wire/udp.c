#include "wire/udp.h"

enum drop udp_decode(struct udp *h, struct span *in)
{
	const uint8_t *p = span_take(in, UDP_LEN);

	if (!p)
		return DROP_SHORT;

	h->sport = get_be16(p);
	h->dport = get_be16(p + 2);
	h->len = get_be16(p + 4);
	h->checksum = get_be16(p + 6);
	if (h->len < UDP_LEN || h->len - UDP_LEN > in->len)
		return DROP_UDP_LENGTH;

	in->len = h->len - UDP_LEN;
	return DROP_NONE;
}

void udp_encode(const struct udp *h, uint8_t *out)
{
	put_be16(out, h->sport);
	put_be16(out + 2, h->dport);
	put_be16(out + 4, h->len);
	put_be16(out + 6, h->checksum);
}
