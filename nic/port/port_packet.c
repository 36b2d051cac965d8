/* The socket is opened deaf (protocol 0), gets its filter and its options, and
 * is bound last, so that nothing unwanted ever waits in it.
 *
 * Frames that other programs of this host send by the interface are seen, too:
 * so two NICs on one interface reach each other.  Where the addresses are the
 * host's, they would only be in the way, and are not asked for.
 */
#include "nic/port/port_packet.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nic/base/log.h"
#include "nic/port/packet_filter.h"
#include "nic/port/packet_hold.h"
#include "nic/port/packet_rx.h"
#include "nic/port/packet_tx.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define RCVBUF_MAX (1u << 26)
#define SNDBUF	   (1u << 22)

struct port_packet {
	struct port port;
	int fd;
	int no_sniffer; /* says that fd is none */
	unsigned ifindex;
	struct filter_wants wants;
	struct packet_hold hold;
	struct packet_tx *tx;
	struct packet_rx *rx;
};

static struct port_packet *of(struct port *p)
{
	return (struct port_packet *)p;
}

/* ---- what the interface lets through ---- */

static int member(const struct port_packet *p, int type, const struct mac *mac,
		  bool add)
{
	struct packet_mreq m = {.mr_ifindex = (int)p->ifindex,
				.mr_type = (unsigned short)type,
				.mr_alen = 6};

	memcpy(m.mr_address, mac->b, 6);
	return setsockopt(p->fd, SOL_PACKET,
			  add ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP,
			  &m, sizeof(m));
}

static int attach_filter(struct port_packet *p)
{
	struct sock_filter code[FILTER_LEN];
	struct sock_fprog program = {.filter = code};

	program.len = (unsigned short)packet_filter(&p->wants, code);
	return setsockopt(p->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program));
}

static bool has_group(const struct mac *group, unsigned n, const struct mac *m)
{
	for (unsigned i = 0; i < n; i++)
		if (mac_equal(&group[i], m))
			return true;
	return false;
}

static void ppacket_want(struct port *port, const struct port_wants *w)
{
	struct port_packet *p = of(port);
	struct filter_wants *have = &p->wants;

	assert(w->ngroup <= FILTER_GROUPS);
	for (unsigned i = 0; i < w->ngroup; i++)
		if (!has_group(have->group, have->ngroup, &w->group[i]))
			member(p, PACKET_MR_MULTICAST, &w->group[i], true);
	for (unsigned i = 0; i < have->ngroup; i++)
		if (!has_group(w->group, w->ngroup, &have->group[i]))
			member(p, PACKET_MR_MULTICAST, &have->group[i], false);
	if (w->all != have->all)
		member(p, PACKET_MR_ALLMULTI, &have->mac, w->all);
	memcpy(have->group, w->group, w->ngroup * sizeof(*w->group));
	have->ngroup = w->ngroup;
	have->all = w->all;
	have->nslot = w->nslot <= FILTER_SLOTS ? w->nslot : 0;
	for (unsigned i = 0; i < have->nslot; i++)
		have->slot[i] = w->slot[i];
	if (attach_filter(p))
		log_warn("cannot change which frames are received: %s",
			 strerror(errno));
}

/* ---- the port ---- */

static void ppacket_send(struct port *port, struct pkt *batch, unsigned n,
			 nsec_t now)
{
	packet_tx_send(of(port)->tx, batch, n, now);
}

static unsigned ppacket_receive(struct port *port, unsigned budget, nsec_t now)
{
	return packet_rx_read(of(port)->rx, budget, now);
}

static nsec_t ppacket_deadline(const struct port *port)
{
	return NSEC_NEVER;
}

static void ppacket_tick(struct port *port, nsec_t now)
{
}

static unsigned ppacket_fds(const struct port *port, int fd[PORT_FDS])
{
	fd[0] = ((const struct port_packet *)port)->fd;
	return 1;
}

static void ppacket_free(struct port *port)
{
	struct port_packet *p = of(port);

	if (p->rx)
		packet_rx_losses(p->rx);
	packet_rx_free(p->rx);
	packet_tx_free(p->tx);
	packet_let_go(&p->hold);
	if (p->no_sniffer >= 0)
		close(p->no_sniffer);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

static const struct port_ops packet_ops = {
	.send = ppacket_send,
	.receive = ppacket_receive,
	.deadline = ppacket_deadline,
	.tick = ppacket_tick,
	.fds = ppacket_fds,
	.want = ppacket_want,
	.free = ppacket_free,
};

/* ---- set-up ---- */

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Past the system's limit where that is allowed. */
static void set_buffer(int fd, int force, int name, unsigned len)
{
	if (set(fd, SOL_SOCKET, force, (int)len))
		set(fd, SOL_SOCKET, name, (int)len);
}

static int set_up(struct port_packet *p, const struct packet_config *cfg)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)cfg->ifindex};

	set_buffer(p->fd, SO_RCVBUFFORCE, SO_RCVBUF,
		   cfg->rcvbuf ? cfg->rcvbuf : RCVBUF_MAX);
	set_buffer(p->fd, SO_SNDBUFFORCE, SO_SNDBUF, SNDBUF);
	if (cfg->shared && !cfg->many)
		set(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	if (attach_filter(p) || set(p->fd, SOL_PACKET, PACKET_VNET_HDR, 1) ||
	    set(p->fd, SOL_PACKET, PACKET_AUXDATA, 1) ||
	    bind(p->fd, (struct sockaddr *)&ll, sizeof(ll)))
		return -errno;
	if (cfg->shared)
		return 0;
	/* The kernel turns on promiscuous mode where the device needs it. */
	if (member(p, PACKET_MR_UNICAST, &cfg->mac, true) &&
	    member(p, PACKET_MR_PROMISC, &cfg->mac, true))
		return -errno;
	return 0;
}

static int open_socket(struct port_packet *p, const struct packet_config *cfg,
		       char *why)
{
	int error;

	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	error = p->fd < 0 ? -errno : set_up(p, cfg);
	if (!error)
		p->no_sniffer = gso_is_no_sniffer(p->fd);
	if (error == -EPERM || error == -EACCES)
		snprintf(why, PACKET_WHY_MAX,
			 "port=packet:%s: no right to open AF_PACKET sockets "
			 "(CAP_NET_RAW); run as root, or take port=udp",
			 cfg->ifname);
	else if (error)
		snprintf(why, PACKET_WHY_MAX, "port=packet:%s: %s", cfg->ifname,
			 strerror(-error));
	return error;
}

static void take_config(struct port_packet *p, const struct packet_config *cfg)
{
	struct filter_wants *w = &p->wants;

	p->port.ops = &packet_ops;
	p->port.counters = cfg->counters;
	p->port.mtu = cfg->mtu;
	p->port.mac = cfg->mac;
	p->ifindex = cfg->ifindex;
	p->fd = p->no_sniffer = -1;
	w->mac = cfg->mac;
	memcpy(w->addr, cfg->addr, sizeof(cfg->addr));
	w->naddr = cfg->naddr;
	w->shared = cfg->shared;
	w->udp_port = cfg->udp_port;
}

int port_packet_new(const struct packet_config *cfg, struct port **port,
		    char *why)
{
	struct port_packet *p = calloc(1, sizeof(*p));
	int error;

	snprintf(why, PACKET_WHY_MAX, "out of memory");
	if (!p)
		return -ENOMEM;
	take_config(p, cfg);
	error = open_socket(p, cfg, why);
	if (!error)
		error = packet_hold(&p->hold, cfg, why);
	if (!error) {
		p->tx = packet_tx_new(cfg, p->fd);
		p->rx = packet_rx_new(cfg, p->fd, &p->port);
		if (p->tx && p->rx) {
			*port = &p->port;
			return 0;
		}
		snprintf(why, PACKET_WHY_MAX, "out of memory");
		error = -ENOMEM;
	}
	ppacket_free(&p->port);
	return error;
}
