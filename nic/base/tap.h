/* Where a port or link shows every frame that passes, for a capture. */
#ifndef NIC_BASE_TAP_H
#define NIC_BASE_TAP_H

#include <stdint.h>
#include "nic/base/time.h"
#include "wire/bytes.h"

enum tap_dir { TAP_IN, TAP_OUT };

struct tap;
struct tap_ops {
	/* A frame arrived and goes up now; its frame() with TAP_IN follows when
	 * the remark is known.  What goes out meanwhile answers it and is to be
	 * shown behind it.  May be NULL.
	 */
	void (*arrive)(struct tap *tap);
	/* One whole Ethernet frame in @n pieces.  @note: remark or NULL. */
	void (*frame)(struct tap *tap, enum tap_dir dir, const struct span *piece,
		      unsigned n, const char *note);
};

struct tap {
	const struct tap_ops *ops;
};

static inline void tap_arrive(struct tap *tap)
{
	if (tap->ops->arrive)
		tap->ops->arrive(tap);
}

static inline void tap_frame(struct tap *tap, enum tap_dir dir,
			     const struct span *piece, unsigned n,
			     const char *note)
{
	tap->ops->frame(tap, dir, piece, n, note);
}

#endif
