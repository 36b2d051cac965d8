/* recvmmsg into buffers made at the start.  What is delivered is the frame as
 * on a wire: the kernel's VLAN tag, which it keeps beside the frame, is put
 * back, a checksum that was left to hardware is computed, and a train is cut.
 */
#include "nic/port/packet_rx.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "nic/base/log.h"
#include "nic/port/packet_train.h"

#define BATCH	    32u
#define TAG_ROOM    8u		    /* in front of a frame, for its tag */
#define BUFFER	    (65536u + 320u) /* not a multiple of a cache's stride */
#define CONTROL_LEN CMSG_SPACE(sizeof(struct tpacket_auxdata))

union control {
	struct cmsghdr align;
	uint8_t bytes[CONTROL_LEN];
};

struct packet_rx {
	int fd;
	char ifname[16];
	struct port *port;
	uint8_t *buffer; /* BATCH of them */
	bool down;	 /* said so */
	bool puzzled;	 /* by a train that cannot be cut; said so */
	/* Of the message that is being delivered. */
	nsec_t now;
	unsigned taken;
	struct virtio_net_hdr vnet[BATCH];
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH][2];
	union control control[BATCH];
};

struct packet_rx *packet_rx_new(const struct packet_config *cfg, int fd,
				struct port *port)
{
	struct packet_rx *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->fd = fd;
	r->port = port;
	strncpy(r->ifname, cfg->ifname, sizeof(r->ifname) - 1);
	r->buffer = malloc((size_t)BATCH * BUFFER);
	if (!r->buffer) {
		free(r);
		return NULL;
	}
	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *m = &r->msg[i].msg_hdr;

		r->iov[i][0] = (struct iovec){&r->vnet[i], sizeof(r->vnet[i])};
		r->iov[i][1] = (struct iovec){r->buffer + (size_t)i * BUFFER +
						      TAG_ROOM,
					      BUFFER - TAG_ROOM};
		m->msg_iov = r->iov[i];
		m->msg_iovlen = 2;
		m->msg_control = &r->control[i];
	}
	return r;
}

void packet_rx_free(struct packet_rx *r)
{
	if (!r)
		return;
	free(r->buffer);
	free(r);
}

void packet_rx_losses(struct packet_rx *r)
{
	struct tpacket_stats s;
	socklen_t len = sizeof(s);

	if (!getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len))
		count_add(r->port->counters, CNT_RX_OVERFLOW, s.tp_drops);
}

/* ---- one message ---- */

static void refuse(struct packet_rx *r, enum drop why)
{
	r->port->counters->drop[why]++;
	r->taken++;
}

static void take_frame(void *ctx, struct span frame)
{
	struct packet_rx *r = ctx;
	enum drop v = r->port->deliver(r->port->ctx, frame, NULL, r->now);

	if (v != DROP_NONE)
		r->port->counters->drop[v]++;
	r->taken++;
}

/* The tag that the kernel has taken out of message @i, or false. */
static bool find_tag(struct packet_rx *r, unsigned i, uint8_t tag[VLAN_LEN])
{
	struct msghdr *m = &r->msg[i].msg_hdr;
	struct tpacket_auxdata aux;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_PACKET ||
		    c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			return false;
		put_be16(tag, aux.tp_status & TP_STATUS_VLAN_TPID_VALID
				      ? aux.tp_vlan_tpid
				      : ETHERTYPE_VLAN);
		put_be16(tag + 2, aux.tp_vlan_tci);
		return true;
	}
	return false;
}

/* Moves the two MACs into the room in front of the frame. */
static uint8_t *put_tag(uint8_t *frame, const uint8_t tag[VLAN_LEN])
{
	memmove(frame - VLAN_LEN, frame, 12);
	memcpy(frame - VLAN_LEN + 12, tag, VLAN_LEN);
	return frame - VLAN_LEN;
}

static void puzzled(struct packet_rx *r)
{
	refuse(r, DROP_LENGTH);
	if (!r->puzzled)
		log_warn("%s: a train of packets that is no UDP or TCP came in "
			 "and is dropped (length), as all such; `ethtool -K %s "
			 "gro off' prevents them",
			 r->ifname, r->ifname);
	r->puzzled = true;
}

static void take_message(struct packet_rx *r, unsigned i)
{
	const struct virtio_net_hdr *vnet = &r->vnet[i];
	uint8_t *frame = r->iov[i][1].iov_base, tag[VLAN_LEN];
	size_t len = r->msg[i].msg_len;
	bool train = vnet->gso_type != VIRTIO_NET_HDR_GSO_NONE;

	if (len < sizeof(*vnet) + ETH_LEN ||
	    r->msg[i].msg_hdr.msg_flags & MSG_TRUNC) {
		refuse(r, len < sizeof(*vnet) + ETH_LEN ? DROP_SHORT
							: DROP_LENGTH);
		return;
	}
	len -= sizeof(*vnet);
	if (!train && !train_checksum(frame, len, vnet)) {
		refuse(r, DROP_SHORT);
		return;
	}
	if (find_tag(r, i, tag)) {
		frame = put_tag(frame, tag);
		len += VLAN_LEN;
	}
	if (!train)
		take_frame(r, (struct span){frame, len});
	else if (!train_cut(frame, len, vnet, take_frame, r))
		puzzled(r);
}

/* ---- many ---- */

static void went_wrong(struct packet_rx *r, int error)
{
	if (error == EAGAIN || error == EINTR || r->down)
		return;
	r->down = true;
	log_warn("%s: %s; nothing is sent or received until the interface is "
		 "up again (ip link set dev %s up)",
		 r->ifname, strerror(error), r->ifname);
}

static int fill(struct packet_rx *r, unsigned want)
{
	int n;

	for (unsigned i = 0; i < want; i++)
		r->msg[i].msg_hdr.msg_controllen = sizeof(r->control[i]);
	n = recvmmsg(r->fd, r->msg, want, MSG_DONTWAIT, NULL);
	if (n < 0)
		went_wrong(r, errno);
	else if (n > 0)
		r->down = false;
	return n;
}

unsigned packet_rx_read(struct packet_rx *r, unsigned budget, nsec_t now)
{
	bool busy = false;
	int n;

	r->now = now;
	r->taken = 0;
	while (r->taken < budget) {
		unsigned left = budget - r->taken;
		unsigned want = left < BATCH ? left : BATCH;

		n = fill(r, want);
		for (int i = 0; i < n; i++)
			take_message(r, (unsigned)i);
		if (n < (int)want)
			break;
		busy = true;
	}
	if (busy)
		packet_rx_losses(r);
	return r->taken;
}
