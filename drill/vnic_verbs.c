/* The verbs of a drill, done on the engine in memory.  What each line may say
 * is in docs/drill.md; peer/ does the same on <infiniband/verbs.h>.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drill/vnic.h"
#include "nic/cq.h"
#include "nic/mcast.h"
#include "nic/mr.h"
#include "nic/mw.h"
#include "nic/qp.h"

/* ---- the end of objects ---- */

static int free_object(struct object *o)
{
	int rc = 0;

	switch (o->kind) {
	case O_PD: rc = pd_free(o->pd); break;
	case O_MR: rc = mr_free(o->mr); break;
	case O_MW: rc = mw_free(o->mw); break;
	case O_CQ: rc = cq_free(o->cq); break;
	case O_SRQ: rc = srq_free(o->srq); break;
	case O_XRCD: rc = xrcd_close(o->xrcd); break;
	case O_QP:
		if (qp_is_busy(o->qp))
			rc = -EBUSY;
		else
			qp_free(o->qp);
		break;
	case O_N: break;
	}
	if (rc)
		return rc;
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
	if (o->kind == O_MR && !object_is_whole(o))
		return call_refuse(
			c, "%s: memory beside the region was written", name);
	return free_object(o);
}

static uint32_t key_of(const struct object *o)
{
	return o->kind == O_MR ? o->mr->h.key : o->mw->h.key;
}

int vnic_objects_init(struct vnic *v)
{
	char reply[REPLY_MAX];
	int rc;

	v->objects.key = key_of;
	rc = vnic_verb(&v->b, "pd pd", reply);
	if (!rc)
		rc = vnic_verb(&v->b, "cq cq", reply);
	v->objects.pd = &v->objects.object[0];
	v->objects.cq = &v->objects.object[1];
	return rc;
}

/* In an order in which nothing is still used. */
void vnic_objects_fini(struct vnic *v)
{
	static const enum object_kind order[] = {O_QP, O_SRQ, O_XRCD, O_MW,
						 O_MR, O_CQ,  O_PD};

	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
		for (unsigned i = 0; i < OBJECTS_MAX; i++) {
			struct object *o = &v->objects.object[i];

			if (!o->name[0] || o->kind != order[k])
				continue;
			if (o->kind == O_QP)
				mcast_forget(o->qp);
			free_object(o);
		}
}

/* ---- completions ---- */

static void see_completion(struct vnic *v, const struct gn_wc *wc)
{
	char text[256];
	int n;

	n = snprintf(text, sizeof(text),
		     "id=%llu status=%s opcode=%s len=%u qp=%s src_qp=0x%x",
		     (unsigned long long)wc->wr_id,
		     verbs_word(verbs_statuses, wc->status),
		     verbs_word(verbs_wc_opcodes, wc->opcode), wc->byte_len,
		     objects_name(&v->objects, wc->qp), wc->src_qp);
	if (wc->flags & GN_WC_WITH_IMM)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " imm=0x%x",
			      wc->imm_or_rkey);
	if (wc->flags & GN_WC_WITH_INV)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      " inv_rkey=0x%x", wc->imm_or_rkey);
	if (wc->flags & GN_WC_GRH)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " grh");
	if (wc->solicited)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " solicited");
	bench_see(&v->b, SEEN_WC, v->now, text, (size_t)n);
}

bool vnic_poll(struct vnic *v)
{
	struct gn_wc wc;
	bool some = false;

	for (unsigned i = 0; i < OBJECTS_MAX; i++)
		while (v->objects.object[i].name[0] &&
		       v->objects.object[i].kind == O_CQ &&
		       !v->objects.object[i].held &&
		       cq_take(v->objects.object[i].cq, 1, &wc) == 1) {
			see_completion(v, &wc);
			some = true;
		}
	return some;
}

/* ---- dispatch ---- */

/* "impair RULE": one more rule of faults at the NIC's port. */
static int verb_impair(struct call *c)
{
	char why[IMPAIR_WHY_MAX + 16], rule[IMPAIR_LINE_MAX];
	size_t n = 0;

	rule[0] = '\0';
	for (unsigned i = 1; i < c->w.n && n < sizeof(rule); i++) {
		const struct word *w = &c->w.w[i];

		n += (size_t)snprintf(rule + n, sizeof(rule) - n, "%s%s%s ",
				      w->text, w->value ? "=" : "",
				      w->value ? w->value : "");
	}
	if (impair_add(vnic_of(c)->faults, rule, why))
		return call_refuse(c, "impair: %s", why);
	return 0;
}

/* clang-format off */
static const struct verb verbs[] = {
	VERB_LIST(VERB_ROW)
	{"impair", verb_impair},
};
/* clang-format on */

int vnic_verb(struct bench *b, const char *line, char reply[REPLY_MAX])
{
	struct vnic *v = (struct vnic *)b;
	struct call c = {.t = &v->objects, .side = v, .reply = reply};

	return call_run(&c, line, verbs, sizeof(verbs) / sizeof(*verbs));
}
