#include "verbs_shim/mw.h"

#include <stdlib.h>
#include "verbs_shim/fail.h"
#include "verbs_shim/mr.h"
#include "verbs_shim/pd.h"
#include "verbs_shim/qp.h"

struct ibv_mw *mw_alloc(struct ibv_pd *pd, enum ibv_mw_type type)
{
	struct shim_mw *mw;
	int rc;

	if (type != IBV_MW_TYPE_1 && type != IBV_MW_TYPE_2)
		return fail_null(-EINVAL);
	mw = calloc(1, sizeof(*mw));
	if (!mw)
		return fail_null(-ENOMEM);
	rc = gn_mw_new(pd_of(pd)->pd, type, &mw->mw);
	if (rc) {
		free(mw);
		return fail_null(rc);
	}
	mw->ibv.context = pd->context;
	mw->ibv.pd = pd;
	mw->ibv.rkey = gn_mw_rkey(mw->mw);
	mw->ibv.type = type;
	return &mw->ibv;
}

int mw_dealloc(struct ibv_mw *ibv)
{
	int rc = gn_mw_free(mw_of(ibv)->mw);

	if (rc)
		return -rc;
	free(mw_of(ibv));
	return 0;
}

void mw_fill_bind(struct gn_send_wr *wr, struct ibv_mw *mw, uint32_t rkey,
		  const struct ibv_mw_bind_info *info)
{
	wr->mw = mw_of(mw)->mw;
	wr->imm = rkey;
	wr->bind_mr = info->mr ? mr_of(info->mr)->mr : NULL;
	wr->remote_addr = info->addr;
	wr->bind_len = info->length;
	wr->bind_access = info->mw_access_flags;
}

/* The window has its next key at once, as the verb promises: what peers do with
 * it before the bind has completed is refused.
 */
int mw_bind_type1(struct ibv_qp *ibv, struct ibv_mw *mw,
		  struct ibv_mw_bind *bind)
{
	struct gn_qp *qp = qp_of(ibv)->qp;
	uint32_t rkey = ibv_inc_rkey(mw->rkey);
	struct gn_send_wr wr = {
		.wr_id = bind->wr_id,
		.opcode = GN_WR_BIND_MW,
		.flags = bind->send_flags,
	};
	int rc;

	mw_fill_bind(&wr, mw, rkey, &bind->bind_info);
	rc = gn_post_send(qp, &wr);
	if (rc)
		return -rc;
	gn_qp_ring(qp);
	mw->rkey = rkey;
	return 0;
}
