/* A NIC's memory windows, of which a test wants to know nothing. */
#ifndef TESTS_UNIT_SHIM_FAKE_MW_H
#define TESTS_UNIT_SHIM_FAKE_MW_H

#include <errno.h>
#include "nic/api.h"

int gn_mw_new(struct gn_pd *pd, unsigned type, struct gn_mw **mw)
{
	return -EOPNOTSUPP;
}

int gn_mw_free(struct gn_mw *mw)
{
	return 0;
}

uint32_t gn_mw_rkey(const struct gn_mw *mw)
{
	return 0;
}

#endif
