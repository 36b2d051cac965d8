/* Verbs that make objects other than QPs, those for memory, and the end of
 * objects.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "peer/call.h"

#define CQE 1024u

int verb_mr(struct call *c)
{
	struct object *o, *pd;
	uint64_t access;
	uint8_t *at;
	int rc = call_make_region(c, &o, &pd, &access, &at);

	if (rc)
		return rc;
	o->ibv_mr = ibv_reg_mr_iova(pd->ibv_pd, at, o->len, o->iova,
				    (unsigned)access);
	return call_made_region(c, o, call_errno(o->ibv_mr));
}

/* ---- small objects ---- */

int verb_pd(struct call *c)
{
	struct object *o;
	int rc = call_make(c, call_word(c, 1), O_PD, &o);

	if (rc)
		return rc;
	o->ibv_pd = ibv_alloc_pd(session_of(c)->device->context);
	return call_made(o, call_word(c, 1), call_errno(o->ibv_pd));
}

int verb_cq(struct call *c)
{
	struct object *o;
	uint32_t cqe;
	int rc = call_make(c, call_word(c, 1), O_CQ, &o);

	if (!rc)
		rc = call_number32(c, "cqe", CQE, &cqe);
	if (rc)
		return rc;
	o->held = words_has(&c->w, "hold");
	o->ibv_cq = ibv_create_cq(session_of(c)->device->context, (int)cqe,
				  NULL, session_of(c)->channel, 0);
	if (o->ibv_cq)
		ibv_req_notify_cq(o->ibv_cq, 0);
	return call_made(o, call_word(c, 1), call_errno(o->ibv_cq));
}

int verb_xrcd(struct call *c)
{
	struct ibv_xrcd_init_attr attr = {
		.comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS,
		.fd = -1,
		.oflags = O_CREAT};
	struct object *o;
	int rc = call_make(c, call_word(c, 1), O_XRCD, &o);

	if (rc)
		return rc;
	o->ibv_xrcd = ibv_open_xrcd(session_of(c)->device->context, &attr);
	return call_made(o, call_word(c, 1), call_errno(o->ibv_xrcd));
}

int verb_mw(struct call *c)
{
	struct object *o, *pd;
	uint32_t type;
	int rc = call_make(c, call_word(c, 1), O_MW, &o);

	if (!rc)
		rc = call_object(c, "pd", O_PD, c->t->pd, &pd);
	if (!rc)
		rc = call_number32(c, "type", 2, &type);
	if (rc)
		return rc;
	o->ibv_mw = ibv_alloc_mw(pd->ibv_pd, (enum ibv_mw_type)type);
	rc = call_errno(o->ibv_mw);
	if (!rc)
		call_say(c, "rkey=0x%x", o->ibv_mw->rkey);
	return call_made(o, call_word(c, 1), rc);
}

/* ---- SRQs ---- */

static struct ibv_srq *create_srq(struct call *c, struct object *pd,
				  struct object *xrcd, struct object *cq,
				  const struct ibv_srq_attr *attr)
{
	struct ibv_srq_init_attr_ex x = {
		.attr = *attr,
		.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD |
			     IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ,
		.srq_type = IBV_SRQT_XRC,
		.pd = pd->ibv_pd,
	};
	struct ibv_srq_init_attr plain = {.attr = *attr};

	if (!xrcd)
		return ibv_create_srq(pd->ibv_pd, &plain);
	x.xrcd = xrcd->ibv_xrcd;
	x.cq = cq->ibv_cq;
	return ibv_create_srq_ex(session_of(c)->device->context, &x);
}

static int set_limit(struct ibv_srq *srq, uint32_t limit)
{
	struct ibv_srq_attr attr = {.srq_limit = limit};

	return ibv_modify_srq(srq, &attr, IBV_SRQ_LIMIT);
}

int verb_srq(struct call *c)
{
	struct ibv_srq_attr attr = {0};
	struct object *o, *pd, *xrcd, *cq;
	uint32_t limit, srqn = 0;
	int rc = call_make(c, call_word(c, 1), O_SRQ, &o);

	if (!rc)
		rc = call_object(c, "pd", O_PD, c->t->pd, &pd);
	if (!rc)
		rc = call_object(c, "xrcd", O_XRCD, NULL, &xrcd);
	if (!rc)
		rc = call_object(c, "cq", O_CQ, c->t->cq, &cq);
	if (!rc)
		rc = call_number32(c, "max_wr", 16, &attr.max_wr);
	if (!rc)
		rc = call_number32(c, "max_sge", 4, &attr.max_sge);
	if (!rc)
		rc = call_number32(c, "limit", 0, &limit);
	if (rc)
		return rc;
	o->ibv_srq = create_srq(c, pd, xrcd, cq, &attr);
	if (!o->ibv_srq)
		return call_errno(NULL);
	call_made(o, call_word(c, 1), 0);
	if (limit)
		rc = set_limit(o->ibv_srq, limit);
	ibv_get_srq_num(o->ibv_srq, &srqn); /* only XRC SRQs have one */
	call_say(c, "srqn=0x%x", srqn);
	return rc;
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
	return set_limit(o->ibv_srq, (uint32_t)n);
}

/* ---- the end of objects ---- */

/* @pd: NULL for all. */
static void forget_addresses(struct session *s, const struct ibv_pd *pd)
{
	for (unsigned i = 0; i < AHS_MAX; i++)
		if (s->address[i].ah && (!pd || s->address[i].pd == pd)) {
			ibv_destroy_ah(s->address[i].ah);
			s->address[i].ah = NULL;
		}
}

static int destroy(struct object *o)
{
	int rc = 0;

	switch (o->kind) {
	case O_PD: rc = ibv_dealloc_pd(o->ibv_pd); break;
	case O_MR: rc = ibv_dereg_mr(o->ibv_mr); break;
	case O_MW: rc = ibv_dealloc_mw(o->ibv_mw); break;
	case O_CQ: rc = ibv_destroy_cq(o->ibv_cq); break;
	case O_SRQ: rc = ibv_destroy_srq(o->ibv_srq); break;
	case O_XRCD: rc = ibv_close_xrcd(o->ibv_xrcd); break;
	case O_QP: rc = ibv_destroy_qp(o->ibv_qp); break;
	case O_N: break;
	}
	if (rc)
		return rc > 0 ? rc : call_errno(NULL);
	object_free_memory(o);
	o->name[0] = '\0';
	return 0;
}

int verb_free(struct call *c)
{
	const char *name = call_word(c, 1);
	struct object *o = name ? call_find(c, name, strlen(name)) : NULL;

	if (!o)
		return call_refuse(c, "%s: nothing of that name",
				   name ? name : "-");
	if (o == c->t->pd || o == c->t->cq)
		return call_refuse(c, "%s: it is there from the start", name);
	if (o->kind == O_MR && !object_is_whole(o))
		return call_refuse(
			c, "%s: memory beside the region was written", name);
	if (o->kind == O_PD)
		forget_addresses(session_of(c), o->ibv_pd);
	return destroy(o);
}

static uint32_t key_of(const struct object *o)
{
	return o->kind == O_MR ? o->ibv_mr->rkey : o->ibv_mw->rkey;
}

int session_make_first(struct session *s)
{
	char answer[REPLY_MAX + 16];

	s->objects.key = key_of;
	session_call(s, "pd pd", answer);
	s->objects.pd = &s->objects.object[0];
	if (s->objects.pd->name[0])
		session_call(s, "cq cq", answer);
	s->objects.cq = &s->objects.object[1];
	return s->objects.cq->name[0] ? 0 : call_errno(NULL);
}

static void destroy_all(struct session *s, enum object_kind kind)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++) {
		struct object *o = &s->objects.object[i];
		int rc;

		if (!o->name[0] || o->kind != kind)
			continue;
		rc = destroy(o);
		if (rc)
			fprintf(stderr,
				"glassnic peer: %s cannot be destroyed: %s\n",
				o->name, strerror(rc));
	}
}

/* In an order in which nothing is still used. */
void session_destroy(struct session *s)
{
	static const enum object_kind order[] = {O_QP, O_SRQ, O_XRCD,
						 O_MW, O_MR,  O_CQ};

	for (unsigned i = 0; i < GROUPS_MAX; i++)
		if (s->member[i].qp)
			ibv_detach_mcast(s->member[i].qp, &s->member[i].group,
					 0);
	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
		destroy_all(s, order[k]);
	forget_addresses(s, NULL);
	destroy_all(s, O_PD);
}
