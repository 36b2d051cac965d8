#include "verbs_shim/xrcd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "verbs_shim/context.h"
#include "verbs_shim/fail.h"

#define XRCD_MASK (IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS)

/* A domain goes by the inode of the file; 0 is the private one. */
static int key_of(int fd, uint64_t *key)
{
	struct stat st;

	*key = 0;
	if (fd == -1)
		return 0;
	if (fstat(fd, &st))
		return -errno;
	*key = (uint64_t)st.st_dev << 48 ^ (uint64_t)st.st_ino;
	if (!*key)
		*key = 1;
	return 0;
}

static int open_domain(struct shim_xrcd *xrcd, struct ibv_context *context,
		       const struct ibv_xrcd_init_attr *attr)
{
	bool create = (attr->oflags & O_CREAT) != 0;
	bool exclusive = create && (attr->oflags & O_EXCL);
	uint64_t key;
	int rc;

	if (attr->comp_mask != XRCD_MASK ||
	    (attr->oflags & ~(O_CREAT | O_EXCL)))
		return -EINVAL;
	if (attr->fd == -1 && !create)
		return -EINVAL;
	rc = key_of(attr->fd, &key);
	if (rc)
		return rc;
	return gn_xrcd_open(nic_of(context), key, create, exclusive,
			    &xrcd->xrcd);
}

struct ibv_xrcd *xrcd_open(struct ibv_context *context,
			   struct ibv_xrcd_init_attr *attr)
{
	struct shim_xrcd *xrcd = calloc(1, sizeof(*xrcd));
	int rc;

	if (!xrcd)
		return fail_null(-ENOMEM);
	rc = open_domain(xrcd, context, attr);
	if (rc) {
		free(xrcd);
		return fail_null(rc);
	}
	xrcd->ibv.context = context;
	return &xrcd->ibv;
}

int xrcd_close(struct ibv_xrcd *ibv)
{
	int rc = gn_xrcd_close(xrcd_of(ibv)->xrcd);

	if (rc)
		return -rc;
	free(xrcd_of(ibv));
	return 0;
}
