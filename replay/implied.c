/* What a captured answer implies about its sender: which receive requests it
 * had, what was in its memory, which keys it knew.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "replay/answering.h"
#include "wire/aeth.h"

#define INBOX_MIN  4096u
#define PLACE_STEP 64u

/* A long receive is the same memory several times. */
static bool make_room(struct role *p)
{
	struct answering *a = p->answering;
	uint64_t longest = p->flow->longest_send;
	uint64_t part = (longest + ANSWER_SGES - 1) / ANSWER_SGES;

	if (part < INBOX_MIN)
		part = INBOX_MIN;
	a->nsge = (unsigned)((longest + part - 1) / part);
	a->receives = part;
	return stage_region(&p->stage, "buf", role_room(p->flow)) &&
	       stage_region(&p->stage, "inbox", part);
}

bool answer_begin(struct role *p)
{
	p->answering = calloc(1, sizeof(*p->answering));
	return p->answering && make_room(p);
}

void answer_end(struct role *p)
{
	free(p->answering);
}

/* ---- receive requests ---- */

/* The next answer that ends the connection by refusing a packet of the message
 * that begins with @i, or NULL.
 */
static const struct item *end_of_message(const struct role *p,
					 const struct item *i)
{
	for (const struct item *at = queue_next(&p->queue, i); at;
	     at = queue_next(&p->queue, at)) {
		int code;

		if (!at->answer && item_flags(at) & IS_START &&
		    item_psn(at) != item_psn(i))
			return NULL;
		if (item_refuses(at, &code) && code > NAK_PSN_SEQUENCE)
			return psn_diff(item_psn(at), item_psn(i)) >= 0 ? at
									: NULL;
	}
	return NULL;
}

/* As long as the message, or just too short, or with memory that is not there,
 * for the packet that was refused.
 */
static bool post_recv(struct role *p, const struct item *i)
{
	const struct answering *a = p->answering;
	const struct item *nak =
		item_flags(i) & IS_SEND ? end_of_message(p, i) : NULL;
	/* One more for the GRH of a datagram. */
	unsigned nsge = a->nsge + 1 < ANSWER_SGES ? a->nsge + 1 : ANSWER_SGES;
	uint64_t good;
	char sges[ANSWER_SGES * 32];
	int n = 0, code = -1;

	if (nak)
		item_refuses(nak, &code);
	if (code != NAK_INVALID_REQUEST && code != NAK_REMOTE_OPERATIONAL) {
		for (unsigned s = 0; s < nsge; s++)
			n += snprintf(sges + n, sizeof(sges) - (size_t)n,
				      " sge=inbox:%" PRIu64, a->receives);
		return stage_do(&p->stage, "post_recv %s%s", p->stage.recvs,
				sges);
	}
	good = (uint64_t)psn_diff(item_psn(nak), item_psn(i)) * p->flow->pmtu;
	if (good > a->receives)
		good = a->receives;
	if (code == NAK_INVALID_REQUEST)
		return stage_do(&p->stage, "post_recv %s sge=inbox:%" PRIu64,
				p->stage.recvs, good);
	return stage_do(&p->stage,
			"post_recv %s sge=inbox:%" PRIu64 " sge=inbox+%" PRIu64
			":65536",
			p->stage.recvs, good, a->receives);
}

static bool wants_recv(const struct item *i)
{
	return item_flags(i) & TAKES_RECV &&
	       item_flags(i) & (IS_START | IS_WRITE);
}

static bool set_rnr_timer(struct role *p, const struct item *by)
{
	struct answering *a = p->answering;
	unsigned timer = aeth_value(by->roce.aeth.syndrome);

	if (timer == a->rnr_timer)
		return true;
	a->rnr_timer = timer;
	return stage_do(&p->stage, "modify %s RTS min_rnr_timer=%u only",
			p->stage.qp, timer);
}

/* ---- memory ---- */

static struct place *find_place(struct answering *a, uint32_t psn)
{
	uint32_t kept = a->nplaces < ANSWER_PLACES ? a->nplaces : ANSWER_PLACES;

	for (uint32_t n = 1; n <= kept; n++) {
		struct place *at = &a->place[(a->nplaces - n) % ANSWER_PLACES];

		if (((psn - at->psn) & PSN_MASK) < at->npsn)
			return at;
	}
	return NULL;
}

/* Addresses keep their last bits: some must be multiples. */
static struct place *new_place(struct role *p, const struct item *i,
			       uint64_t va, uint32_t rkey, uint64_t len)
{
	struct answering *a = p->answering;
	struct place *at = &a->place[a->nplaces++ % ANSWER_PLACES];
	uint64_t low = va % PLACE_STEP;

	if (a->next + low + len > p->stage.bytes)
		a->next = 0;
	*at = (struct place){.psn = item_psn(i),
			     .npsn = item_span(i, p->flow->pmtu),
			     .va = va,
			     .rkey = rkey,
			     .offset = a->next + low};
	a->next += (low + len + 2 * PLACE_STEP - 1) / PLACE_STEP * PLACE_STEP;
	return at;
}

/* What answers to @i, up to when it is asked again after one, say was in
 * memory. */
static bool fill(struct role *p, const struct item *i, struct place *at)
{
	uint32_t span = item_span(i, p->flow->pmtu), found = 0;

	at->is_known = false;

	for (const struct item *c = queue_next(&p->queue, i); c;
	     c = queue_next(&p->queue, c)) {
		uint32_t n = (item_psn(c) - item_psn(i)) & PSN_MASK;
		uint64_t offset = at->offset +
				  ((item_psn(i) - at->psn) & PSN_MASK) *
					  (uint64_t)p->flow->pmtu +
				  (uint64_t)n * p->flow->pmtu;
		struct span data = c->roce.payload;

		if (found && !c->answer && item_psn(c) == item_psn(i))
			break;
		if (!item_accepts(c) || n >= span)
			continue;
		if (item_flags(c) & HAS_ATOMICACK)
			data = (struct span){(const uint8_t *)&c->roce.orig, 8};
		else if (!(item_flags(c) & IS_READ))
			continue;
		found++;
		if (offset + data.len <= p->stage.bytes &&
		    !stage_write(&p->stage, "buf", offset, data))
			return false;
	}
	at->is_known = found >= span;
	return true;
}

bool answer_is_known(const struct role *p, uint32_t psn)
{
	const struct place *at = find_place(p->answering, psn);

	return at && at->is_known;
}

void answer_note_msn(struct role *p, const struct item *i)
{
	struct place *at = find_place(p->answering, item_psn(i));

	if (at && at->psn == item_psn(i))
		at->msn = p->answering->msn;
}

bool answer_is_repeat(const struct role *p, const struct item *i, uint32_t *low,
		      uint32_t *high)
{
	uint32_t psn = item_psn(i);
	const struct place *at = find_place(p->answering, psn);
	bool seen = at && at->repeated && psn_diff(psn, at->again) >= 0;

	if (!at || (!seen && !i->again))
		return false;
	*low = at->msn;
	*high = p->answering->msn;
	return true;
}

void answer_own_msn(const struct role *p, const struct item *i, uint32_t *msn)
{
	const struct place *at = find_place(p->answering, item_psn(i));

	if (at)
		*msn = at->msn;
}

static void note_repeat(struct place *at, uint32_t psn)
{
	if (!at->repeated || psn_diff(psn, at->again) < 0)
		at->again = psn;
	at->repeated = true;
}

/* Where the request's memory is here.  One that is sent again asks for the
 * same, or it differs here as it did there.
 */
static bool map_memory(struct role *p, const struct item *i, struct roce *r)
{
	bool atomic = item_flags(i) & HAS_ATOMICETH;
	uint64_t *va = atomic ? &r->atomic.va : &r->reth.va;
	uint32_t *rkey = atomic ? &r->atomic.rkey : &r->reth.rkey;
	uint64_t len = atomic ? 8 : r->reth.len;
	bool again = psn_diff(item_psn(i), p->answering->epsn) < 0;
	struct place *at = again ? find_place(p->answering, item_psn(i)) : NULL;
	bool reads = item_flags(i) & IS_READ || atomic;

	if (at)
		note_repeat(at, item_psn(i));
	else
		at = new_place(p, i, *va, *rkey, len);
	if (reads && !(atomic && again) && !fill(p, i, at))
		return false;
	*va = p->stage.va + at->offset + (*va - at->va);
	*rkey = *rkey == at->rkey ? p->stage.rkey : 0;
	return true;
}

/* ---- refusals ---- */

static bool refuse(struct role *p, const struct item *i, const struct item *by)
{
	switch (aeth_value(by->roce.aeth.syndrome)) {
	case NAK_REMOTE_ACCESS: return stage_forget_region(&p->stage);
	case NAK_INVALID_REQUEST:
		if (item_flags(i) & IS_SEND)
			return true; /* its receive request is too short */
		return stage_do(&p->stage, "modify %s RTS access=none only",
				p->stage.qp);
	}
	return true;
}

/* The key that is taken back.  A window belongs to the QP that has bound it,
 * and an XRC QP that answers binds none.
 */
static bool map_key(struct role *p, struct roce *r)
{
	if (p->flow->key.transport == TRANSPORT_XRC) {
		snprintf(p->stage.trouble, sizeof(p->stage.trouble),
			 "glassnic has no key that a SEND to an XRC QP could "
			 "invalidate");
		return false;
	}
	if (!stage_window(&p->stage))
		return false;
	r->inv_rkey = p->stage.window_key;
	return true;
}

bool answer_prepare(struct role *p, const struct item *i, enum fate fate,
		    const struct item *by, struct roce *r)
{
	bool new = item_psn(i) == p->answering->epsn;

	if (item_flags(i) & (HAS_RETH | HAS_ATOMICETH) && !map_memory(p, i, r))
		return false;
	if (!new)
		return true;
	if (fate == FATE_RNR)
		return set_rnr_timer(p, by);
	if (wants_recv(i) && !p->answering->has_spare && !post_recv(p, i))
		return false;
	p->answering->has_spare |= wants_recv(i);
	if (fate == FATE_REFUSED)
		return refuse(p, i, by);
	if (!(item_flags(i) & HAS_IETH))
		return true;
	return map_key(p, r);
}
