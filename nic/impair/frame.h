/* Ethernet frames, as fault injection needs them: what rules ask, and faults
 * put into whole frames.
 */
#ifndef NIC_IMPAIR_FRAME_H
#define NIC_IMPAIR_FRAME_H

#include "nic/impair/impair.h"
#include "wire/bytes.h"
#include "wire/ip.h"
#include "wire/udp.h"

/* Where things are in a frame; 0: it has none such. */
struct frame_map {
	struct ip_header ip;
	struct udp udp;
	uint32_t ip_at, udp_at;
	uint32_t body_at; /* what may be damaged: see struct impair_view */
};

/* Any frame can be viewed; one that is malformed is IMPAIR_IP or IMPAIR_OTHER.
 */
void frame_view(struct span frame, struct impair_view *v, struct frame_map *at);
/* Does to @frame of @len bytes what @f says; returns its new length.  Lengths,
 * checksums and, unless it shall be wrong, the ICRC are put right.
 */
uint32_t frame_damage(const struct fate *f, const struct impair_view *v,
		      const struct frame_map *at, uint8_t *frame, uint32_t len);

#endif
