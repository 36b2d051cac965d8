/* RDMA in a tunnel without privilege: link_eth over a VXLAN port over link_udp
 * on the loopback interface, twice.
 */
#include "overlay/vxlan.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <unistd.h>
#include "wire/bth.h"

static char why[200];

struct nest {
	struct link *link;
	struct counters counters;
	struct port *tunnel;
	unsigned n;
	struct dgram dgram;
	uint8_t data[100];
};

static enum drop nest_take(void *ctx, const struct dgram *d, nsec_t now)
{
	struct nest *x = ctx;

	x->n++;
	x->dgram = *d;
	memcpy(x->data, d->data.p, d->data.len < 100 ? d->data.len : 100);
	return DROP_NONE;
}

static struct ip_addr loopback(uint8_t last)
{
	unsigned pid = (unsigned)getpid();
	uint8_t v4[4] = {127, (uint8_t)(64 + (pid >> 8) % 128), (uint8_t)pid,
			 last};

	return ip_from_v4(v4);
}

static void nest_open(struct nest *x, uint8_t self, uint8_t other)
{
	struct link_config outer = {.port = 14789,
				    .naddr = 1,
				    .ip_mtu = 1600,
				    .counters = &x->counters};
	struct vxlan_config tunnel = {.vni = 42,
				      .nremote = 1,
				      .learn = true,
				      .counters = &x->counters};
	struct link_config inner = {.port = ROCE_UDP_PORT,
				    .icrc = true,
				    .naddr = 1,
				    .prefix_len = 24,
				    .mac = {{2, 0, 0, 0, 0, self}},
				    .counters = &x->counters};
	uint8_t v4[4] = {10, 1, 1, self};
	struct link *udp;

	outer.addr[0] = tunnel.local = loopback(self);
	tunnel.remote[0] = loopback(other);
	inner.addr[0] = ip_from_v4(v4);
	cr_assert_eq(link_udp_new(&outer, &udp, why), 0, "%s", why);
	cr_assert_eq(vxlan_port_new(&tunnel, udp, &x->tunnel, why), 0, "%s",
		     why);
	cr_assert_eq(link_eth_new(&inner, x->tunnel, &x->link, why), 0, "%s",
		     why);
	link_set_up(x->link, nest_take, x);
}

static void nest_step(struct nest *x)
{
	if (link_deadline(x->link) == 0)
		link_tick(x->link, 0);
	link_receive(x->link, 64, 0);
}

Test(nest, rdma_in_a_tunnel, .timeout = 120)
{
	static struct nest a, b;
	struct bth bth = {.opcode = 4, .dqpn = 3, .psn = 9};
	struct pollfd fd[LINK_FDS];
	int b_fd[LINK_FDS];
	unsigned n;
	struct pkt p;

	nest_open(&a, 1, 2);
	nest_open(&b, 2, 1);
	cr_assert_eq(a.link->ip_mtu, 1550);
	nest_step(&a);
	nest_step(&b);
	pkt_reset(&p);
	p.src = a.link->addr[0];
	p.dst = b.link->addr[0];
	p.sport = 0xc001;
	p.tos = 2;
	p.ttl = 0;
	bth_encode(&bth, pkt_push(&p, BTH_LEN));
	pkt_add_span(&p, "four", 4);
	link_send(a.link, &p, 1, 0);
	n = link_fds(b.link, b_fd);
	for (unsigned i = 0; i < n; i++)
		fd[i] = (struct pollfd){.fd = b_fd[i], .events = POLLIN};
	/* ARP request, its answer, the packet. */
	for (unsigned i = 0; i < 20 && !b.n; i++) {
		poll(fd, n, 100);
		nest_step(&b);
		nest_step(&a);
	}
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.dgram.data.len, BTH_LEN + 4);
	cr_assert_arr_eq(b.data + BTH_LEN, "four", 4);
	cr_assert_eq(b.dgram.tos, 2);
	for (unsigned i = 0; i < DROP_N; i++)
		cr_assert_eq(b.counters.drop[i] + a.counters.drop[i], 0, "%s",
			     drop_word((enum drop)i));
	link_free(a.link);
	link_free(b.link);
}
