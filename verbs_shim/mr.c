#include <stdlib.h>
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
#include "verbs_shim/mr.h"
#include "verbs_shim/pd.h"

#undef ibv_reg_mr
#undef ibv_reg_mr_iova

struct ibv_mr *mr_wrap(struct ibv_pd *pd, struct gn_mr *gn, void *addr,
		       size_t length)
{
	struct shim_mr *mr = calloc(1, sizeof(*mr));
	int rc = -ENOMEM;

	if (mr)
		rc = handle_new(HANDLE_MR, mr, &mr->ibv.handle);
	if (rc) {
		free(mr);
		gn_mr_free(gn);
		return fail_null(rc);
	}
	mr->mr = gn;
	mr->ibv.context = pd->context;
	mr->ibv.pd = pd;
	mr->ibv.addr = addr;
	mr->ibv.length = length;
	mr->ibv.lkey = gn_mr_lkey(gn);
	mr->ibv.rkey = gn_mr_rkey(gn);
	return &mr->ibv;
}

/* Peers count the bytes of a zero-based region from 0. */
static struct ibv_mr *mr_new(struct ibv_pd *pd, void *addr, size_t length,
			     uint64_t iova, unsigned access)
{
	struct gn_mr *mr;
	int rc;

	if (access & IBV_ACCESS_ZERO_BASED)
		iova = 0;
	rc = gn_mr_new(pd_of(pd)->pd, addr, length, iova, access, &mr);
	if (rc)
		return fail_null(rc);
	return mr_wrap(pd, mr, addr, length);
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length,
			  int access)
{
	return mr_new(pd, addr, length, (uintptr_t)addr, (unsigned)access);
}

struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length,
			       uint64_t iova, int access)
{
	return mr_new(pd, addr, length, iova, (unsigned)access);
}

/* Flags of the optional range ask for what may be refused silently. */
struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length,
				uint64_t iova, unsigned int access)
{
	return mr_new(pd, addr, length, iova,
		      access & ~(unsigned)IBV_ACCESS_OPTIONAL_RANGE);
}

static bool rereg_is_valid(int flags, const struct ibv_pd *pd, const void *addr,
			   size_t length, int access)
{
	if (!flags || (flags & ~IBV_REREG_MR_FLAGS_SUPPORTED))
		return false;
	if ((flags & IBV_REREG_MR_CHANGE_TRANSLATION) && (!addr || !length))
		return false;
	if ((flags & IBV_REREG_MR_CHANGE_PD) && !pd)
		return false;
	return !access || (flags & IBV_REREG_MR_CHANGE_ACCESS);
}

/* Whatever fails, the old registration stays as it is. */
static int rereg_fail(int rc)
{
	errno = -rc;
	return IBV_REREG_MR_ERR_INPUT;
}

int ibv_rereg_mr(struct ibv_mr *ibv, int flags, struct ibv_pd *pd, void *addr,
		 size_t length, int access)
{
	struct gn_pd *to = NULL; /* without its flag, @pd is garbage */
	unsigned rights =
		(unsigned)access & ~(unsigned)IBV_ACCESS_OPTIONAL_RANGE;
	int rc;

	if (!rereg_is_valid(flags, pd, addr, length, access))
		return rereg_fail(-EINVAL);
	if (flags & IBV_REREG_MR_CHANGE_PD)
		to = pd_of(pd)->pd;
	rc = gn_mr_rereg(mr_of(ibv)->mr, (unsigned)flags, to, addr, length,
			 rights);
	if (rc)
		return rereg_fail(rc);
	if (flags & IBV_REREG_MR_CHANGE_TRANSLATION) {
		ibv->addr = addr;
		ibv->length = length;
	}
	if (flags & IBV_REREG_MR_CHANGE_PD)
		ibv->pd = pd;
	return 0;
}

/* Of an imported region and its original, whichever is first deregisters both.
 */
int ibv_dereg_mr(struct ibv_mr *ibv)
{
	struct shim_mr *mr = mr_of(ibv);
	int rc;

	if (!handle_is(HANDLE_MR, ibv->handle))
		return EINVAL;
	rc = gn_mr_free(mr->mr);
	if (rc)
		return -rc;
	handle_free(ibv->handle);
	free(mr);
	return 0;
}

/* Its address is not told (ibv_import_mr(3)). */
struct ibv_mr *ibv_import_mr(struct ibv_pd *pd, uint32_t handle)
{
	struct shim_mr *mr = calloc(1, sizeof(*mr)), *origin;

	if (!mr)
		return fail_null(-ENOMEM);
	origin = handle_lock(HANDLE_MR, handle);
	if (!origin || pd_of(origin->ibv.pd)->pd != pd_of(pd)->pd) {
		if (origin)
			handle_unlock();
		free(mr);
		return fail_null(-EINVAL);
	}
	*mr = *origin;
	handle_unlock();
	mr->ibv.context = pd->context;
	mr->ibv.pd = pd;
	mr->ibv.addr = NULL;
	return &mr->ibv;
}

void ibv_unimport_mr(struct ibv_mr *mr)
{
	free(mr_of(mr));
}
