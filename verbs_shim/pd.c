#include <stdlib.h>
#include "verbs_shim/context.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
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

int ibv_dealloc_pd(struct ibv_pd *ibv)
{
	struct shim_pd *pd = pd_of(ibv);
	int rc = gn_pd_free(pd->pd);

	if (rc)
		return -rc;
	handle_free(ibv->handle);
	free(pd);
	return 0;
}
