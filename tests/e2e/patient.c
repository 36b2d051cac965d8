/* patient.so, to be preloaded: no QP gives up a peer that has had no CPU for a
 * second or three.  rdma-core's pingpongs do so after half a second, and have
 * no option for it.
 */
#include <dlfcn.h>
#include <infiniband/verbs.h>

#define TIMEOUT 17 /* 0.5 s, and as much for each retry */

__attribute__((visibility("default"))) int ibv_modify_qp(
	struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	int (*next)(struct ibv_qp *, struct ibv_qp_attr *, int);
	struct ibv_qp_attr a = *attr;

	*(void **)&next = dlsym(RTLD_NEXT, "ibv_modify_qp");
	if (a.timeout && a.timeout < TIMEOUT)
		a.timeout = TIMEOUT;
	return next(qp, &a, mask);
}
