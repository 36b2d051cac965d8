#include "tests/support/windows.h"

#include "tests/support/kinds.h"

void windows_open(struct duo *d, enum gn_qp_type type)
{
	struct duo_options o = duo_defaults();

	o.mr_access |= GN_ACCESS_MW_BIND;
	o.timeout = 8;
	if (type == GN_QPT_RC)
		duo_open(d, &o);
	else
		kind_open(d, &o, type);
}

struct gn_mw *windows_new(struct duo *d, unsigned type)
{
	struct gn_mw *mw;

	CHECK_EQ(mw_new(d->s[B].pd, type, &mw), 0);
	return mw;
}

struct gn_send_wr windows_wr(struct duo *d, struct gn_mw *mw, size_t offset,
			     uint64_t len, unsigned access)
{
	uint32_t key = mw->h.key;

	return (struct gn_send_wr){
		.wr_id = 77,
		.opcode = GN_WR_BIND_MW,
		.flags = GN_SEND_SIGNALED,
		.mw = mw,
		.bind_mr = d->s[B].mr,
		.remote_addr = duo_va(d, B, offset),
		.bind_len = len,
		.bind_access = access,
		.imm = (key & ~0xffu) | ((key + 1) & 0xff),
	};
}

void windows_bind(struct duo *d, struct gn_mw *mw, size_t offset, uint64_t len,
		  unsigned access, enum gn_wc_status status)
{
	CHECK_EQ(duo_post(d, B, windows_wr(d, mw, offset, len, access)), 0);
	duo_idle(d);
	CHECK_EQ(duo_sent(d, B, 77, status).opcode, GN_WC_BIND_MW);
}

struct gn_send_wr windows_use(struct duo *d, uint32_t rkey, size_t offset,
			      uint32_t len, enum gn_wr_opcode op)
{
	struct gn_send_wr wr = duo_wr(d, A, 1, op, len);

	wr.remote_addr = duo_va(d, B, offset);
	wr.rkey = rkey;
	return wr;
}

/* Through RESET to RTS again. */
static void revive(struct duo *d)
{
	for (unsigned i = 0; i < 2; i++)
		kind_raise(d, i, d->s[i].qp, 0, GN_QPS_RESET);
	kind_connect(d);
}

enum gn_wc_status windows_try(struct duo *d, uint32_t rkey, size_t offset,
			      uint32_t len, enum gn_wr_opcode op)
{
	struct gn_wc wc;

	CHECK_EQ(duo_post(d, A, windows_use(d, rkey, offset, len, op)), 0);
	duo_idle(d);
	CHECK_EQ(cq_take(d->s[A].scq, 1, &wc), 1);
	if (qp_state(d->s[A].qp) == GN_QPS_ERR)
		revive(d);
	return wc.status;
}
