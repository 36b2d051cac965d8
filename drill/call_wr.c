#include "drill/call_wr.h"

#include <string.h>
#include "nic/api.h"

/* ---- several numbers at a time ---- */

struct number {
	const char *key;
	uint64_t preset, *value;
};

struct number32 {
	const char *key;
	uint32_t preset, *value;
};

static int get_numbers(struct call *c, const struct number *t, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = call_number(c, t[i].key, t[i].preset, t[i].value);
	return rc;
}

static int get_numbers32(struct call *c, const struct number32 *t, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = call_number32(c, t[i].key, t[i].preset, t[i].value);
	return rc;
}

#define GET(c, t)   get_numbers(c, t, sizeof(t) / sizeof(*(t)))
#define GET32(c, t) get_numbers32(c, t, sizeof(t) / sizeof(*(t)))

/* ---- QPs ---- */

static int get_type(struct call *c, struct call_qp *q)
{
	const char *to = words_get(&c->w, "state");

	q->state = GN_QPS_RTS;
	if (!call_word(c, 2) ||
	    !verbs_find(verbs_types, call_word(c, 2), &q->type))
		return call_refuse(
			c, "qp NAME TYPE: RC, UC, UD, XRC_SEND, XRC_RECV");
	if (to && !verbs_find(verbs_states, to, &q->state))
		return call_refuse(c, "state=%s: no such state", to);
	return 0;
}

static int get_caps(struct call *c, struct call_qp *q)
{
	const struct number32 caps[] = {
		{"max_send_wr", 64, &q->max_send_wr},
		{"max_recv_wr", 64, &q->max_recv_wr},
		{"max_send_sge", 4, &q->max_send_sge},
		{"max_recv_sge", 4, &q->max_recv_sge},
		{"max_inline", 64, &q->max_inline},
	};

	return GET32(c, caps);
}

int call_new_qp(struct call *c, struct call_qp *q)
{
	int rc = call_make(c, call_word(c, 1), O_QP, &q->o);

	if (!rc)
		rc = get_type(c, q);
	if (!rc)
		rc = call_object(c, "pd", O_PD, c->t->pd, &q->pd);
	if (!rc)
		rc = call_object(c, "scq", O_CQ, c->t->cq, &q->scq);
	if (!rc)
		rc = call_object(c, "rcq", O_CQ, c->t->cq, &q->rcq);
	if (!rc)
		rc = call_object(c, "srq", O_SRQ, NULL, &q->srq);
	if (!rc)
		rc = call_object(c, "xrcd", O_XRCD, NULL, &q->xrcd);
	if (!rc)
		rc = get_caps(c, q);
	if (!rc && q->type == GN_QPT_XRC_RECV && !q->xrcd)
		rc = call_refuse(c, "qp NAME XRC_RECV xrcd=NAME");
	q->sq_sig_all = words_has(&c->w, "sq_sig_all");
	return rc;
}

static int attr_value(struct call *c, enum verbs_attr i, const char *text,
		      uint64_t *v)
{
	bool ok;

	switch ((int)i) {
	case ATTR_DGID:
	case ATTR_ALT_DGID: return 0;
	case ATTR_ACCESS: ok = verbs_bits(verbs_access, text, v); break;
	case ATTR_CUR_STATE: ok = verbs_find(verbs_states, text, v); break;
	case ATTR_MIG_STATE: ok = verbs_find(verbs_mig_states, text, v); break;
	default: ok = words_number(text, v);
	}
	return ok ? 0
		  : call_refuse(c, "%s=%s: not a value of it",
				verbs_attrs[i].word, text);
}

int call_attrs(struct call *c, uint64_t v[ATTR_N], unsigned *given)
{
	int rc = 0;

	*given = 0;
	for (unsigned i = 0; i < ATTR_N && !rc; i++) {
		const char *text = words_get(&c->w, verbs_attrs[i].word);

		v[i] = verbs_attrs[i].preset;
		if (!text)
			continue;
		*given |= verbs_attrs[i].mask;
		rc = attr_value(c, (enum verbs_attr)i, text, &v[i]);
	}
	return rc;
}

int call_move(struct call *c, struct object **o, uint64_t *state)
{
	int rc = call_find_kind(c, call_word(c, 1), O_QP, o);

	if (!rc && (!call_word(c, 2) ||
		    !verbs_find(verbs_states, call_word(c, 2), state)))
		rc = call_refuse(c, "modify QP STATE");
	return rc;
}

/* ---- work requests ---- */

static unsigned get_flags(const struct call *c)
{
	unsigned flags = words_has(&c->w, "unsignaled") ? 0 : GN_SEND_SIGNALED;

	for (const struct verbs_word *f = verbs_send_flags; f->word; f++)
		if (words_has(&c->w, f->word))
			flags |= (unsigned)f->value;
	return flags;
}

static int get_values(struct call *c, struct call_wr *wr)
{
	uint32_t type = 0, level = 0;
	const struct number wide[] = {
		{"id", 0, &wr->wr_id},
		{"va", 0, &wr->va},
		{"compare", 0, &wr->compare},
		{"swap", 0, &wr->swap},
		{"flush_len", 0, &wr->flush_len},
	};
	const struct number32 narrow[] = {
		{"imm", 0, &wr->imm},	    {"rkey", 0, &wr->rkey},
		{"srqn", 0, &wr->srqn},	    {"type", 1, &type},
		{"selectivity", 0, &level},
	};
	int rc = GET(c, wide);

	if (!rc)
		rc = GET32(c, narrow);
	if (!rc)
		rc = call_number32(c, "inv_rkey", wr->imm, &wr->inv_rkey);
	if (!rc)
		rc = call_number(c, "add", wr->compare, &wr->compare);
	wr->flush_type = (uint8_t)type;
	wr->flush_level = (uint8_t)level;
	return rc;
}

int call_wr(struct call *c, struct call_wr *wr)
{
	int rc = call_find_kind(c, call_word(c, 1), O_QP, &wr->o);

	if (!rc && (!call_word(c, 2) ||
		    !verbs_find(verbs_opcodes, call_word(c, 2), &wr->opcode)))
		rc = call_refuse(c, "post_send QP OPCODE: no such opcode");
	wr->flags = get_flags(c);
	return rc ? rc : get_values(c, wr);
}

int call_sges(struct call *c, struct call_sge sge[CALL_SGES], unsigned *n)
{
	*n = 0;
	for (unsigned i = 0; i < c->w.n; i++) {
		struct call_sge *s = &sge[*n];
		uint64_t len;
		int rc;

		if (!c->w.w[i].value || strcmp(c->w.w[i].text, "sge"))
			continue;
		if (*n == CALL_SGES)
			return call_refuse(c, "more than %u sge=", CALL_SGES);
		rc = call_range(c, c->w.w[i].value, &s->o, &s->offset, &len);
		if (rc)
			return rc;
		s->len = (uint32_t)len;
		++*n;
	}
	return 0;
}

int call_inline(struct call *c, const struct call_sge *sge, uint64_t *addr)
{
	if (sge->offset > sge->o->len || sge->len > sge->o->len - sge->offset)
		return call_refuse(c, "inline data past the region's %zu bytes",
				   sge->o->len);
	*addr = (uintptr_t)object_at(sge->o, sge->offset);
	return 0;
}

int call_datagram(struct call *c, struct call_datagram *d)
{
	uint32_t tclass = 0;
	const struct number32 numbers[] = {
		{"dqpn", 0, &d->qpn},
		{"qkey", 0x11111111, &d->qkey},
		{"traffic_class", 0, &tclass},
	};
	int rc = GET32(c, numbers);

	d->traffic_class = (uint8_t)tclass;
	return rc;
}

int call_bind(struct call *c, struct call_bind *b)
{
	uint64_t access;
	int rc = call_object(c, "mw", O_MW, NULL, &b->mw);

	if (!rc)
		rc = call_object(c, "mr", O_MR, NULL, &b->mr);
	if (!rc && (!b->mw || !b->mr))
		rc = call_refuse(c, "BIND_MW mw=NAME mr=NAME");
	if (!rc)
		rc = call_number(c, "bind_at", 0, &b->at);
	if (!rc)
		rc = call_number(c, "bind_len", b->mr->len, &b->len);
	if (!rc)
		rc = call_bits(c, "access", verbs_access,
			       GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_READ,
			       &access);
	if (!rc)
		b->access = (unsigned)access;
	return rc;
}

int call_recv(struct call *c, struct object **o, uint64_t *wr_id,
	      uint64_t *times)
{
	const char *name = call_word(c, 1);
	int rc;

	*o = name ? call_find(c, name, strlen(name)) : NULL;
	if (!*o || ((*o)->kind != O_QP && (*o)->kind != O_SRQ))
		return call_refuse(c, "post_recv QP|SRQ: no such object");
	rc = call_number(c, "id", 0, wr_id);
	return rc ? rc : call_number(c, "times", 1, times);
}
