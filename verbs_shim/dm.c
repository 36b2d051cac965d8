#include "verbs_shim/dm.h"

#include <stdlib.h>
#include "verbs_shim/context.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
#include "verbs_shim/mr.h"
#include "verbs_shim/pd.h"

struct shim_dm {
	struct ibv_dm ibv; /* first */
	struct gn_dm *dm;
};

static struct shim_dm *dm_of(struct ibv_dm *dm)
{
	return (struct shim_dm *)dm;
}

#define LOG_ALIGN_MAX 12 /* a page */

/* As real devices do, this one moves whole aligned words. */
#define WORD 4u

static bool is_whole(uint64_t offset, size_t length)
{
	return offset % WORD == 0 && length % WORD == 0;
}

static int memcpy_to_dm(struct ibv_dm *dm, uint64_t offset, const void *from,
			size_t length)
{
	if (!is_whole(offset, length))
		return EINVAL;
	return -gn_dm_write(dm_of(dm)->dm, offset, from, length);
}

static int memcpy_from_dm(void *to, struct ibv_dm *dm, uint64_t offset,
			  size_t length)
{
	if (!is_whole(offset, length))
		return EINVAL;
	return -gn_dm_read(dm_of(dm)->dm, offset, to, length);
}

static void init_ibv(struct ibv_dm *dm, struct ibv_context *context)
{
	dm->context = context;
	dm->memcpy_to_dm = memcpy_to_dm;
	dm->memcpy_from_dm = memcpy_from_dm;
	dm->comp_mask = IBV_DM_MASK_HANDLE;
}

struct ibv_dm *dm_alloc(struct ibv_context *context,
			struct ibv_alloc_dm_attr *attr)
{
	struct shim_dm *dm;
	int rc;

	if (attr->comp_mask || attr->log_align_req > LOG_ALIGN_MAX)
		return fail_null(-EINVAL);
	dm = calloc(1, sizeof(*dm));
	if (!dm)
		return fail_null(-ENOMEM);
	rc = gn_dm_new(nic_of(context), attr->length, &dm->dm);
	if (rc)
		goto free_memory;
	rc = handle_new(HANDLE_DM, dm, &dm->ibv.handle);
	if (rc)
		goto free_dm;
	init_ibv(&dm->ibv, context);
	return &dm->ibv;

free_dm:
	gn_dm_free(dm->dm);
free_memory:
	free(dm);
	return fail_null(rc);
}

/* Of imported memory and its original, whichever is first frees both. */
int dm_free_memory(struct ibv_dm *ibv)
{
	int rc;

	if (!handle_is(HANDLE_DM, ibv->handle))
		return EINVAL;
	rc = gn_dm_free(dm_of(ibv)->dm);
	if (rc)
		return -rc;
	handle_free(ibv->handle);
	free(dm_of(ibv));
	return 0;
}

/* Where the memory is mapped, if at all, is hidden: its regions begin at 0. */
struct ibv_mr *dm_reg_mr(struct ibv_pd *pd, struct ibv_dm *dm, uint64_t offset,
			 size_t length, unsigned access)
{
	struct gn_mr *mr;
	int rc;

	if (!(access & IBV_ACCESS_ZERO_BASED))
		return fail_null(-EINVAL);
	rc = gn_mr_new_dm(pd_of(pd)->pd, dm_of(dm)->dm, offset, length,
			  access & ~(unsigned)IBV_ACCESS_OPTIONAL_RANGE, &mr);
	if (rc)
		return fail_null(rc);
	return mr_wrap(pd, mr, NULL, length);
}

struct ibv_dm *ibv_import_dm(struct ibv_context *context, uint32_t handle)
{
	struct shim_dm *dm = calloc(1, sizeof(*dm)), *origin;

	if (!dm)
		return fail_null(-ENOMEM);
	origin = handle_lock(HANDLE_DM, handle);
	if (!origin || nic_of(origin->ibv.context) != nic_of(context)) {
		if (origin)
			handle_unlock();
		free(dm);
		return fail_null(-EINVAL);
	}
	dm->dm = origin->dm;
	handle_unlock();
	init_ibv(&dm->ibv, context);
	dm->ibv.handle = handle;
	return &dm->ibv;
}

void ibv_unimport_dm(struct ibv_dm *dm)
{
	free(dm_of(dm));
}
