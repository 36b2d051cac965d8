/* Verbs that make objects other than QPs, and those for memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drill/vnic.h"
#include "nic/cq.h"
#include "nic/mr.h"
#include "nic/mw.h"

#define CQE 1024u

int verb_mr(struct call *c)
{
	struct object *o, *pd;
	uint64_t access;
	uint8_t *at;
	int rc = call_make_region(c, &o, &pd, &access, &at);

	if (rc)
		return rc;
	return call_made_region(
		c, o,
		mr_new(pd->pd, at, o->len, o->iova, (unsigned)access, &o->mr));
}

int verb_pd(struct call *c)
{
	struct object *o;
	int rc = call_make(c, call_word(c, 1), O_PD, &o);

	return rc ? rc
		  : call_made(o, call_word(c, 1),
			      pd_new(&vnic_of(c)->engine, &o->pd));
}

int verb_cq(struct call *c)
{
	struct object *o;
	uint64_t cqe;
	int rc = call_make(c, call_word(c, 1), O_CQ, &o);

	if (!rc)
		rc = call_number(c, "cqe", CQE, &cqe);
	if (!rc)
		rc = cq_new(&vnic_of(c)->engine, (unsigned)cqe, NULL, NULL,
			    &o->cq);
	if (rc)
		return rc;
	o->cq->cookie = o->cq;
	o->cq->listener = c->side;
	o->held = words_has(&c->w, "hold");
	return call_made(o, call_word(c, 1), 0);
}

int verb_xrcd(struct call *c)
{
	struct object *o;
	int rc = call_make(c, call_word(c, 1), O_XRCD, &o);

	return rc ? rc
		  : call_made(o, call_word(c, 1),
			      xrcd_open(&vnic_of(c)->engine, 0, true, false,
					&o->xrcd));
}

int verb_mw(struct call *c)
{
	struct object *o, *pd;
	uint64_t type;
	int rc = call_make(c, call_word(c, 1), O_MW, &o);

	if (!rc)
		rc = call_object(c, "pd", O_PD, c->t->pd, &pd);
	if (!rc)
		rc = call_number(c, "type", 2, &type);
	if (!rc)
		rc = mw_new(pd->pd, (unsigned)type, &o->mw);
	if (!rc)
		call_say(c, "rkey=0x%x", o->mw->h.key);
	return call_made(o, call_word(c, 1), rc);
}

int verb_srq(struct call *c)
{
	struct gn_srq_init init = {.listener = c->side};
	struct object *o, *pd, *xrcd, *cq;
	uint64_t max_wr, max_sge, limit;
	int rc = call_make(c, call_word(c, 1), O_SRQ, &o);

	if (!rc)
		rc = call_object(c, "pd", O_PD, c->t->pd, &pd);
	if (!rc)
		rc = call_object(c, "xrcd", O_XRCD, NULL, &xrcd);
	if (!rc)
		rc = call_object(c, "cq", O_CQ, c->t->cq, &cq);
	if (!rc)
		rc = call_number(c, "max_wr", 16, &max_wr);
	if (!rc)
		rc = call_number(c, "max_sge", 4, &max_sge);
	if (!rc)
		rc = call_number(c, "limit", 0, &limit);
	if (rc)
		return rc;
	init.max_wr = (uint32_t)max_wr;
	init.max_sge = (uint32_t)max_sge;
	if (xrcd) {
		init.xrcd = xrcd->xrcd;
		init.cq = cq->cq;
	}
	rc = srq_new(pd->pd, &init, &o->srq);
	if (rc)
		return rc;
	o->srq->init.cookie = o->srq;
	if (limit)
		rc = srq_set_limit(o->srq, (uint32_t)limit);
	call_say(c, "srqn=0x%x", o->srq->srqn);
	return call_made(o, call_word(c, 1), rc);
}

int verb_limit(struct call *c)
{
	struct object *o;
	uint64_t n;
	int rc = call_find_kind(c, call_word(c, 1), O_SRQ, &o);

	if (rc)
		return rc;
	if (!call_word(c, 2) || !words_number(call_word(c, 2), &n))
		return call_refuse(c, "limit SRQ NUMBER");
	return srq_set_limit(o->srq, (uint32_t)n);
}
