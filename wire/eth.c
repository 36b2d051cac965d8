#include <stdio.h>
#include "wire/eth.h"

const struct mac mac_broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

enum drop eth_decode(struct eth *h, struct span *in)
{
	const uint8_t *p = span_take(in, ETH_LEN);

	if (!p)
		return DROP_SHORT;

	memcpy(h->dst.b, p, 6);
	memcpy(h->src.b, p + 6, 6);
	h->type = get_be16(p + 12);
	h->tagged = h->type == ETHERTYPE_VLAN;
	h->vlan = 0;
	if (!h->tagged)
		return DROP_NONE;

	p = span_take(in, VLAN_LEN);
	if (!p)
		return DROP_SHORT;
	h->vlan = get_be16(p);
	h->type = get_be16(p + 2);
	return DROP_NONE;
}

size_t eth_encode(const struct eth *h, uint8_t *out)
{
	memcpy(out, h->dst.b, 6);
	memcpy(out + 6, h->src.b, 6);
	if (!h->tagged) {
		put_be16(out + 12, h->type);
		return ETH_LEN;
	}
	put_be16(out + 12, ETHERTYPE_VLAN);
	put_be16(out + 14, h->vlan);
	put_be16(out + 16, h->type);
	return ETH_LEN + VLAN_LEN;
}

bool mac_equal(const struct mac *a, const struct mac *b)
{
	return memcmp(a->b, b->b, 6) == 0;
}

bool mac_is_group(const struct mac *m)
{
	return m->b[0] & 1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool mac_parse(struct mac *m, const char *text)
{
	struct mac out;

	for (int i = 0; i < 6; i++, text += 3) {
		int hi = hex_digit(text[0]);
		int lo = hi < 0 ? -1 : hex_digit(text[1]);

		if (lo < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		out.b[i] = (uint8_t)(hi << 4 | lo);
	}
	*m = out;
	return true;
}

const char *mac_format(const struct mac *m, char *text)
{
	snprintf(text, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0],
		 m->b[1], m->b[2], m->b[3], m->b[4], m->b[5]);
	return text;
}

struct mac mac_of_multicast(const struct ip_addr *group)
{
	const uint8_t *g = group->b;

	if (ip_is_v4(group))
		return (struct mac){
			{0x01, 0x00, 0x5e, g[13] & 0x7f, g[14], g[15]}};
	return (struct mac){{0x33, 0x33, g[12], g[13], g[14], g[15]}};
}
