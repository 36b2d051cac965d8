/* Which frames of an interface a NIC wants, as a program that the kernel runs
 * (classic BPF), so that only these are copied.  Everything is judged again by
 * the layers above: the filter may let too much pass, never too little.
 */
#ifndef NIC_PORT_PACKET_FILTER_H
#define NIC_PORT_PACKET_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include "nic/base/pkt.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define FILTER_ADDRS  8u
#define FILTER_GROUPS 64u
#define FILTER_SLOTS  32u
/* An upper bound, asserted on. */
#define FILTER_LEN (64u + FILTER_ADDRS * 16u + FILTER_GROUPS * 5u + 4u * FILTER_SLOTS)

struct filter_wants {
	struct mac mac;
	struct ip_addr addr[FILTER_ADDRS];
	unsigned naddr;
	struct mac group[FILTER_GROUPS]; /* multicast groups joined */
	unsigned ngroup;
	/* The MAC is the host's, too: only UDP to @udp_port and answers to who
	 * asks for neighbours are ours.
	 */
	bool shared;
	uint16_t udp_port;
	bool all; /* every frame to the MAC, every multicast and broadcast */
	/* Packets to @udp_port only for QPs of these slots (QPN_LOCAL_BITS);
	 * none: for all.
	 */
	uint16_t slot[FILTER_SLOTS];
	unsigned nslot;
};

/* Writes the program to @out, of FILTER_LEN; returns its length. */
unsigned packet_filter(const struct filter_wants *w, struct sock_filter *out);

#endif
