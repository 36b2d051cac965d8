#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "verbs_shim/attr.h"
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/device.h"
#include "verbs_shim/dm.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/flow.h"
#include "verbs_shim/mr.h"
#include "verbs_shim/mw.h"
#include "verbs_shim/parent.h"
#include "verbs_shim/port.h"
#include "verbs_shim/post.h"
#include "verbs_shim/qp.h"
#include "verbs_shim/srq.h"
#include "verbs_shim/wq.h"
#include "verbs_shim/xrcd.h"

static_assert(offsetof(struct verbs_context, context) +
			      sizeof(struct ibv_context) ==
		      sizeof(struct verbs_context),
	      "verbs_get_ctx counts back from the end");

/* What stays NULL, verbs.h answers itself with EOPNOTSUPP, or is reached only
 * through an object that cannot be made.
 */
static void set_extended(struct verbs_context *v)
{
	v->query_port = port_query;
	v->query_device_ex = attr_query_ex;
	v->query_rt_values = attr_query_clock;
	v->create_cq_ex = cq_create_ex;
	v->modify_cq = cq_modify;
	v->create_qp_ex = qp_create_ex;
	v->open_qp = qp_open;
	v->modify_qp_rate_limit = qp_modify_rate_limit;
	v->create_srq_ex = srq_create_ex;
	v->get_srq_num = srq_get_num;
	v->open_xrcd = xrcd_open;
	v->close_xrcd = xrcd_close;
	v->alloc_null_mr = mr_alloc_null;
	v->advise_mr = mr_advise;
	v->alloc_dm = dm_alloc;
	v->free_dm = dm_free_memory;
	v->reg_dm_mr = dm_reg_mr;
	v->alloc_td = td_alloc;
	v->dealloc_td = td_dealloc;
	v->alloc_parent_domain = parent_alloc;
	v->create_wq = wq_create;
	v->modify_wq = wq_modify;
	v->destroy_wq = wq_destroy;
	v->create_rwq_ind_table = ind_create;
	v->destroy_rwq_ind_table = ind_destroy;
	v->ibv_create_flow = flow_create;
	v->ibv_destroy_flow = flow_destroy;
}

static void set_plain(struct ibv_context_ops *ops)
{
	ops->_compat_query_device = ibv_query_device;
	ops->_compat_query_port = port_query_compat;
	ops->poll_cq = cq_poll;
	ops->req_notify_cq = cq_req_notify;
	ops->post_send = post_send;
	ops->post_recv = post_recv;
	ops->post_srq_recv = post_srq_recv;
	ops->alloc_mw = mw_alloc;
	ops->bind_mw = mw_bind_type1;
	ops->dealloc_mw = mw_dealloc;
}

static void init_context(struct shim_context *c, struct ibv_device *device)
{
	struct ibv_context *ibv = &c->verbs.context;

	c->verbs.sz = sizeof(c->verbs);
	set_extended(&c->verbs);
	set_plain(&ibv->ops);
	ibv->device = device;
	ibv->async_fd = gn_listener_fd(c->events);
	ibv->num_comp_vectors = 1;
	ibv->abi_compat = __VERBS_ABI_IS_EXTENDED;
	pthread_mutex_init(&ibv->mutex, NULL);
}

/* What a cmd_fd holds: nothing is ever said over it, but programs dup() it and
 * open the same device by it once more.
 */
struct command_file {
	char magic[8];
	pid_t pid;
	unsigned device;
};

static const char magic[8] = "glassnic";

/* A new descriptor, or -errno. */
static int command_fd(const struct ibv_device *device)
{
	struct command_file file = {
		.pid = getpid(),
		.device = ((const struct shim_device *)device)->index,
	};
	int fd = memfd_create("glassnic", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	memcpy(file.magic, magic, sizeof(magic));
	if (pwrite(fd, &file, sizeof(file), 0) == sizeof(file))
		return fd;
	close(fd);
	return -EIO;
}

/* Takes @cmd_fd over, on success. */
static struct ibv_context *context_new(struct ibv_device *device, int cmd_fd)
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
	c->verbs.context.cmd_fd = cmd_fd;
	init_context(c, device);
	return &c->verbs.context;

close_nic:
	gn_close(c->nic);
free_context:
	free(c);
	return fail_null(rc);
}

struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	struct ibv_context *context;
	int fd = command_fd(device);

	if (fd < 0)
		return fail_null(fd);
	context = context_new(device, fd);
	if (!context)
		close(fd);
	return context;
}

/* A NIC lives in one process: what another one sends cannot be opened. */
struct ibv_context *ibv_import_device(int cmd_fd)
{
	struct ibv_device *device;
	struct command_file file;
	ssize_t len = pread(cmd_fd, &file, sizeof(file), 0);

	if (len < 0)
		return fail_null(-errno);
	if (len != sizeof(file) || memcmp(file.magic, magic, sizeof(magic)))
		return fail_null(-EINVAL);
	device = device_by_index(file.device);
	if (file.pid != getpid() || !device)
		return fail_null(-EOPNOTSUPP);
	return context_new(device, cmd_fd);
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
