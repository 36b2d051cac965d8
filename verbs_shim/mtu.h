/* Path MTUs: bytes in nic/api.h, codes in verbs. */
#ifndef VERBS_SHIM_MTU_H
#define VERBS_SHIM_MTU_H

#include <infiniband/verbs.h>

/* 0 if @mtu is no code. */
static inline unsigned mtu_bytes(enum ibv_mtu mtu)
{
	if (mtu < IBV_MTU_256 || mtu > IBV_MTU_4096)
		return 0;
	return 128u << mtu;
}

/* The largest that fits in @bytes, at least 256. */
static inline enum ibv_mtu mtu_code(unsigned bytes)
{
	enum ibv_mtu mtu = IBV_MTU_4096;

	while (mtu > IBV_MTU_256 && mtu_bytes(mtu) > bytes)
		mtu--;
	return mtu;
}

#endif
