#include <stdlib.h>
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
#include "verbs_shim/mr.h"
#include "verbs_shim/pd.h"

#undef ibv_reg_mr
#undef ibv_reg_mr_iova

/* Registers what mr->ibv says, in its place.  Peers count the bytes of a
 * zero-based region from 0.
 */
static int register_region(struct shim_mr *mr, uint64_t iova)
{
	struct ibv_mr *ibv = &mr->ibv;
	int rc;

	if (mr->access & GN_ACCESS_ZERO_BASED)
		iova = 0;
	rc = gn_mr_new(pd_of(ibv->pd)->pd, ibv->addr, ibv->length, iova,
		       mr->access, &mr->mr);
	if (rc)
		return rc;
	ibv->lkey = gn_mr_lkey(mr->mr);
	ibv->rkey = gn_mr_rkey(mr->mr);
	return 0;
}

static struct ibv_mr *mr_new(struct ibv_pd *pd, void *addr, size_t length,
			     uint64_t iova, unsigned access)
{
	struct shim_mr *mr = calloc(1, sizeof(*mr));
	int rc;

	if (!mr)
		return fail_null(-ENOMEM);
	mr->ibv.context = pd->context;
	mr->ibv.pd = pd;
	mr->ibv.addr = addr;
	mr->ibv.length = length;
	mr->access = access;
	rc = register_region(mr, iova);
	if (rc)
		goto free_memory;
	rc = handle_new(HANDLE_MR, mr, &mr->ibv.handle);
	if (rc)
		goto free_mr;
	return &mr->ibv;

free_mr:
	gn_mr_free(mr->mr);
free_memory:
	free(mr);
	return fail_null(rc);
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

static bool rereg_is_valid(int flags, const void *addr, size_t length,
			   int access)
{
	if (flags & ~IBV_REREG_MR_FLAGS_SUPPORTED)
		return false;
	if ((flags & IBV_REREG_MR_CHANGE_TRANSLATION) && (!addr || !length))
		return false;
	return !access || (flags & IBV_REREG_MR_CHANGE_ACCESS);
}

/* The old registration stays as it is. */
static int rereg_fail(int rc)
{
	errno = -rc;
	return IBV_REREG_MR_ERR_INPUT;
}

/* A new registration takes the place of the old one, under new keys. */
int ibv_rereg_mr(struct ibv_mr *ibv, int flags, struct ibv_pd *pd, void *addr,
		 size_t length, int access)
{
	struct shim_mr *mr = mr_of(ibv), next = *mr;
	int rc;

	if (!rereg_is_valid(flags, addr, length, access))
		return rereg_fail(-EINVAL);
	if (flags & IBV_REREG_MR_CHANGE_TRANSLATION) {
		next.ibv.addr = addr;
		next.ibv.length = length;
	}
	if (flags & IBV_REREG_MR_CHANGE_PD)
		next.ibv.pd = pd;
	if (flags & IBV_REREG_MR_CHANGE_ACCESS)
		next.access =
			(unsigned)access & ~(unsigned)IBV_ACCESS_OPTIONAL_RANGE;
	rc = register_region(&next, (uintptr_t)next.ibv.addr);
	if (rc)
		return rereg_fail(rc);
	rc = gn_mr_free(mr->mr);
	if (rc) {
		gn_mr_free(next.mr);
		return rereg_fail(rc);
	}
	*mr = next;
	return 0;
}

int ibv_dereg_mr(struct ibv_mr *ibv)
{
	struct shim_mr *mr = mr_of(ibv);
	int rc = gn_mr_free(mr->mr);

	if (rc)
		return -rc;
	handle_free(ibv->handle);
	free(mr);
	return 0;
}
