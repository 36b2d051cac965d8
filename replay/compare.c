/* Numbers that each side chooses for itself are not compared: QPNs, and what
 * the NIC was given in place of captured keys.  What a side is free to do
 * otherwise is noted as that.  All the rest must be equal, field by field, in
 * the words of drills.
 */
#include <stdio.h>
#include "drill/packet.h"
#include "replay/answering.h"
#include "wire/aeth.h"

/* Fields that a side is free to choose.  Beside FECN and BECN are bits that the
 * ICRC does not cover, and that some NICs set for their switches.
 */
static const struct {
	enum field field;
	enum diff kind;
} freedoms[] = {
	{F_MIGREQ, DIFF_MIGREQ}, {F_PKEY, DIFF_PKEY},  {F_FECN, DIFF_MARK},
	{F_BECN, DIFF_MARK},	 {F_RESV6, DIFF_MARK}, {F_ACKREQ, DIFF_ACKREQ},
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

static uint32_t msn_between(const struct packet_text *want,
			    const struct packet_text *got)
{
	return psn_add((uint32_t)want->v[F_MSN], 0u - (uint32_t)got->v[F_MSN]);
}

/* Does the answer count all messages that were asked for before it?  Nothing
 * newer can be in its MSN then.
 */
static bool counts_all(const struct role *p, const struct packet_text *got)
{
	return p->side == SIDE_RESPONDER &&
	       p->answering->msn == (uint32_t)got->v[F_MSN];
}

/* The first answer tells how far the captured side had counted before.  That to
 * a READ or an atomic tells how far at most: the request may have been a
 * repetition, of one that was not seen; so does one that may count newer
 * messages.
 */
static void learn_msn(struct role *p, const struct item *i,
		      const struct packet_text *want,
		      const struct packet_text *got)
{
	uint32_t low, high, ahead;

	if (!packet_gives(want, F_MSN) || p->msn_is_sure ||
	    is_repeat(p, i, &low, &high))
		return;
	ahead = msn_between(want, got);
	if (!p->has_msn || psn_diff(ahead, p->msn_ahead) < 0)
		p->msn_ahead = ahead;
	p->has_msn = true;
	p->msn_is_sure = !(item_flags(i) & (IS_READ | HAS_ATOMICACK)) &&
			 counts_all(p, got);
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

/* The answer to a READ or an atomic was asked for again. */
static bool allow_repeat(struct role *p, const struct item *i,
			 const struct packet_text *want,
			 const struct packet_text *got)
{
	uint32_t low, high;

	return is_repeat(p, i, &low, &high) &&
	       is_between(want->v[F_MSN], low, high) &&
	       is_between(got->v[F_MSN], low, high);
}

/* A responder may have gone on before its answer left; and a READ counts with
 * the first packet of its answer, or with the last.
 */
static bool allow_pace(const struct role *p, const struct item *i,
		       const struct packet_text *want,
		       const struct packet_text *got)
{
	uint32_t flags = item_flags(i), low = (uint32_t)got->v[F_MSN];
	bool before_last = flags & IS_READ && !(flags & IS_END);

	if (p->side != SIDE_RESPONDER || !is_ack(want) || !is_ack(got))
		return false;
	return is_between(want->v[F_MSN],
			  before_last ? psn_add(low, PSN_MASK) : low,
			  p->answering->msn);
}

/* Is it what the NIC has to count?  A real one answers when it likes, and
 * nobody knows how far it was then.
 */
static bool counts_right(const struct role *p, const struct item *i,
			 const struct out *o, const struct packet_text *got)
{
	uint32_t own = o->msn;

	if (p->side != SIDE_RESPONDER || p->stage.bench->live)
		return false;
	if (item_flags(i) & (IS_READ | HAS_ATOMICACK))
		answer_own_msn(p, i, &own);
	return is_between(got->v[F_MSN], own, o->msn);
}

/* The captured side has miscounted.  It is blamed once, and may go on from
 * there;
 * @ahead: how far it is ahead of the NIC's count.
 */
static void note_miscount(struct role *p, const struct item *i,
			  const struct out *o, const struct packet_text *want,
			  const struct packet_text *got, uint32_t ahead)
{
	bool goes_on = p->miscounted && ahead == p->msn_other;

	p->miscounted = !goes_on;
	p->msn_other = ahead;
	if (goes_on)
		p->msn_ahead = ahead;
	else
		role_blame(p, DIFF_RULE, i->frame, 0, &i->roce, &o->roce,
			   "msn: captured %llu, glassnic counts %llu",
			   (unsigned long long)want->v[F_MSN],
			   (unsigned long long)got->v[F_MSN]);
}

static void note_pace(struct role *p, enum diff kind, const struct item *i,
		      const struct out *o, const struct packet_text *want,
		      const struct packet_text *got)
{
	role_note(p, kind, i->frame, &i->roce, &o->roce,
		  "msn: captured %llu, glassnic %llu",
		  (unsigned long long)want->v[F_MSN],
		  (unsigned long long)got->v[F_MSN]);
}

/* @want is mapped already; @ahead: how far it is ahead of @got in the capture.
 */
static void allow_msn(struct role *p, const struct item *i, const struct out *o,
		      struct packet_text *want, const struct packet_text *got,
		      uint32_t ahead)
{
	uint32_t low, high;

	if (!packet_gives(want, F_MSN) || want->v[F_MSN] == got->v[F_MSN])
		return;
	if (!p->has_msn && is_repeat(p, i, &low, &high))
		; /* how far they had counted is not known */
	else if (allow_repeat(p, i, want, got))
		note_pace(p, DIFF_REPEAT_MSN, i, o, want, got);
	else if (!counts_right(p, i, o, got))
		return;
	else if (allow_pace(p, i, want, got))
		note_pace(p, DIFF_MSN_PACE, i, o, want, got);
	else
		note_miscount(p, i, o, want, got, ahead);
	forget(want, F_MSN);
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
	uint32_t ahead;

	packet_from_roce(&want, &i->roce);
	packet_from_roce(&got, &o->roce);
	learn_msn(p, i, &want, &got);
	ahead = msn_between(&want, &got);
	set_mapped(p, &want);
	allow_msn(p, i, o, &want, &got, ahead);
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
