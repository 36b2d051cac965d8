/* The null region, and advice about regions that are paged on demand.  All
 * regions of this NIC are: it uses the program's page tables.
 */
#include <stdbool.h>
#include "verbs_shim/fail.h"
#include "verbs_shim/mr.h"
#include "verbs_shim/pd.h"

struct ibv_mr *mr_alloc_null(struct ibv_pd *pd)
{
	struct gn_mr *mr;
	int rc = gn_mr_new_null(pd_of(pd)->pd, &mr);

	if (rc)
		return fail_null(rc);
	return mr_wrap(pd, mr, NULL, SIZE_MAX);
}

/* Out of the region's range is EFAULT here. */
static int prefetch(struct gn_pd *pd, const struct ibv_sge *from, bool write,
		    bool fault)
{
	struct gn_sge sge = {
		.addr = from->addr,
		.len = fault ? from->length : 0,
		.lkey = from->lkey,
	};
	int rc = gn_mr_prefetch(pd, &sge, write);

	return rc == -EINVAL ? EFAULT : -rc;
}

/* Works at once, so that the flag which asks for that changes nothing.  Without
 * faults there is nothing to do but to check the keys.
 */
int mr_advise(struct ibv_pd *pd, enum ibv_advise_mr_advice advice,
	      uint32_t flags, struct ibv_sge *sge, uint32_t count)
{
	bool write = advice == IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE;
	bool fault = advice != IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT;
	int err = 0;

	if (advice > IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT)
		return EOPNOTSUPP;
	if ((flags & ~(uint32_t)IBV_ADVISE_MR_FLAG_FLUSH) || !count || !sge)
		return EINVAL;
	for (uint32_t i = 0; i < count && !err; i++)
		err = prefetch(pd_of(pd)->pd, &sge[i], write, fault);
	return err;
}
