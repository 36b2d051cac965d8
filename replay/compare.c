/* Numbers that each side chooses for itself are not compared: QPNs, and what
 * the NIC was given in place of captured keys.  What a side is free to do
 * otherwise is noted as that.  All the rest must be equal, field by field, in
 * the words of drills.
 */
#include <stdio.h>
#include "drill/packet.h"
#include "replay/answering.h"
#include "wire/aeth.h"

/* Fields that a side is free to choose. */
static const struct {
	enum field field;
	enum diff kind;
} freedoms[] = {
	{F_MIGREQ, DIFF_MIGREQ}, {F_PKEY, DIFF_PKEY},	  {F_FECN, DIFF_MARK},
	{F_BECN, DIFF_MARK},	 {F_ACKREQ, DIFF_ACKREQ},
};

static void forget(struct packet_text *t, enum field f)
{
	t->given &= ~((uint64_t)1 << f);
}

/* The payload says the same at the right place. */
static void forget_mad(struct packet_text *t)
{
	for (unsigned f = F_MAD_CLASS; f <= F_MAD_ATTR; f++)
		forget(t, (enum field)f);
}

static void set_mapped(const struct role *p, struct packet_text *want)
{
	forget(want, F_SQPN);
	forget_mad(want);
	if (p->flow->key.transport == TRANSPORT_UD)
		forget(want, F_PSN); /* of one QP for all destinations */
	else
		forget(want, F_DQPN);
	if (packet_gives(want, F_MSN))
		packet_set(
			want, F_MSN,
			psn_add((uint32_t)want->v[F_MSN], 0u - p->msn_ahead));
}

/* Some answer a READ or an atomic that is repeated with its own MSN again, some
 * with the newest; from *@low to *@high.
 */
static bool is_repeat(const struct role *p, const struct item *i, uint32_t *low,
		      uint32_t *high)
{
	return p->side == SIDE_RESPONDER &&
	       item_flags(i) & (IS_READ | HAS_ATOMICACK) &&
	       answer_is_repeat(p, i, low, high);
}

/* The first answer tells how far the captured side had counted before.  That to
 * a READ or an atomic tells how far at most: the request may have been a
 * repetition, of one that was not seen.
 */
static void learn_msn(struct role *p, const struct item *i,
		      const struct packet_text *want,
		      const struct packet_text *got)
{
	uint32_t low, high, ahead;

	if (!packet_gives(want, F_MSN) || p->msn_is_sure ||
	    is_repeat(p, i, &low, &high))
		return;
	ahead = psn_add((uint32_t)want->v[F_MSN], 0u - (uint32_t)got->v[F_MSN]);
	if (!p->has_msn || psn_diff(ahead, p->msn_ahead) < 0)
		p->msn_ahead = ahead;
	p->has_msn = true;
	p->msn_is_sure = !(item_flags(i) & (IS_READ | HAS_ATOMICACK));
}

static bool is_ack(const struct packet_text *t)
{
	return packet_gives(t, F_KIND) && t->v[F_KIND] == AETH_ACK;
}

static bool is_between(uint64_t msn, uint32_t low, uint32_t high)
{
	return psn_diff((uint32_t)msn, low) >= 0 &&
	       psn_diff((uint32_t)msn, high) <= 0;
}

static void allow_msn(struct role *p, const struct item *i, const struct out *o,
		      struct packet_text *want, const struct packet_text *got)
{
	uint32_t low, high;

	if (!packet_gives(want, F_MSN) || want->v[F_MSN] == got->v[F_MSN] ||
	    !is_repeat(p, i, &low, &high))
		return;
	if (!p->has_msn) {
		forget(want, F_MSN); /* how far they had counted is not known */
		return;
	}
	if (!is_between(want->v[F_MSN], low, high) ||
	    !is_between(got->v[F_MSN], low, high))
		return;
	forget(want, F_MSN);
	role_note(p, DIFF_REPEAT_MSN, i->frame, &i->roce, &o->roce,
		  "msn: captured %llu, glassnic %llu",
		  (unsigned long long)want->v[F_MSN],
		  (unsigned long long)got->v[F_MSN]);
}

static void allow(struct role *p, const struct item *i, const struct out *o,
		  struct packet_text *want, const struct packet_text *got)
{
	for (size_t n = 0; n < sizeof(freedoms) / sizeof(*freedoms); n++) {
		enum field f = freedoms[n].field;
		bool differs = want->v[f] != got->v[f];

		forget(want, f);
		if (!differs)
			continue;
		role_note(p, freedoms[n].kind, i->frame, &i->roce, &o->roce,
			  "%s: captured %llu, glassnic %llu",
			  packet_field_name(f), (unsigned long long)want->v[f],
			  (unsigned long long)got->v[f]);
	}
	if (is_ack(want) && is_ack(got) &&
	    want->v[F_VALUE] != got->v[F_VALUE]) {
		role_note(p, DIFF_CREDITS, i->frame, &i->roce, &o->roce,
			  "credit code: captured %llu, glassnic %llu",
			  (unsigned long long)want->v[F_VALUE],
			  (unsigned long long)got->v[F_VALUE]);
		forget(want, F_VALUE);
	}
}

void role_compare(struct role *p, const struct item *i, const struct out *o)
{
	static struct packet_text want, got;
	char why[WORDS_WHY_MAX];

	packet_from_roce(&want, &i->roce);
	packet_from_roce(&got, &o->roce);
	learn_msn(p, i, &want, &got);
	set_mapped(p, &want);
	allow_msn(p, i, o, &want, &got);
	allow(p, i, o, &want, &got);
	want.exact = !i->cut;
	if (i->cut)
		forget(&want, F_ORIG);
	if (packet_match(&want, &got, why)) {
		p->tally.same++;
		return;
	}
	role_blame(p, DIFF_DIFFERS, i->frame, o->frame, &i->roce, &o->roce,
		   "%s", why);
}
