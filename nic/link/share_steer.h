/* The program by which the kernel finds the socket of a datagram's QP among
 * those that share an address (classic BPF: needs no privilege).
 */
#ifndef NIC_LINK_SHARE_STEER_H
#define NIC_LINK_SHARE_STEER_H

#include <linux/filter.h>
#include <stdint.h>

/* A QPN is a slot, which says whose it is, and a number within. */
#define SHARE_SLOTS	 1024u
#define SHARE_LOCAL_BITS 14
#define SHARE_LOCALS	 (1u << SHARE_LOCAL_BITS)

/* A datagram that begins so, no RoCEv2 packet ever (its BTH would be of version
 * 7), goes to the socket whose index is in its next four bytes.
 */
#define STEER_BY_INDEX 0xff676c73u

struct steer {
	uint16_t slot, index;
};

#define STEER_MAX (3u * SHARE_SLOTS + 16u) /* below the kernel's 4096 */

/* Writes the program for @n slots, in ascending order, at least one, into @prog
 * (STEER_MAX); returns its length.  A slot that is not among them goes where
 * the next lower one does.
 */
unsigned steer_program(const struct steer *map, unsigned n,
		       struct sock_filter *prog);

#endif
