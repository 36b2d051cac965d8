/* Where a port or link shows every frame that passes, for a capture. */
#ifndef NIC_BASE_TAP_H
#define NIC_BASE_TAP_H

#include <stdint.h>
#include "nic/base/time.h"
#include "wire/bytes.h"

enum tap_dir { TAP_IN, TAP_OUT };

struct tap;
struct tap_ops {
	/* One whole Ethernet frame in @n pieces.  @note: remark or NULL. */
	void (*frame)(struct tap *tap, enum tap_dir dir, const struct span *piece,
		      unsigned n, const char *note);
};

struct tap {
	const struct tap_ops *ops;
};

static inline void tap_frame(struct tap *tap, enum tap_dir dir,
			     const struct span *piece, unsigned n,
			     const char *note)
{
	tap->ops->frame(tap, dir, piece, n, note);
}

#endif
