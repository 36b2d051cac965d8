/* The segment size is nowhere in the datagram, but the packets prove it: all
 * segments but the last are of one size, and a BTH to the same QP stands at
 * each boundary.  A size is believed when the first and the second segment's
 * ICRCs come out right for the headers that they had or will have: lengths of
 * their own, and an IPv4 identification that counts up by one a segment (GSO)
 * or stays (GRO of packets that all had 0).
 */
#include "trace/train.h"
#include "wire/bth.h"
#include "wire/icrc.h"
#include "wire/opcode.h"

#define SEGMENT_MIN (BTH_LEN + ICRC_LEN)

void train_segment(const struct train *t, struct segment *s,
		   const struct ip_header *ip, const struct udp *udp,
		   unsigned i, size_t len)
{
	s->ip = *ip;
	s->ip.len = (uint16_t)(UDP_LEN + len);
	if (ip->version == 4 && t->counts_id)
		s->ip.id = (uint16_t)(ip->id + i);
	s->udp = *udp;
	s->udp.len = s->ip.len;
}

static bool icrc_right(const struct train *t, const struct ip_header *ip,
		       const struct udp *udp, unsigned i, struct span data)
{
	struct segment s;
	size_t len = data.len - ICRC_LEN;

	train_segment(t, &s, ip, udp, i, data.len);
	return icrc_of(&s.ip, &s.udp, (struct span){data.p, len}) ==
	       icrc_get(data.p + len);
}

/* Whether a BTH like the one at @head may stand at @p. */
static bool same_kind(const uint8_t *head, const uint8_t *p)
{
	return get_be24(p + 5) == get_be24(head + 5) && opcode_find(p[0]) &&
	       (p[1] & 0xf) == 0;
}

static bool explains(struct train *t, const struct ip_header *ip,
		     const struct udp *udp, struct span data)
{
	size_t rest = data.len - t->len;
	struct span first = {data.p, t->len};
	struct span second = {data.p + t->len, rest < t->len ? rest : t->len};

	if (rest < SEGMENT_MIN || !same_kind(data.p, second.p))
		return false;
	t->counts_id = true;
	if (!icrc_right(t, ip, udp, 0, first))
		return false;
	if (icrc_right(t, ip, udp, 1, second))
		return true;
	t->counts_id = false;
	return icrc_right(t, ip, udp, 1, second);
}

bool train_guess(struct train *t, const struct ip_header *ip,
		 const struct udp *udp, struct span data)
{
	if (data.len < 2 * SEGMENT_MIN || data.len % 4 != 0)
		return false;
	for (t->len = SEGMENT_MIN; t->len < data.len; t->len += 4)
		if (explains(t, ip, udp, data))
			return true;
	return false;
}
