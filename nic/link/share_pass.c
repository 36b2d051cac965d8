/* A parcel is PARCEL, the secret, a datagram's source address and port, TOS,
 * TTL and flow label, and the datagram.  It goes to the socket that each member
 * has aside.  One without a datagram asks its receiver to look after the order.
 */
#include <sys/socket.h>
#include <sys/uio.h>
#include "nic/link/share_parts.h"

#define PARCEL	   0xff676c70u
#define PARCEL_LEN 36u
#define LOOK_EVERY (20 * USEC) /* who is there, for what concerns all */

static void send_parcel(const struct share *s, uint16_t aside,
			const struct ip_header *ip, uint16_t sport,
			struct span data)
{
	uint8_t head[PARCEL_LEN];
	struct iovec iov[2] = {{head, sizeof(head)},
			       {(void *)(uintptr_t)data.p, data.len}};
	union udp_name to;
	struct msghdr m = {.msg_name = &to, .msg_iov = iov, .msg_iovlen = 2};

	m.msg_namelen = udp_name_of(&to, &s->addr, aside, s->aside.scope);
	put_be32(head, PARCEL);
	put_be64(head + 4, s->table.head.secret);
	memcpy(head + 12, ip->src.b, 16);
	put_be16(head + 28, sport);
	head[30] = ip->tos;
	head[31] = ip->ttl;
	put_be32(head + 32, ip->flow_label);
	sendmsg(s->aside.fd, &m, MSG_DONTWAIT);
}

void share_nudge(const struct share *s, uint16_t aside)
{
	const struct ip_header none = {.version = 4};

	send_parcel(s, aside, &none, 0, (struct span){NULL, 0});
}

bool share_unpack(struct share *s, struct span *data, struct ip_header *ip,
		  uint16_t *sport, nsec_t now)
{
	const uint8_t *head = span_take(data, PARCEL_LEN);

	if (!head || get_be32(head) != PARCEL ||
	    get_be64(head + 4) != s->table.head.secret)
		return false;
	memcpy(ip->src.b, head + 12, 16);
	*sport = get_be16(head + 28);
	ip->tos = head[30];
	ip->ttl = head[31];
	ip->flow_label = get_be32(head + 32);
	if (!data->len)
		share_mend_stale(s, now);
	return data->len;
}

struct udp_sock *share_aside(struct share *s)
{
	return &s->aside;
}

/* False if @slot is nobody's. */
static bool pass_on(struct share *s, unsigned slot, const struct ip_header *ip,
		    uint16_t sport, struct span data, nsec_t now)
{
	struct share_table *t = &s->table;
	unsigned first;

	if (!share_table_get(t, slot) || !t->row[slot].pid)
		return false;
	first = t->row[slot].first;
	if (!share_table_get(t, first) || !share_table_leads(t, first))
		return false;
	send_parcel(s, t->row[first].aside, ip, sport, data);
	count(s->counters, CNT_PASSED_ON);
	share_mend(s, now);
	return true;
}

static void pass_to_all(struct share *s, const struct ip_header *ip,
			uint16_t sport, struct span data, nsec_t now)
{
	struct share_table *t = &s->table;

	if (now - s->looked_at >= LOOK_EVERY && share_table_get_all(t))
		s->looked_at = now;
	for (unsigned i = 0; i < SHARE_SLOTS; i++) {
		if (!share_table_leads(t, i) || share_owns(s, i))
			continue;
		send_parcel(s, t->row[i].aside, ip, sport, data);
		count(s->counters, CNT_PASSED_ON);
	}
}

bool share_takes(struct share *s, const struct ip_header *ip, uint16_t sport,
		 struct span data, nsec_t now)
{
	int slot;

	if (data.len == SHARE_PROBE_LEN && get_be32(data.p) == STEER_BY_INDEX) {
		share_probe(s, data, now);
		return true;
	}
	slot = steer_slot(s->kind, data);
	if (slot == STEER_ALL)
		pass_to_all(s, ip, sport, data, now);
	if (slot < 0 || share_owns(s, (unsigned)slot))
		return false;
	return pass_on(s, (unsigned)slot, ip, sport, data, now);
}

bool share_has(const struct share *s, uint32_t qpn)
{
	return share_owns(s, qpn >> QPN_LOCAL_BITS & (SHARE_SLOTS - 1));
}
