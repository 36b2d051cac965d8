#include <stdlib.h>
#include "verbs_shim/context.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
#include "verbs_shim/parent.h"
#include "verbs_shim/pd.h"

struct ibv_pd *ibv_alloc_pd(struct ibv_context *context)
{
	struct shim_pd *pd = calloc(1, sizeof(*pd));
	int rc;

	if (!pd)
		return fail_null(-ENOMEM);
	pd->ibv.context = context;
	rc = gn_pd_new(nic_of(context), &pd->pd);
	if (rc)
		goto free_memory;
	rc = handle_new(HANDLE_PD, pd, &pd->ibv.handle);
	if (rc)
		goto free_pd;
	return &pd->ibv;

free_pd:
	gn_pd_free(pd->pd);
free_memory:
	free(pd);
	return fail_null(rc);
}

/* Of an imported PD and its original, whichever is first deallocates both. */
int ibv_dealloc_pd(struct ibv_pd *ibv)
{
	struct shim_pd *pd = pd_of(ibv);
	int rc;

	if (atomic_load(&pd->users))
		return EBUSY;
	if (pd->parent)
		return parent_dealloc(pd);
	if (!handle_is(HANDLE_PD, ibv->handle))
		return EINVAL;
	rc = gn_pd_free(pd->pd);
	if (rc)
		return -rc;
	handle_free(ibv->handle);
	free(pd);
	return 0;
}

struct ibv_pd *ibv_import_pd(struct ibv_context *context, uint32_t handle)
{
	struct shim_pd *pd = calloc(1, sizeof(*pd)), *origin;

	if (!pd)
		return fail_null(-ENOMEM);
	origin = handle_lock(HANDLE_PD, handle);
	if (!origin || nic_of(origin->ibv.context) != nic_of(context)) {
		if (origin)
			handle_unlock();
		free(pd);
		return fail_null(-EINVAL);
	}
	pd->pd = origin->pd;
	handle_unlock();
	pd->ibv.context = context;
	pd->ibv.handle = handle;
	return &pd->ibv;
}

void ibv_unimport_pd(struct ibv_pd *pd)
{
	free(pd_of(pd));
}
