/* Verbs that post work requests. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "peer/call.h"
#include "peer/extended.h"

#define SGES_MAX  32u
#define TIMES_MAX 100000u
#define HOP_LIMIT 64

/* All the line's sge=, addressed as the region is.  An address past the region
 * is the drill's to try.
 */
static int get_sges(struct call *c, struct ibv_sge *sge, int *n)
{
	*n = 0;
	for (unsigned i = 0; i < c->w.n; i++) {
		uint64_t offset, len;
		struct object *o;
		int rc;

		if (!c->w.w[i].value || strcmp(c->w.w[i].text, "sge"))
			continue;
		if (*n == (int)SGES_MAX)
			return call_refuse(c, "more than %u sge=", SGES_MAX);
		rc = call_range(c, c->w.w[i].value, &o, &offset, &len);
		if (rc)
			return rc;
		sge[(*n)++] = (struct ibv_sge){o->iova + offset, (uint32_t)len,
					       o->ibv_mr->lkey};
	}
	return 0;
}

/* Inline data is read by the library, at the program's own addresses. */
static int address_inline(struct call *c, struct ibv_send_wr *wr)
{
	int n = 0;

	for (unsigned i = 0; i < c->w.n; i++) {
		uint64_t offset, len;
		struct object *o;

		if (!c->w.w[i].value || strcmp(c->w.w[i].text, "sge"))
			continue;
		call_range(c, c->w.w[i].value, &o, &offset, &len);
		if (offset > o->len || len > o->len - offset)
			return call_refuse(
				c, "sge=%s: inline data past the region",
				c->w.w[i].value);
		wr->sg_list[n++].addr = (uintptr_t)object_at(o, offset);
	}
	return 0;
}

/* ---- datagrams ---- */

static int find_address(struct call *c, struct ibv_pd *pd,
			const union ibv_gid *gid, uint8_t traffic_class,
			struct ibv_ah **ah)
{
	struct ibv_ah_attr attr = {
		.is_global = 1,
		.port_num = session_of(c)->device->port,
		.grh = {.dgid = *gid,
			.sgid_index = session_of(c)->device->gid_index,
			.hop_limit = HOP_LIMIT,
			.traffic_class = traffic_class},
	};
	unsigned i = 0;

	for (; i < AHS_MAX && session_of(c)->address[i].ah; i++) {
		struct address *a = &session_of(c)->address[i];

		if (a->pd != pd || memcmp(&a->gid, gid, sizeof(*gid)) ||
		    a->traffic_class != traffic_class)
			continue;
		*ah = a->ah;
		return 0;
	}
	if (i == AHS_MAX)
		return call_refuse(c, "more than %u addresses", AHS_MAX);
	*ah = ibv_create_ah(pd, &attr);
	if (*ah)
		session_of(c)->address[i] =
			(struct address){*ah, pd, *gid, traffic_class};
	return call_errno(*ah);
}

static int get_datagram(struct call *c, struct ibv_qp *qp,
			struct ibv_send_wr *wr)
{
	union ibv_gid gid = {{0}};
	uint32_t tclass;
	int rc = call_number32(c, "dqpn", 0, &wr->wr.ud.remote_qpn);

	if (!rc)
		rc = call_number32(c, "qkey", 0x11111111,
				   &wr->wr.ud.remote_qkey);
	if (!rc)
		rc = call_number32(c, "traffic_class", 0, &tclass);
	if (!rc)
		rc = call_gid(c, "dgid", &gid);
	return rc ? rc
		  : find_address(c, qp->pd, &gid, (uint8_t)tclass,
				 &wr->wr.ud.ah);
}

/* ---- windows ---- */

static int get_bind(struct call *c, struct object **mw,
		    struct ibv_mw_bind_info *info)
{
	struct object *mr;
	uint64_t at, len, access;
	int rc = call_object(c, "mw", O_MW, NULL, mw);

	if (!rc)
		rc = call_object(c, "mr", O_MR, NULL, &mr);
	if (!rc && (!*mw || !mr))
		rc = call_refuse(c, "BIND_MW mw=NAME mr=NAME");
	if (!rc)
		rc = call_number(c, "bind_at", 0, &at);
	if (!rc)
		rc = call_number(c, "bind_len", mr->len, &len);
	if (!rc)
		rc = call_bits(c, "access", verbs_access,
			       IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ,
			       &access);
	if (rc)
		return rc;
	info->mw_access_flags = (unsigned)access;
	info->mr = mr->ibv_mr;
	info->addr = mr->iova + at;
	info->length = len;
	return 0;
}

/* The window gets its next key. */
static int bind_window(struct call *c, struct ibv_qp *qp,
		       struct ibv_send_wr *wr)
{
	struct ibv_mw_bind type1 = {.wr_id = wr->wr_id,
				    .send_flags = wr->send_flags};
	struct ibv_send_wr *bad;
	struct object *mw;
	uint32_t rkey;
	int rc = get_bind(c, &mw, &type1.bind_info);

	if (rc)
		return rc;
	rkey = ibv_inc_rkey(mw->ibv_mw->rkey);
	if (mw->ibv_mw->type == IBV_MW_TYPE_1) {
		rc = ibv_bind_mw(qp, mw->ibv_mw, &type1);
		rkey = mw->ibv_mw->rkey;
	} else {
		wr->bind_mw.mw = mw->ibv_mw;
		wr->bind_mw.rkey = rkey;
		wr->bind_mw.bind_info = type1.bind_info;
		rc = ibv_post_send(qp, wr, &bad);
		if (!rc)
			mw->ibv_mw->rkey = rkey;
	}
	if (!rc)
		call_say(c, "mw=%s rkey=0x%x va=0x%llx", words_get(&c->w, "mw"),
			 rkey, (unsigned long long)type1.bind_info.addr);
	return rc;
}

/* ---- sends ---- */

struct numbers {
	uint64_t va, compare, swap, flush_len;
	uint32_t imm, inv, rkey, srqn, type, level;
};

static int get_numbers(struct call *c, struct numbers *n)
{
	int rc = call_number32(c, "imm", 0, &n->imm);

	if (!rc)
		rc = call_number32(c, "inv_rkey", n->imm, &n->inv);
	if (!rc)
		rc = call_number(c, "va", 0, &n->va);
	if (!rc)
		rc = call_number32(c, "rkey", 0, &n->rkey);
	if (!rc)
		rc = call_number(c, "compare", 0, &n->compare);
	if (!rc)
		rc = call_number(c, "add", n->compare, &n->compare);
	if (!rc)
		rc = call_number(c, "swap", 0, &n->swap);
	if (!rc)
		rc = call_number32(c, "srqn", 0, &n->srqn);
	if (!rc)
		rc = call_number32(c, "type", 1, &n->type);
	if (!rc)
		rc = call_number32(c, "selectivity", 0, &n->level);
	if (!rc)
		rc = call_number(c, "flush_len", 0, &n->flush_len);
	return rc;
}

static void fill_in(struct ibv_send_wr *wr, const struct numbers *n)
{
	bool invalidates = wr->opcode == IBV_WR_SEND_WITH_INV ||
			   wr->opcode == IBV_WR_LOCAL_INV;

	if (invalidates)
		wr->invalidate_rkey = n->inv;
	else
		wr->imm_data = htonl(n->imm);
	wr->qp_type.xrc.remote_srqn = n->srqn;
	if (wr->opcode == IBV_WR_ATOMIC_CMP_AND_SWP ||
	    wr->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
		wr->wr.atomic.remote_addr = n->va;
		wr->wr.atomic.rkey = n->rkey;
		wr->wr.atomic.compare_add = n->compare;
		wr->wr.atomic.swap = n->swap;
	} else {
		wr->wr.rdma.remote_addr = n->va;
		wr->wr.rdma.rkey = n->rkey;
	}
}

static unsigned get_flags(const struct call *c)
{
	unsigned flags = words_has(&c->w, "unsignaled") ? 0 : IBV_SEND_SIGNALED;

	for (const struct verbs_word *f = verbs_send_flags; f->word; f++)
		if (words_has(&c->w, f->word))
			flags |= (unsigned)f->value;
	return flags;
}

static int post_flush(const struct object *o, const struct ibv_send_wr *wr,
		      const struct numbers *n)
{
	struct flush f = {wr->wr_id,	    n->va,	    n->flush_len,
			  n->rkey,	    wr->send_flags, (uint8_t)n->type,
			  (uint8_t)n->level};

	return o->extended ? extended_flush(o->ibv_qp, &f) : EOPNOTSUPP;
}

/* Not every library posts it; then it is made by a call, which is given its
 * bytes as inline data is.
 */
static int post_atomic_write(struct call *c, const struct object *o,
			     struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad;
	int rc = ibv_post_send(o->ibv_qp, wr, &bad);

	if ((rc != EINVAL && rc != EOPNOTSUPP) || !o->extended ||
	    wr->num_sge != 1 || wr->sg_list->length != 8)
		return rc;
	rc = address_inline(c, wr);
	return rc ? rc
		  : extended_atomic_write(
			    o->ibv_qp, wr,
			    (const uint8_t *)(uintptr_t)wr->sg_list->addr);
}

static int post(struct call *c, const struct object *o, struct ibv_send_wr *wr,
		const struct numbers *n)
{
	struct ibv_send_wr *bad;
	int rc = 0;

	if ((unsigned)wr->opcode == WR_FLUSH)
		return post_flush(o, wr, n);
	if (wr->opcode == IBV_WR_BIND_MW)
		return bind_window(c, o->ibv_qp, wr);
	fill_in(wr, n);
	if (wr->opcode == IBV_WR_ATOMIC_WRITE)
		return post_atomic_write(c, o, wr);
	if (o->ibv_qp->qp_type == IBV_QPT_UD)
		rc = get_datagram(c, o->ibv_qp, wr);
	if (!rc && wr->send_flags & IBV_SEND_INLINE)
		rc = address_inline(c, wr);
	return rc ? rc : ibv_post_send(o->ibv_qp, wr, &bad);
}

int verb_post_send(struct call *c)
{
	struct ibv_sge sge[SGES_MAX];
	struct ibv_send_wr wr = {.sg_list = sge, .send_flags = get_flags(c)};
	struct numbers n;
	struct object *o;
	uint64_t opcode;
	int rc = call_find_kind(c, call_word(c, 1), O_QP, &o);

	if (!rc && (!call_word(c, 2) ||
		    !verbs_find(verbs_opcodes, call_word(c, 2), &opcode)))
		rc = call_refuse(c, "post_send QP OPCODE: no such opcode");
	if (!rc)
		rc = get_sges(c, sge, &wr.num_sge);
	if (!rc)
		rc = call_number(c, "id", 0, &wr.wr_id);
	if (!rc)
		rc = get_numbers(c, &n);
	if (rc)
		return rc;
	wr.opcode = (enum ibv_wr_opcode)opcode;
	return post(c, o, &wr, &n);
}

/* ---- receives ---- */

int verb_post_recv(struct call *c)
{
	struct ibv_sge sge[SGES_MAX];
	struct ibv_recv_wr wr = {.sg_list = sge}, *bad;
	const char *name = call_word(c, 1);
	struct object *o = name ? call_find(c, name, strlen(name)) : NULL;
	uint64_t times;
	int rc;

	if (!o || (o->kind != O_QP && o->kind != O_SRQ))
		return call_refuse(c, "post_recv QP|SRQ: no such object");
	rc = call_number(c, "id", 0, &wr.wr_id);
	if (!rc)
		rc = call_number(c, "times", 1, &times);
	if (!rc && times > TIMES_MAX)
		rc = call_refuse(c, "times=: at most %u", TIMES_MAX);
	if (!rc)
		rc = get_sges(c, sge, &wr.num_sge);
	for (; !rc && times; times--, wr.wr_id++)
		rc = o->kind == O_SRQ ? ibv_post_srq_recv(o->ibv_srq, &wr, &bad)
				      : ibv_post_recv(o->ibv_qp, &wr, &bad);
	return rc;
}
