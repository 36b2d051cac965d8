#include "nic/link/eth_ping.h"

#include "nic/link/eth_tx.h"
#include "wire/arp.h"
#include "wire/ip.h"

#define PING_HEAD 4u /* type, code, checksum */
#define PING_MIN  8u

static uint32_t pseudo(const struct ip_header *ip, size_t len)
{
	if (ip->version == 4)
		return 0; /* ICMP for IPv4 has no pseudo-header */
	return checksum_pseudo(ip, IPPROTO_ICMPV6_, (uint32_t)len);
}

enum drop eth_ping(struct eth_link *e, const struct ip_header *ip,
		   struct span in, nsec_t now)
{
	bool v4 = ip->version == 4;
	uint8_t request = v4 ? 8 : 128, reply = v4 ? 0 : 129;
	uint32_t sum = pseudo(ip, in.len);
	uint8_t *head;
	struct pkt p;

	if (in.len < PING_MIN)
		return DROP_SHORT;
	if (checksum_fold(checksum_add(sum, in.p, in.len)))
		return DROP_UDP_CHECKSUM;
	if (in.p[0] != request || in.p[1] || !eth_is_own(e, &ip->dst) ||
	    !eth_answers(e))
		return DROP_IP_PROTOCOL;
	pkt_reset(&p);
	p.src = ip->dst;
	p.dst = ip->src;
	p.tos = ip->tos;
	p.ttl = ETH_TTL;
	pkt_add_span(&p, in.p + PING_HEAD, in.len - PING_HEAD);
	head = pkt_push(&p, PING_HEAD);
	memset(head, 0, PING_HEAD);
	head[0] = reply;
	/* The pseudo-header's sum does not change when the ends are swapped. */
	sum = checksum_add(sum, head, PING_HEAD);
	sum = checksum_add(sum, in.p + PING_HEAD, in.len - PING_HEAD);
	put_be16(head + 2, checksum_fold(sum));
	eth_tx_ip(e, &p, v4 ? 1 : IPPROTO_ICMPV6_, now);
	return DROP_NONE;
}
