/* Sending in bursts, where nobody acknowledges and so nothing else keeps a sender
 * from overrunning a receive buffer: the answers to READs, and what unreliable
 * QPs send.
 */
#ifndef NIC_PACE_H
#define NIC_PACE_H

#include <stdbool.h>
#include "nic/base/time.h"

#define PACE_BURST (64u * 1024) /* bytes */

struct pace {
	nsec_t gap;   /* from the start of one burst to that of the next */
	nsec_t start; /* of the present burst */
	nsec_t until; /* nothing leaves before */
	uint32_t burst; /* bytes of the present one */
};

/* @len more bytes have left at @now; true if that ended a burst. */
static inline bool pace_charge(struct pace *p, uint32_t len, nsec_t now)
{
	if (!p->burst)
		p->start = now;
	p->burst += len;
	if (p->burst < PACE_BURST)
		return false;
	p->burst = 0;
	p->until = p->start + p->gap;
	return true;
}

#endif
