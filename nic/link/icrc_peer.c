/* A peer is foreign when its first packets, or RUN packets in a row later, are
 * right with foreign IDs only: the latter is a peer whose counter happened to
 * begin low, or an address that another stack took over.
 */
#include "nic/link/icrc_peer.h"

#include "wire/bth.h"
#include "wire/icrc.h"

#define ID_OURS_MAX 127 /* of a train's last segment, and then some */
#define RUN	    8u
/* Bytes of an IPv4 and a UDP header behind the identification. */
#define BEHIND_ID (IPV4_LEN - 6u + UDP_LEN)

static struct icrc_peer *peer_of(struct icrc_peers *peers,
				 const struct ip_addr *addr)
{
	uint32_t hash = get_be32(addr->b + 12) * 2654435761u;
	struct icrc_peer *p = &peers->peer[hash >> 16 & (ICRC_PEERS - 1)];

	if (!p->used || !ip_equal(&p->addr, addr))
		*p = (struct icrc_peer){.addr = *addr};
	return p;
}

/* Sets ip->id and ip->df to what makes @received right; false if nothing, and
 * then they are as before.
 */
static bool explain(struct ip_header *ip, const struct udp *udp,
		    struct span body, uint32_t received)
{
	uint16_t guess = ip->id;

	for (int df = 1; df >= 0; df--) {
		int32_t id;

		ip->df = df;
		ip->id = 0;
		id = icrc_solve_id(icrc_of(ip, udp, body), received,
				   BEHIND_ID + body.len, 0);
		if (id < 0)
			continue;
		ip->id = (uint16_t)id;
		return true;
	}
	ip->df = true;
	ip->id = guess;
	return false;
}

static bool believe(struct icrc_peers *peers, struct icrc_peer *p)
{
	if (!p->used || ++p->run == RUN)
		p->foreign = true;
	p->used = true;
	return p->foreign || peers->all_foreign;
}

struct icrc_verdict icrc_peer_check(struct icrc_peers *peers,
				    struct ip_header *ip, const struct udp *udp,
				    struct span data)
{
	struct span body = {data.p, data.len - ICRC_LEN};
	struct icrc_peer *p;
	uint32_t received;

	if (data.len < BTH_LEN + ICRC_LEN)
		return (struct icrc_verdict){DROP_SHORT, false};
	received = icrc_get(body.p + body.len);
	if (icrc_of(ip, udp, body) != received &&
	    (ip->version != 4 || !explain(ip, udp, body, received)))
		return (struct icrc_verdict){DROP_ICRC, false};
	if (ip->version != 4)
		return (struct icrc_verdict){DROP_NONE, false};
	p = peer_of(peers, &ip->src);
	if (ip->df && ip->id <= ID_OURS_MAX) {
		p->used = true;
		p->run = 0;
		return (struct icrc_verdict){DROP_NONE, false};
	}
	if (believe(peers, p))
		return (struct icrc_verdict){DROP_NONE, true};
	return (struct icrc_verdict){DROP_ICRC, false};
}
