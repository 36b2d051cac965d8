/* Which packets in a row may leave as one train: one send of the kernel's UDP
 * GSO (UDP_SEGMENT), which cuts it into datagrams of one size.
 *
 * Segment i of a train has the IPv4 identification i, where a datagram that is
 * sent alone has 0 (see nic/link/udp_sock.c).
 */
#ifndef NIC_LINK_UDP_TRAIN_H
#define NIC_LINK_UDP_TRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/pkt.h"
#include "wire/ip.h"

#define TRAIN_SEGMENTS 64u    /* UDP_MAX_SEGMENTS of old kernels */
#define TRAIN_BYTES    65507u /* UDP payload of the largest IPv4 packet */

struct udp_train {
	struct ip_addr dst;
	uint16_t slot;	/* at dst: programs that share it have each their own */
	uint32_t size;	/* of every segment but the last */
	uint32_t bytes; /* of all */
	uint16_t n;	/* segments; 0: there is no train */
	bool ended;	/* its last one is shorter */
};

/* Ends the train: the next datagram begins another. */
static inline void udp_train_end(struct udp_train *t)
{
	t->n = 0;
}

/* Couples packet @p, of @len bytes with its ICRC, to the train; false: it did not
 * fit, and is the first of a new one.
 */
bool udp_train_add(struct udp_train *t, const struct pkt *p, uint32_t len);

#endif
