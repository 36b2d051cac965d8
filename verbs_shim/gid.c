/* The GID and P_Key tables. */
#include <assert.h>
#include <endian.h>
#include <net/if.h>
#include <string.h>
#include "nic/api.h"
#include "verbs_shim/context.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/port.h"
#include "verbs_shim/private_abi.h"

static_assert(sizeof(union ibv_gid) == sizeof(struct ip_addr), "copied whole");

int port_gid(struct ibv_context *context, uint32_t port_num, uint32_t index,
	     union ibv_gid *gid)
{
	struct ip_addr addr;
	int rc;

	if (port_num != PORT_NUM)
		return EINVAL;
	rc = gn_query_gid(nic_of(context), index, &addr);
	if (rc)
		return -rc;
	memcpy(gid, &addr, sizeof(*gid));
	return 0;
}

/* An empty entry reads as zeros here, not as an error. */
int ibv_query_gid(struct ibv_context *context, uint8_t port_num, int index,
		  union ibv_gid *gid)
{
	int err = port_gid(context, port_num, (uint32_t)index, gid);

	if (err && err != ENODATA)
		return fail_minus1(-err);
	if (err)
		memset(gid, 0, sizeof(*gid));
	return 0;
}

int ibv_query_gid_type(struct ibv_context *context, uint8_t port_num,
		       unsigned int index, enum gid_type_sysfs *type)
{
	union ibv_gid gid;
	int err = port_gid(context, port_num, index, &gid);

	if (err && err != ENODATA)
		return fail_minus1(-err);
	*type = err ? GID_TYPE_SYSFS_IB_ROCE_V1 : GID_TYPE_SYSFS_ROCE_V2;
	return 0;
}

static int fill_entry(struct ibv_context *context, uint32_t index,
		      struct ibv_gid_entry *e)
{
	struct gn_port_info port;
	int err = port_gid(context, PORT_NUM, index, &e->gid);

	if (err)
		return err;
	gn_query_port(nic_of(context), &port);
	e->gid_index = index;
	e->port_num = PORT_NUM;
	e->gid_type = IBV_GID_TYPE_ROCE_V2;
	e->ndev_ifindex = port.netdev ? if_nametoindex(port.netdev) : 0;
	return 0;
}

/* @size is that of the caller's struct ibv_gid_entry. */
static void copy_entry(void *to, const struct ibv_gid_entry *e, size_t size)
{
	memset(to, 0, size);
	memcpy(to, e, size < sizeof(*e) ? size : sizeof(*e));
}

int _ibv_query_gid_ex(struct ibv_context *context, uint32_t port_num,
		      uint32_t gid_index, struct ibv_gid_entry *entry,
		      uint32_t flags, size_t entry_size)
{
	struct ibv_gid_entry ours = {0};
	int err;

	if (flags)
		return EOPNOTSUPP;
	if (port_num != PORT_NUM)
		return EINVAL;
	err = fill_entry(context, gid_index, &ours);
	if (err)
		return err;
	copy_entry(entry, &ours, entry_size);
	return 0;
}

ssize_t _ibv_query_gid_table(struct ibv_context *context,
			     struct ibv_gid_entry *entries, size_t max_entries,
			     uint32_t flags, size_t entry_size)
{
	struct gn_limits limits;
	size_t count = 0;

	if (flags)
		return -EOPNOTSUPP;
	gn_query_limits(nic_of(context), &limits);
	for (uint32_t i = 0; i < limits.gid_count; i++) {
		struct ibv_gid_entry ours = {0};

		if (fill_entry(context, i, &ours))
			continue;
		if (count == max_entries)
			return -EINVAL;
		copy_entry((char *)entries + count * entry_size, &ours,
			   entry_size);
		count++;
	}
	return (ssize_t)count;
}

int ibv_query_pkey(struct ibv_context *context, uint8_t port_num, int index,
		   __be16 *pkey)
{
	uint16_t key;
	int rc;

	if (port_num != PORT_NUM)
		return fail_minus1(-EINVAL);
	rc = gn_query_pkey(nic_of(context), (unsigned)index, &key);
	if (rc)
		return fail_minus1(rc);
	*pkey = htobe16(key);
	return 0;
}

int ibv_get_pkey_index(struct ibv_context *context, uint8_t port_num,
		       __be16 pkey)
{
	__be16 key;

	for (int i = 0;; i++) {
		if (ibv_query_pkey(context, port_num, i, &key))
			return -1;
		if (key == pkey)
			return i;
	}
}
