/* Time, as everybody here takes it: an argument. */
#ifndef NIC_BASE_TIME_H
#define NIC_BASE_TIME_H

#include <stdint.h>

typedef uint64_t nsec_t; /* nanoseconds on some monotonic clock */

#define NSEC_NEVER UINT64_MAX
#define USEC	   ((nsec_t)1000)
#define MSEC	   ((nsec_t)1000000)
#define SEC	   ((nsec_t)1000000000)

#endif
