#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "verbs_shim/attr.h"
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/device.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/port.h"
#include "verbs_shim/post.h"
#include "verbs_shim/qp.h"

static_assert(offsetof(struct verbs_context, context) +
			      sizeof(struct ibv_context) ==
		      sizeof(struct verbs_context),
	      "verbs_get_ctx counts back from the end");

/* What stays NULL, verbs.h answers itself with EOPNOTSUPP, or is reached only
 * through an object that cannot be made.
 */
static void set_operations(struct verbs_context *v)
{
	struct ibv_context_ops *ops = &v->context.ops;

	v->query_port = port_query;
	v->query_device_ex = attr_query_ex;
	v->query_rt_values = attr_query_clock;
	v->create_cq_ex = cq_create_ex;
	v->create_qp_ex = qp_create_ex;
	ops->_compat_query_device = ibv_query_device;
	ops->_compat_query_port = port_query_compat;
	ops->poll_cq = cq_poll;
	ops->req_notify_cq = cq_req_notify;
	ops->post_send = post_send;
	ops->post_recv = post_recv;
}

static void init_context(struct shim_context *c, struct ibv_device *device)
{
	struct ibv_context *ibv = &c->verbs.context;

	c->verbs.sz = sizeof(c->verbs);
	set_operations(&c->verbs);
	ibv->device = device;
	ibv->async_fd = gn_listener_fd(c->events);
	ibv->num_comp_vectors = 1;
	ibv->abi_compat = __VERBS_ABI_IS_EXTENDED;
	pthread_mutex_init(&ibv->mutex, NULL);
}

struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	struct shim_context *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return fail_null(-ENOMEM);
	rc = gn_open(device_of(device)->index, &c->nic);
	if (rc)
		goto free_context;
	rc = gn_listener_new(c->nic, &c->events);
	if (rc)
		goto close_nic;
	/* Nothing is ever said over it, but programs dup() it, and two
	 * descriptors of one context can be told by their inode.
	 */
	c->verbs.context.cmd_fd = memfd_create("glassnic", MFD_CLOEXEC);
	if (c->verbs.context.cmd_fd < 0) {
		rc = -errno;
		goto free_listener;
	}
	init_context(c, device);
	return &c->verbs.context;

free_listener:
	gn_listener_free(c->events);
close_nic:
	gn_close(c->nic);
free_context:
	free(c);
	return fail_null(rc);
}

int ibv_close_device(struct ibv_context *context)
{
	struct shim_context *c = context_of(context);

	close(context->cmd_fd);
	gn_listener_free(c->events);
	gn_close(c->nic);
	pthread_mutex_destroy(&context->mutex);
	free(c);
	return 0;
}

/* The NIC copes with fork by itself (see nic/api.h), so programs need not
 * prepare their memory for it.
 */
int ibv_fork_init(void)
{
	return 0;
}

enum ibv_fork_status ibv_is_fork_initialized(void)
{
	return IBV_FORK_UNNEEDED;
}

int ibv_dontfork_range(void *base, size_t size);
int ibv_dontfork_range(void *base, size_t size)
{
	return 0;
}

int ibv_dofork_range(void *base, size_t size);
int ibv_dofork_range(void *base, size_t size)
{
	return 0;
}
