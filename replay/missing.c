/* An answer to a READ or atomic that the sniffer has missed, but the captured
 * requester has got, is made up: the NIC would ask for it again, and be out of
 * step for good.  If the captured requester asks again, it was lost for both.
 */
#include "replay/asking.h"
#include "wire/aeth.h"

/* Behind a lost answer, what a requester sends until it asks again. */
#define SOON 256u

void missing_note(struct role *p, const struct roce *r)
{
	struct asking *a = p->asking;

	a->asked[a->nasked++ % ASKED_MAX] = (struct asked){
		.psn = r->bth.psn,
		.span = request_span(r, p->flow->pmtu),
		.len = r->reth.len,
		.opcode = r->bth.opcode,
	};
}

const struct asked *missing_before(const struct role *p, const struct item *i,
				   uint32_t *psn)
{
	const struct asking *a = p->asking;
	uint32_t n = a->nasked < ASKED_MAX ? a->nasked : ASKED_MAX;

	for (; n; n--) {
		const struct asked *r = &a->asked[(a->nasked - n) % ASKED_MAX];

		*psn = psn_diff(r->psn, a->fed) > 0 ? r->psn : a->fed;
		if (psn_diff(*psn, psn_add(r->psn, r->span)) < 0 &&
		    psn_diff(item_psn(i), *psn) > 0)
			return r;
	}
	return NULL;
}

/* What follows answer @i: is @psn asked for again?  -1: too early to tell. */
static int asked_again(const struct role *p, const struct item *i, uint32_t psn,
		       bool forced)
{
	unsigned n = 0;

	for (i = queue_next(&p->queue, i); i; i = queue_next(&p->queue, i)) {
		if (!i->answer && psn_diff(item_psn(i), psn) <= 0 &&
		    psn_diff(psn_add(item_psn(i), item_span(i, p->flow->pmtu)),
			     psn) > 0)
			return 1;
		n++;
	}
	return n < SOON && !forced ? -1 : 0;
}

static enum operation response_to(const struct asked *r, uint32_t n)
{
	switch ((int)opcode_operation(r->opcode)) {
	case OP_COMPARE_SWAP:
	case OP_FETCH_ADD: return OP_ATOMIC_ACKNOWLEDGE;
	}
	if (r->span == 1)
		return OP_READ_RESPONSE_ONLY;
	if (n == 0)
		return OP_READ_RESPONSE_FIRST;
	return n + 1 == r->span ? OP_READ_RESPONSE_LAST
				: OP_READ_RESPONSE_MIDDLE;
}

/* Zeros, as long as they must be. */
static void make_up(struct role *p, const struct asked *r, uint32_t psn,
		    const struct item *i)
{
	static const uint8_t zeros[4096];
	uint32_t n = psn_add(psn, 0u - r->psn), pmtu = p->flow->pmtu;
	enum operation op = response_to(r, n);
	struct roce made = {
		.bth = {.opcode = opcode_of(p->flow->key.transport, op),
			.psn = psn},
		.aeth = {aeth_syndrome(AETH_ACK, CREDITS_UNLIMITED),
			 i->roce.aeth.msn},
	};
	uint64_t left = r->len - (uint64_t)n * pmtu;

	made.op = opcode_find(made.bth.opcode);
	if (opcode_operation(r->opcode) == OP_READ_REQUEST)
		made.payload = (struct span){zeros, left < pmtu ? left : pmtu};
	made.bth.pad = (uint8_t)(-made.payload.len & 3);
	stage_send(&p->stage, &made, i->frame);
	p->asking->fed = psn_add(psn, 1);
}

bool missing_fill(struct role *p, struct item *i, bool forced)
{
	struct asking *a = p->asking;
	const struct asked *r;
	uint32_t psn, n = 0;

	if (a->doubt && a->doubt_frame == i->frame)
		return true;
	while ((r = missing_before(p, i, &psn))) {
		int again = asked_again(p, i, psn, forced);

		if (again < 0)
			return false;
		if (again) {
			a->doubt = true;
			a->doubt_frame = i->frame;
			break;
		}
		make_up(p, r, psn, i);
		n++;
	}
	if (n)
		role_note(p, DIFF_LOST_ANSWER, i->frame, NULL, NULL,
			  "%u answers before it were not seen; glassnic gets "
			  "zeros",
			  n);
	return true;
}
