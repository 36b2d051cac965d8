/* nic/api.h answers -errno.  Verbs answers in three ways: errno as the value,
 * NULL with errno set, or -1 with errno set.
 */
#ifndef VERBS_SHIM_FAIL_H
#define VERBS_SHIM_FAIL_H

#include <errno.h>
#include <stddef.h>

static inline void *fail_null(int rc)
{
	errno = -rc;
	return NULL;
}

static inline int fail_minus1(int rc)
{
	errno = -rc;
	return -1;
}

#endif
