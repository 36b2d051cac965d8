/* The socket is asked whenever the NIC looks for packets.  The port below costs
 * a system call, so it is asked only now and then; who sleeps is woken by both.
 */
#include "nic/port/port_xdp.h"

#include <errno.h>
#include <stdio.h>

#ifdef HAVE_XDP

#include <bpf/bpf.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include "nic/port/xdp_rx.h"
#include "nic/port/xdp_sock.h"
#include "nic/port/xdp_tx.h"

#define BELOW_NSEC (20 * USEC) /* how often the port below is asked */

struct port_xdp {
	struct port port;
	struct port *below;
	nsec_t below_at;
	struct xdp_sock sock;
};

static struct port_xdp *of(struct port *p)
{
	return (struct port_xdp *)p;
}

static void xport_send(struct port *port, struct pkt *batch, unsigned n,
		       nsec_t now)
{
	xdp_tx_send(&of(port)->sock, batch, n, now);
}

static enum drop from_below(void *ctx, struct span frame, struct note *note,
			    nsec_t now)
{
	struct port_xdp *p = ctx;

	return p->port.deliver(p->port.ctx, frame, note, now);
}

static unsigned xport_receive(struct port *port, unsigned budget, nsec_t now)
{
	struct port_xdp *p = of(port);
	unsigned n = 0;

	if (now >= p->below_at) {
		p->below_at = now + BELOW_NSEC;
		n = port_receive(p->below, (budget + 1) / 2, now);
	}
	if (n < budget)
		n += xdp_rx_read(&p->sock, port, budget - n, now);
	return n;
}

static nsec_t xport_deadline(const struct port *port)
{
	return ((const struct port_xdp *)port)->sock.retry_at;
}

static void xport_tick(struct port *port, nsec_t now)
{
	xdp_tx_retry(&of(port)->sock, now);
}

static unsigned xport_fds(const struct port *port, int fd[PORT_FDS])
{
	const struct port_xdp *p = (const struct port_xdp *)port;
	unsigned n = p->below->ops->fds(p->below, fd);

	fd[n] = p->sock.fd;
	return n + 1;
}

static void xport_want(struct port *port, const struct port_wants *w)
{
	port_want(of(port)->below, w);
}

static void xport_free(struct port *port)
{
	struct port_xdp *p = of(port);

	xdp_rx_losses(&p->sock);
	xdp_sock_close(&p->sock);
	port_free(p->below);
	free(p);
}

static const struct port_ops xdp_ops = {
	.send = xport_send,
	.receive = xport_receive,
	.deadline = xport_deadline,
	.tick = xport_tick,
	.fds = xport_fds,
	.want = xport_want,
	.free = xport_free,
};

static int no_print_bpf(enum libbpf_print_level level, const char *fmt,
			va_list ap)
{
	return 0;
}

static int no_print_xdp(enum libxdp_print_level level, const char *fmt,
			va_list ap)
{
	return 0;
}

static int try_rights(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), map;

	if (fd < 0)
		return -errno;
	close(fd);
	map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, NULL, 4, 4, 1, NULL);
	if (map < 0)
		return -errno;
	close(map);
	return 0;
}

static int check_rights(const char *ifname, char *why)
{
	int error;

	/* What they say is said here, in one line. */
	libbpf_set_print(no_print_bpf);
	libxdp_set_print(no_print_xdp);
	error = try_rights();
	if (error == -EPERM)
		snprintf(why, PACKET_WHY_MAX,
			 "port=xdp:%.15s: no right to use AF_XDP (CAP_NET_RAW, "
			 "CAP_NET_ADMIN and CAP_BPF); run as root, or take "
			 "port=udp",
			 ifname);
	else if (error)
		snprintf(why, PACKET_WHY_MAX,
			 "port=xdp:%.15s: this kernel has no AF_XDP (%s); take "
			 "port=packet:%.15s, or a kernel with "
			 "CONFIG_XDP_SOCKETS and CONFIG_BPF_SYSCALL",
			 ifname, strerror(-error), ifname);
	return error;
}

int port_xdp_new(const struct xdp_config *cfg, struct port **port, char *why)
{
	struct port_xdp *p;
	int error = check_rights(cfg->iface.ifname, why);

	if (error)
		return error;
	p = calloc(1, sizeof(*p));
	snprintf(why, PACKET_WHY_MAX, "out of memory");
	if (!p)
		return -ENOMEM;
	error = port_packet_new(&cfg->iface, &p->below, why);
	if (!error)
		error = xdp_sock_open(&p->sock, cfg, why);
	if (error) {
		port_free(p->below);
		free(p);
		return error;
	}
	p->port.ops = &xdp_ops;
	p->port.counters = cfg->iface.counters;
	p->port.mtu = p->sock.frame_max - ETH_LEN - VLAN_LEN;
	p->port.mac = cfg->iface.mac;
	p->port.runs_on = p->sock.way;
	port_set_up(p->below, from_below, p);
	*port = &p->port;
	return 0;
}

#else

int port_xdp_new(const struct xdp_config *cfg, struct port **port, char *why)
{
	snprintf(why, PACKET_WHY_MAX,
		 "port=xdp:%.15s: this glassnic was built without AF_XDP; "
		 "install libxdp-dev and libbpf-dev (Debian) and build it "
		 "again, or take port=packet:%.15s",
		 cfg->iface.ifname, cfg->iface.ifname);
	return -EOPNOTSUPP;
}

#endif
