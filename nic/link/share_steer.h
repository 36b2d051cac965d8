/* The program by which the kernel finds the socket of a datagram's QP among
 * those that share an address (classic BPF: needs no privilege).
 */
#ifndef NIC_LINK_SHARE_STEER_H
#define NIC_LINK_SHARE_STEER_H

#include <linux/filter.h>
#include <stdint.h>
#include "nic/base/pkt.h"
#include "wire/bytes.h"

#define SHARE_SLOTS  1024u
#define SHARE_LOCALS (1u << QPN_LOCAL_BITS)

/* A datagram that begins so goes to the socket whose index is in its next four
 * bytes.  Nothing else begins so: a BTH would be of version 7, a VXLAN header
 * have flags that must be zero.
 */
#define STEER_BY_INDEX 0xff676c73u

/* What the datagrams are. */
enum steer_kind {
	STEER_ROCE,
	STEER_VXLAN, /* Ethernet frames in VXLAN, RoCEv2 in some of them */
	STEER_NONE,  /* frames: each program's port has a filter of its own */
};

struct steer {
	uint16_t slot, index;
};

#define STEER_MAX (3u * SHARE_SLOTS + 48u) /* below the kernel's 4096 */

/* Writes the program for @n slots, in ascending order, at least one, into @prog
 * (STEER_MAX); returns its length.  A slot that is not among them goes where
 * the next lower one does, what is not RoCEv2 to the first socket.
 */
unsigned steer_program(enum steer_kind kind, const struct steer *map,
		       unsigned n, struct sock_filter *prog);

/* What a datagram has instead of a slot. */
#define STEER_ALL (-1) /* it concerns all: to QP 1, to groups, ARP replies */
#define STEER_ONE (-2) /* one must see to it, whoever: ARP requests, pings */

/* The slot of @data's DestQP, or STEER_*. */
int steer_slot(enum steer_kind kind, struct span data);

#endif
