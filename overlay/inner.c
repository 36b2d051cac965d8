/* The flow hash becomes the outer UDP source port (RFC 7348, 5), by which
 * networks spread flows over paths: two packets of a flow must agree in it.
 * For UDP and TCP it covers addresses, protocol and ports, for other IP packets
 * and fragments the addresses and protocol, else both MACs.
 */
#include "overlay/inner.h"

#include "wire/ip.h"

#define IPPROTO_TCP_ 6u

static uint32_t mix(uint32_t hash, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 16777619u; /* FNV-1a */
	return hash;
}

static uint32_t mix_ports(uint32_t hash, uint8_t protocol, const uint8_t *ports,
			  size_t len)
{
	hash = mix(hash, &protocol, 1);
	if (len < 4 || (protocol != IPPROTO_UDP_ && protocol != IPPROTO_TCP_))
		return hash;
	return mix(hash, ports, 4);
}

static void parse_ipv4(struct inner *in, const uint8_t *p, size_t len)
{
	size_t head = (p[0] & 0xfu) * 4;
	bool fragment;

	if (len < IPV4_LEN || p[0] >> 4 != 4 || head < IPV4_LEN)
		return;
	fragment = get_be16(p + 6) & 0x3fff;
	in->version = 4;
	in->tos = p[1];
	in->flow = mix_ports(mix(in->flow, p + 12, 8), p[9], p + head,
			     fragment || len < head ? 0 : len - head);
}

static void parse_ipv6(struct inner *in, const uint8_t *p, size_t len)
{
	if (len < IPV6_LEN || p[0] >> 4 != 6)
		return;
	in->version = 6;
	in->tos = (uint8_t)(get_be16(p) >> 4);
	in->flow = mix_ports(mix(in->flow, p + 8, 32), p[6], p + IPV6_LEN,
			     len - IPV6_LEN);
}

enum drop inner_parse(struct inner *in, struct span frame)
{
	size_t at = ETH_LEN;
	unsigned type;

	if (frame.len < ETH_LEN)
		return DROP_SHORT;
	memset(in, 0, sizeof(*in));
	memcpy(in->dst.b, frame.p, 6);
	memcpy(in->src.b, frame.p + 6, 6);
	in->flow = 2166136261u;
	type = get_be16(frame.p + 12);
	while ((type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ) &&
	       frame.len >= at + VLAN_LEN) {
		type = get_be16(frame.p + at + 2);
		at += VLAN_LEN;
	}
	in->ip_at = at;
	if (type == ETHERTYPE_IPV4 && frame.len > at)
		parse_ipv4(in, frame.p + at, frame.len - at);
	else if (type == ETHERTYPE_IPV6 && frame.len > at)
		parse_ipv6(in, frame.p + at, frame.len - at);
	if (!in->version)
		in->flow = mix(in->flow, frame.p, 12);
	return DROP_NONE;
}

/* RFC 1624: HC' = ~(~HC + ~m + m'). */
static void set_tos_ipv4(uint8_t *p, uint8_t tos)
{
	uint32_t sum = (uint16_t)~get_be16(p + 10);

	sum += (uint16_t)~get_be16(p);
	p[1] = tos;
	sum += get_be16(p);
	put_be16(p + 10, checksum_fold(sum));
}

void inner_set_tos(const struct inner *in, uint8_t *frame, uint8_t tos)
{
	uint8_t *p = frame + in->ip_at;

	if (in->version == 4)
		set_tos_ipv4(p, tos);
	else if (in->version == 6)
		put_be16(p, (uint16_t)((get_be16(p) & 0xf00fu) | (uint32_t)tos
									 << 4));
}
