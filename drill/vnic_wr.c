/* Verbs that post work requests. */
#include <string.h>
#include "drill/vnic_call.h"
#include "nic/mr.h"
#include "nic/mw.h"
#include "nic/qp.h"

#define SGES_MAX 32u

/* Inline data is read by the post itself, through the program's pointers. */
static int get_pointer(struct call *c, const struct object *o, uint64_t offset,
		       struct gn_sge *sge)
{
	if (offset > o->len || sge->len > o->len - offset)
		return call_refuse(c, "inline data past the region's %zu bytes",
				   o->len);
	sge->addr = (uintptr_t)object_at(o, offset);
	return 0;
}

/* All the line's sge=.  An address past the region is the drill's to try. */
static int get_sges(struct call *c, struct gn_sge *sge, unsigned *n)
{
	*n = 0;
	for (unsigned i = 0; i < c->w.n; i++) {
		uint64_t offset, len;
		struct object *o;
		int rc;

		if (!c->w.w[i].value || strcmp(c->w.w[i].text, "sge"))
			continue;
		if (*n == SGES_MAX)
			return call_refuse(c, "more than %u sge=", SGES_MAX);
		rc = call_range(c, c->w.w[i].value, &o, &offset, &len);
		if (rc)
			return rc;
		sge[*n] = (struct gn_sge){o->mr->iova + offset, (uint32_t)len,
					  o->mr->h.key};
		if (words_has(&c->w, "inline") &&
		    (rc = get_pointer(c, o, offset, &sge[*n])))
			return rc;
		++*n;
	}
	return 0;
}

static int get_datagram(struct call *c, struct gn_send_wr *wr, struct gn_ah *ah)
{
	const char *dgid = words_get(&c->w, "dgid");
	uint64_t qpn, qkey, tclass;
	int rc = call_number(c, "dqpn", 0, &qpn);

	if (!rc)
		rc = call_number(c, "qkey", 0x11111111, &qkey);
	if (!rc)
		rc = call_number(c, "traffic_class", 0, &tclass);
	if (rc)
		return rc;
	*ah = (struct gn_ah){.is_global = true,
			     .dgid = vnic_of(c)->b.own,
			     .traffic_class = (uint8_t)tclass,
			     .port_num = 1};
	if (dgid && !ip_parse(&ah->dgid, dgid))
		return call_refuse(c, "dgid=%s: not an address", dgid);
	wr->ah = ah;
	wr->remote_qpn = (uint32_t)qpn;
	wr->remote_qkey = (uint32_t)qkey;
	return 0;
}

/* mw=NAME mr=NAME: [bind_at, + bind_len) of the region; the window gets its
 * next key.
 */
static int get_bind(struct call *c, struct gn_send_wr *wr)
{
	struct object *mw, *mr;
	uint64_t at, len, access;
	int rc = call_object(c, "mw", O_MW, NULL, &mw);

	if (!rc)
		rc = call_object(c, "mr", O_MR, NULL, &mr);
	if (!rc && (!mw || !mr))
		rc = call_refuse(c, "BIND_MW mw=NAME mr=NAME");
	if (!rc)
		rc = call_number(c, "bind_at", 0, &at);
	if (!rc)
		rc = call_number(c, "bind_len", mr->len, &len);
	if (!rc)
		rc = call_bits(c, "access", verbs_access,
			       GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_READ,
			       &access);
	if (rc)
		return rc;
	wr->mw = mw->mw;
	wr->bind_mr = mr->mr;
	wr->remote_addr = mr->mr->iova + at;
	wr->bind_len = len;
	wr->bind_access = (unsigned)access;
	wr->imm = (mw->mw->h.key & ~0xffu) | ((mw->mw->h.key + 1) & 0xff);
	call_say(c, "mw=%s rkey=0x%x va=0x%llx", words_get(&c->w, "mw"),
		 wr->imm, (unsigned long long)wr->remote_addr);
	return 0;
}

static int get_numbers(struct call *c, struct gn_send_wr *wr)
{
	uint64_t imm, rkey, inv, srqn, type, level, flush;
	int rc = call_number(c, "id", 0, &wr->wr_id);

	if (!rc)
		rc = call_number(c, "imm", 0, &imm);
	if (!rc)
		rc = call_number(c, "inv_rkey", imm, &inv);
	if (!rc)
		rc = call_number(c, "va", 0, &wr->remote_addr);
	if (!rc)
		rc = call_number(c, "rkey", 0, &rkey);
	if (!rc)
		rc = call_number(c, "compare", 0, &wr->compare_add);
	if (!rc)
		rc = call_number(c, "add", wr->compare_add, &wr->compare_add);
	if (!rc)
		rc = call_number(c, "swap", 0, &wr->swap);
	if (!rc)
		rc = call_number(c, "srqn", 0, &srqn);
	if (!rc)
		rc = call_number(c, "type", 1, &type);
	if (!rc)
		rc = call_number(c, "selectivity", 0, &level);
	if (!rc)
		rc = call_number(c, "flush_len", 0, &flush);
	if (rc)
		return rc;
	wr->imm = (uint32_t)inv;
	wr->rkey = (uint32_t)rkey;
	wr->remote_srqn = (uint32_t)srqn;
	wr->flush_type = (uint8_t)type;
	wr->flush_level = (uint8_t)level;
	wr->flush_len = (uint32_t)flush;
	return 0;
}

static unsigned get_flags(const struct call *c)
{
	unsigned flags = words_has(&c->w, "unsignaled") ? 0 : GN_SEND_SIGNALED;

	for (const struct verbs_word *f = verbs_send_flags; f->word; f++)
		if (words_has(&c->w, f->word))
			flags |= (unsigned)f->value;
	return flags;
}

int verb_post_send(struct call *c)
{
	struct gn_sge sge[SGES_MAX];
	struct gn_send_wr wr = {.sge = sge, .flags = get_flags(c)};
	struct object *o;
	struct gn_ah ah;
	uint64_t opcode;
	int rc = call_find_kind(c, call_word(c, 1), O_QP, &o);

	if (!rc && (!call_word(c, 2) ||
		    !verbs_find(verbs_opcodes, call_word(c, 2), &opcode)))
		rc = call_refuse(c, "post_send QP OPCODE: no such opcode");
	if (!rc)
		rc = get_sges(c, sge, &wr.nsge);
	if (!rc)
		rc = get_numbers(c, &wr);
	if (rc)
		return rc;
	wr.opcode = (enum gn_wr_opcode)opcode;
	if (o->qp->init.type == GN_QPT_UD)
		rc = get_datagram(c, &wr, &ah);
	if (!rc && wr.opcode == GN_WR_BIND_MW)
		rc = get_bind(c, &wr);
	if (rc)
		return rc;
	rc = qp_post_send(o->qp, &wr);
	qp_ring(o->qp);
	return rc;
}

int verb_post_recv(struct call *c)
{
	struct gn_sge sge[SGES_MAX];
	struct gn_recv_wr wr = {.sge = sge};
	const char *name = call_word(c, 1);
	struct object *o = name ? call_find(c, name, strlen(name)) : NULL;
	uint64_t times;
	int rc;

	if (!o || (o->kind != O_QP && o->kind != O_SRQ))
		return call_refuse(c, "post_recv QP|SRQ: no such object");
	rc = call_number(c, "id", 0, &wr.wr_id);
	if (!rc)
		rc = call_number(c, "times", 1, &times);
	if (!rc)
		rc = get_sges(c, sge, &wr.nsge);
	for (; !rc && times; times--, wr.wr_id++)
		rc = o->kind == O_SRQ ? rq_post(&o->srq->rq, &wr)
				      : qp_post_recv(o->qp, &wr);
	if (!rc && o->kind == O_QP)
		qp_ring(o->qp);
	return rc;
}
