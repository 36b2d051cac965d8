#ifndef NIC_BASE_POW2_H
#define NIC_BASE_POW2_H

#include <stdint.h>

/* The smallest power of two that is not below @n; 0 for 0.  @n <= 2^31.  Rings
 * are this large, so that free-running 32-bit indices wrap in step with them.
 */
static inline uint32_t round_up_pow2(uint32_t n)
{
	uint32_t p = 1;

	if (!n)
		return 0;
	while (p < n)
		p <<= 1;
	return p;
}

#endif
