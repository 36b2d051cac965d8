/* Verbs that post work requests. */
#include "drill/call_wr.h"
#include "drill/vnic.h"
#include "nic/mr.h"
#include "nic/mw.h"
#include "nic/qp.h"

/* An address past the region is the drill's to try.  Inline data is read by the
 * post itself, through the program's pointers.
 */
static int get_sges(struct call *c, struct gn_sge *sge, unsigned *n)
{
	struct call_sge s[CALL_SGES];
	int rc = call_sges(c, s, n);

	for (unsigned i = 0; i < *n && !rc; i++) {
		const struct gn_mr *mr = s[i].o->mr;

		sge[i] = (struct gn_sge){mr->iova + s[i].offset, s[i].len,
					 mr->h.key};
		if (words_has(&c->w, "inline"))
			rc = call_inline(c, &s[i], &sge[i].addr);
	}
	return rc;
}

static int get_datagram(struct call *c, struct gn_send_wr *wr, struct gn_ah *ah)
{
	const char *dgid = words_get(&c->w, "dgid");
	struct call_datagram d;
	int rc = call_datagram(c, &d);

	if (rc)
		return rc;
	*ah = (struct gn_ah){.is_global = true,
			     .dgid = vnic_of(c)->b.own,
			     .traffic_class = d.traffic_class,
			     .port_num = 1};
	if (dgid && !ip_parse(&ah->dgid, dgid))
		return call_refuse(c, "dgid=%s: not an address", dgid);
	wr->ah = ah;
	wr->remote_qpn = d.qpn;
	wr->remote_qkey = d.qkey;
	return 0;
}

/* The window gets its next key. */
static int get_bind(struct call *c, struct gn_send_wr *wr)
{
	struct call_bind b;
	int rc = call_bind(c, &b);
	uint32_t key;

	if (rc)
		return rc;
	key = b.mw->mw->h.key;
	wr->mw = b.mw->mw;
	wr->bind_mr = b.mr->mr;
	wr->remote_addr = b.mr->mr->iova + b.at;
	wr->bind_len = b.len;
	wr->bind_access = b.access;
	wr->imm = (key & ~0xffu) | ((key + 1) & 0xff);
	call_say(c, "mw=%s rkey=0x%x va=0x%llx", words_get(&c->w, "mw"),
		 wr->imm, (unsigned long long)wr->remote_addr);
	return 0;
}

static struct gn_send_wr wr_of(const struct call_wr *w)
{
	return (struct gn_send_wr){.wr_id = w->wr_id,
				   .opcode = (enum gn_wr_opcode)w->opcode,
				   .flags = w->flags,
				   .imm = w->inv_rkey,
				   .remote_addr = w->va,
				   .rkey = w->rkey,
				   .compare_add = w->compare,
				   .swap = w->swap,
				   .remote_srqn = w->srqn,
				   .flush_len = (uint32_t)w->flush_len,
				   .flush_type = w->flush_type,
				   .flush_level = w->flush_level};
}

int verb_post_send(struct call *c)
{
	struct gn_sge sge[CALL_SGES];
	struct gn_send_wr wr;
	struct gn_qp *qp;
	struct call_wr w;
	struct gn_ah ah;
	int rc = call_wr(c, &w);

	if (rc)
		return rc;
	qp = w.o->qp;
	wr = wr_of(&w);
	wr.sge = sge;
	rc = get_sges(c, sge, &wr.nsge);
	if (!rc && qp->init.type == GN_QPT_UD)
		rc = get_datagram(c, &wr, &ah);
	if (!rc && wr.opcode == GN_WR_BIND_MW)
		rc = get_bind(c, &wr);
	if (rc)
		return rc;
	rc = qp_post_send(qp, &wr);
	qp_ring(qp);
	return rc;
}

int verb_post_recv(struct call *c)
{
	struct gn_sge sge[CALL_SGES];
	struct gn_recv_wr wr = {.sge = sge};
	struct object *o;
	uint64_t times;
	int rc = call_recv(c, &o, &wr.wr_id, &times);

	if (!rc)
		rc = get_sges(c, sge, &wr.nsge);
	if (rc)
		return rc;
	for (; !rc && times; times--, wr.wr_id++)
		rc = o->kind == O_SRQ ? rq_post(&o->srq->rq, &wr)
				      : qp_post_recv(o->qp, &wr);
	if (!rc && o->kind == O_QP)
		qp_ring(o->qp);
	return rc;
}
