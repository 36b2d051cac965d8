/* What works depends on kernel, driver and MTU, and nothing tells beforehand:
 * ways are tried from the best on.  The program is attached before the socket
 * is bound, as drivers with zero-copy want it.
 */
#ifdef HAVE_XDP
#include "nic/port/xdp_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "nic/base/log.h"
#include "nic/base/pow2.h"
#include "nic/port/xdp_hook.h"
#include "nic/port/xdp_rx.h"
#include "nic/port/xdp_tx.h"

#define RX_CHUNKS_MIN  64u
#define RX_CHUNKS      4096u
#define RX_CHUNKS_MAX  65536u
#define SNDBUF	       (1u << 24)
#define GONE_WAITS     100 /* for a socket whose process has just ended ... */
#define GONE_WAIT_NSEC (10 * 1000 * 1000) /* ... 1 s in all */

/* Newer than some C libraries' headers. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1u << 4)
#endif

struct way {
	enum xdp_way mode;
	bool generic;
	uint16_t bind;
	bool frags; /* only for frames that are longer than a chunk */
};

static const struct way ways[] = {
	{XDP_WAY_ZEROCOPY, false, XDP_ZEROCOPY | XDP_USE_SG, true},
	{XDP_WAY_ZEROCOPY, false, XDP_ZEROCOPY, false},
	{XDP_WAY_NATIVE, false, XDP_COPY | XDP_USE_SG, true},
	{XDP_WAY_NATIVE, false, XDP_COPY, false},
	{XDP_WAY_GENERIC, true, XDP_COPY | XDP_USE_SG, true},
	{XDP_WAY_GENERIC, true, XDP_COPY, false},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* One opening. */
struct attempt {
	struct xdp_sock *s;
	const struct xdp_config *cfg;
	struct xdp_wants w;
	unsigned frame_len; /* of the longest frame on the wire */
	int native;	    /* why not in the driver: -errno, or 0 */
	char *why;
};

static void sleep_a_little(void)
{
	const struct timespec pause = {.tv_nsec = GONE_WAIT_NSEC};

	nanosleep(&pause, NULL);
}

/* ---- the interface's queues ---- */

/* 0: the driver does not say. */
static unsigned queues_of(const char *ifname)
{
	struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq rq = {.ifr_data = (void *)&c};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return 0;
	strncpy(rq.ifr_name, ifname, sizeof(rq.ifr_name) - 1);
	r = ioctl(fd, SIOCETHTOOL, &rq);
	close(fd);
	return r ? 0 : c.combined_count + c.rx_count;
}

static int check_queue(const struct xdp_config *cfg, char *why)
{
	unsigned n = queues_of(cfg->iface.ifname);

	if (n && cfg->queue >= n) {
		snprintf(why, PACKET_WHY_MAX,
			 "port=xdp:%s:%u: no such queue; it has %u, from 0 on "
			 "(`ethtool -l %s')",
			 cfg->iface.ifname, cfg->queue, n, cfg->iface.ifname);
		return -EINVAL;
	}
	if (n > 1)
		log_warn("port=xdp:%s: only queue %u of %u is read by AF_XDP, "
			 "what arrives at the others by AF_PACKET, which is "
			 "slower; `ethtool -L %s combined 1' leaves one",
			 cfg->iface.ifname, cfg->queue, n, cfg->iface.ifname);
	return 0;
}

/* ---- the socket ---- */

static unsigned rx_chunks(const struct xdp_config *cfg)
{
	unsigned n =
		cfg->iface.rcvbuf ? cfg->iface.rcvbuf / XDP_CHUNK : RX_CHUNKS;

	if (n < RX_CHUNKS_MIN)
		return RX_CHUNKS_MIN;
	return n > RX_CHUNKS_MAX ? RX_CHUNKS_MAX : round_up_pow2(n);
}

static int map_memory(struct xdp_sock *s, const struct xdp_config *cfg)
{
	s->nrx = rx_chunks(cfg);
	s->memory_len = (size_t)(s->nrx + XDP_TX_CHUNKS) * XDP_CHUNK;
	s->memory = mmap(NULL, s->memory_len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->memory == MAP_FAILED) {
		s->memory = NULL;
		return -errno;
	}
	/* A child has no use for it, and must not make the parent copy it. */
	madvise(s->memory, s->memory_len, MADV_DONTFORK);
	return 0;
}

static void close_socket(struct xdp_sock *s)
{
	if (s->xsk)
		xsk_socket__delete(s->xsk);
	if (s->umem)
		xsk_umem__delete(s->umem);
	s->xsk = NULL;
	s->umem = NULL;
	s->fd = -1;
}

/* The kernel consumes its ring of chunks in steps: twice as long, it always
 * has room.
 */
static int open_socket(struct xdp_sock *s, const struct xdp_config *cfg,
		       uint16_t bind)
{
	const struct xsk_umem_config memory = {.fill_size = 2 * s->nrx,
					       .comp_size = XDP_TX_CHUNKS,
					       .frame_size = XDP_CHUNK};
	const struct xsk_socket_config rings = {
		.rx_size = s->nrx,
		.tx_size = XDP_TX_CHUNKS,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = bind | XDP_USE_NEED_WAKEUP};
	int sndbuf = SNDBUF, error;

	error = xsk_umem__create(&s->umem, s->memory, s->memory_len, &s->fill,
				 &s->completion, &memory);
	if (error)
		return error;
	error = xsk_socket__create(&s->xsk, cfg->iface.ifname, cfg->queue,
				   s->umem, &s->rx, &s->tx, &rings);
	if (error) {
		s->xsk = NULL;
		close_socket(s);
		return error;
	}
	s->fd = xsk_socket__fd(s->xsk);
	fcntl(s->fd, F_SETFD, FD_CLOEXEC);
	if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf,
		       sizeof(sndbuf)))
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &sndbuf,
			   sizeof(sndbuf));
	return 0;
}

static int open_when_free(struct xdp_sock *s, const struct xdp_config *cfg,
			  uint16_t bind)
{
	int error = open_socket(s, cfg, bind);

	for (int i = 0; error == -EBUSY && i < GONE_WAITS; i++) {
		sleep_a_little();
		error = open_socket(s, cfg, bind);
	}
	return error;
}

static void ask_zerocopy(struct xdp_sock *s)
{
	struct xdp_options o = {0};
	socklen_t len = sizeof(o);

	if (!getsockopt(s->fd, SOL_XDP, XDP_OPTIONS, &o, &len))
		s->zerocopy = o.flags & XDP_OPTIONS_ZEROCOPY;
}

/* ---- ways ---- */

/* Errors that no other way mends. */
static bool is_final(int error)
{
	return error == -EBUSY || error == -EEXIST || error == -EPERM ||
	       error == -ENOBUFS || error == -ENODEV || error == -ENETDOWN;
}

static int hook_when_free(struct attempt *a, bool generic)
{
	int error;

	for (int i = 0;; i++) {
		error = xdp_hook(a->s, a->cfg->iface.ifindex, a->cfg->queue,
				 generic, &a->w);
		if ((error != -EBUSY && error != -EEXIST) || i == GONE_WAITS)
			return error;
		sleep_a_little();
	}
}

static void explain_hook(const struct attempt *a, int error)
{
	const char *ifname = a->s->ifname;

	if (error == -EBUSY || error == -EEXIST)
		snprintf(a->why, PACKET_WHY_MAX,
			 "port=xdp:%s: another XDP program (id %u) is on it, "
			 "and there is room for one; end its owner, which may "
			 "be a glassnic, or `ip link set dev %s xdp off', or "
			 "take port=packet:%s",
			 ifname, xdp_hooked(a->cfg->iface.ifindex), ifname,
			 ifname);
	else if (error == -EPERM)
		snprintf(a->why, PACKET_WHY_MAX,
			 "port=xdp:%s: no right to attach an XDP program "
			 "(CAP_NET_ADMIN and CAP_BPF); run as root, or take "
			 "port=packet:%s or port=udp",
			 ifname, ifname);
	else
		snprintf(a->why, PACKET_WHY_MAX,
			 "port=xdp:%s: no XDP program can be attached: %s; "
			 "port=packet:%s works with any driver",
			 ifname, strerror(-error), ifname);
}

static void explain_bind(const struct attempt *a, int error)
{
	const char *ifname = a->s->ifname;

	if (error == -EBUSY)
		snprintf(a->why, PACKET_WHY_MAX,
			 "port=xdp:%s: queue %u is used by another AF_XDP "
			 "socket; end that, or choose another queue "
			 "(port=xdp:%s:%u)",
			 ifname, a->cfg->queue, ifname, a->cfg->queue + 1);
	else if (error == -ENOBUFS)
		snprintf(a->why, PACKET_WHY_MAX,
			 "port=xdp:%s: %zu MiB of memory cannot be locked; "
			 "raise `ulimit -l', or give a smaller rcvbuf=",
			 ifname, a->s->memory_len >> 20);
	else
		snprintf(a->why, PACKET_WHY_MAX,
			 "port=xdp:%s: its queue %u takes no AF_XDP socket: "
			 "%s; port=packet:%s works with any driver",
			 ifname, a->cfg->queue, strerror(-error), ifname);
}

static bool is_long(const struct attempt *a)
{
	return a->frame_len > XDP_CHUNK_DATA;
}

static int try_way(struct attempt *a, const struct way *way)
{
	struct xdp_sock *s = a->s;
	int error;

	a->w.frags = true;
	a->w.trains = way->generic;
	a->w.frame_max =
		way->frags || !is_long(a) ? a->frame_len : XDP_CHUNK_DATA;
	error = hook_when_free(a, way->generic);
	if (error) {
		explain_hook(a, error);
		return error;
	}
	error = way->frags && !a->w.frags
			? -EOPNOTSUPP
			: open_when_free(s, a->cfg, way->bind);
	if (error) {
		explain_bind(a, error);
		xdp_unhook(s);
		return error;
	}
	s->generic = way->generic;
	s->frags = way->frags;
	s->frame_max = a->w.frame_max;
	ask_zerocopy(s);
	return 0;
}

static bool is_allowed(const struct attempt *a, const struct way *way)
{
	if (way->frags && !is_long(a))
		return false;
	return a->cfg->mode == XDP_WAY_AUTO || a->cfg->mode == way->mode;
}

static int try_ways(struct attempt *a)
{
	int error = -EOPNOTSUPP;

	for (size_t i = 0; i < WAYS; i++) {
		if (!is_allowed(a, &ways[i]))
			continue;
		error = try_way(a, &ways[i]);
		if (!error || is_final(error))
			break;
		if (!ways[i].generic)
			a->native = error;
	}
	return error;
}

/* ---- opening and closing ---- */

static void say(const struct attempt *a)
{
	struct xdp_sock *s = a->s;

	snprintf(s->way, sizeof(s->way), "queue %u, %s XDP, %s%s",
		 a->cfg->queue, s->generic ? "generic" : "native",
		 s->zerocopy ? "zero-copy" : "copies",
		 s->frags ? ", frames in pieces" : "");
	log_info("port=xdp:%s: %s", s->ifname, s->way);
	if (s->generic && a->native)
		log_warn("port=xdp:%s: its driver does not do it (%s): the "
			 "kernel does (generic XDP), which is slower; "
			 "xdpmode=generic says so beforehand",
			 s->ifname, strerror(-a->native));
	if (a->w.frame_max < a->frame_len)
		log_warn("port=xdp:%s: frames in pieces do not work here "
			 "(Linux 6.6 and later): the MTU is %u, not %u",
			 s->ifname, a->w.frame_max - ETH_LEN - VLAN_LEN,
			 a->frame_len - ETH_LEN - VLAN_LEN);
}

static struct xdp_wants wants_of(const struct packet_config *iface)
{
	struct xdp_wants w = {.mac = iface->mac,
			      .shared = iface->shared,
			      .naddr = iface->naddr,
			      .udp_port = iface->udp_port};

	_Static_assert(sizeof(w.addr) == sizeof(iface->addr), "as many");
	memcpy(w.addr, iface->addr, sizeof(w.addr));
	return w;
}

int xdp_sock_open(struct xdp_sock *s, const struct xdp_config *cfg, char *why)
{
	struct attempt a = {.s = s,
			    .cfg = cfg,
			    .w = wants_of(&cfg->iface),
			    .frame_len = cfg->iface.mtu + ETH_LEN + VLAN_LEN,
			    .why = why};
	int error;

	memset(s, 0, sizeof(*s));
	s->map = s->prog = s->link = s->fd = -1;
	snprintf(s->ifname, sizeof(s->ifname), "%s", cfg->iface.ifname);
	s->counters = cfg->iface.counters;
	error = check_queue(cfg, why);
	if (error)
		return error;
	snprintf(why, PACKET_WHY_MAX, "out of memory");
	if (map_memory(s, cfg))
		return -ENOMEM;
	error = try_ways(&a);
	if (error)
		goto err;
	xdp_tx_init(s);
	error = xdp_rx_init(s);
	if (!error)
		error = xdp_hook_socket(s, cfg->queue);
	if (error) {
		explain_bind(&a, error);
		goto err;
	}
	say(&a);
	return 0;
err:
	xdp_sock_close(s);
	return error;
}

/* The program first, so that nothing comes for a socket that is gone. */
void xdp_sock_close(struct xdp_sock *s)
{
	xdp_unhook(s);
	close_socket(s);
	xdp_rx_fini(s);
	if (s->memory)
		munmap(s->memory, s->memory_len);
	s->memory = NULL;
}
#endif
