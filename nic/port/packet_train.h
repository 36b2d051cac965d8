/* Trains: UDP datagrams of one flow that cross the kernel as one frame, with a
 * virtio-net header that says where to cut it (VIRTIO_NET_HDR_GSO_UDP_L4, Linux
 * 6.2).  Pure functions: packets to trains and trains to frames.
 */
#ifndef NIC_PORT_PACKET_TRAIN_H
#define NIC_PORT_PACKET_TRAIN_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include "nic/base/pkt.h"
#include "wire/eth.h"

/* Newer than some C libraries' headers. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define TRAIN_HEAD_MAX (ETH_LEN + VLAN_LEN + IPV6_LEN + UDP_LEN)
#define TRAIN_PKTS_MAX 64u /* as much as any kernel cuts */

/* A train that is being put together. */
struct train {
	unsigned n;	 /* packets */
	uint16_t slot;	 /* that all are for: pkt.slot */
	size_t ip_at;	 /* where the IP header begins */
	size_t head_len; /* Ethernet, IP and UDP headers, of each packet */
	size_t size;	 /* UDP payload of each packet but the last */
	size_t payload;	 /* of all */
	uint8_t head[TRAIN_HEAD_MAX]; /* of the first packet */
};

/* Begins a train with @p, a whole frame.  False: not a packet that others can
 * follow.
 */
bool train_begin(struct train *t, const struct pkt *p);
/* Adds @p if the kernel's cutting would give exactly this frame again, but for
 * the UDP checksum: same flow, the IPv4 identification one more than the last,
 * as long as the first or, as the end of the train, shorter.
 */
bool train_add(struct train *t, const struct pkt *p);
/* Makes t->head that of the whole train, and the header that goes in front. */
void train_finish(struct train *t, struct virtio_net_hdr *vnet);

/* The checksum that was left to the hardware, in a frame that is no train.
 * False: @vnet points outside of the frame.
 */
bool train_checksum(uint8_t *frame, size_t len,
		    const struct virtio_net_hdr *vnet);

/* Gets the frames of a train; each lives until the return. */
typedef void (*train_take)(void *ctx, struct span frame);

/* Cuts a train that arrived: every frame gets the lengths, identification and
 * checksums that it has on a wire.  A UDP checksum that nobody has computed yet,
 * because the train comes from this machine, is left out (0), as glassnic does
 * when it sends without trains.  Scribbles on @frame.  False, and nothing
 * was taken: no train that can be cut.
 */
bool train_cut(uint8_t *frame, size_t len, const struct virtio_net_hdr *vnet,
	       train_take take, void *ctx);

#endif
