/* The NIC in memory: the engine on a host of its own (link_eth), joined by a
 *wire to the script's host, maybe through VXLAN; all on a virtual clock.
 *
 *	engine - link_eth [- vxlan - link_eth] - pair - tamper [- ...] -
 *link_eth NIC under test				      script's end
 *
 * Nothing takes time but what waits for a deadline: run() lets everybody work
 *until nobody has anything left to do, then jumps to what is due next.
 */
#include "drill/vnic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drill/tamper.h"
#include "nic/host/faults.h"
#include "nic/host/spec_engine.h"
#include "nic/impair/impair_port.h"
#include "nic/base/note.h"
#include "nic/cq.h"
#include "nic/port/capture.h"
#include "nic/qp.h"
#include "overlay/vxlan.h"
#include "wire/bth.h"
#include "wire/vxlan.h"

#define BUDGET	 64u
#define WIRE_MTU 9000u

static struct vnic *of(struct bench *b)
{
	return (struct vnic *)b;
}

/* ---- time ---- */

static bool work(struct vnic *v)
{
	bool some = engine_run(&v->engine, BUDGET, v->now);

	if (link_deadline(v->nic) <= v->now)
		link_tick(v->nic, v->now);
	if (link_deadline(v->script) <= v->now)
		link_tick(v->script, v->now);
	some |= link_receive(v->nic, BUDGET, v->now) > 0;
	some |= link_receive(v->script, BUDGET, v->now) > 0;
	return vnic_poll(v) || some;
}

static nsec_t next_deadline(const struct vnic *v)
{
	nsec_t at = engine_deadline(&v->engine);
	nsec_t nic = link_deadline(v->nic), script = link_deadline(v->script);

	if (nic < at)
		at = nic;
	return script < at ? script : at;
}

static void settle(struct vnic *v)
{
	do
		while (work(v))
			;
	while (next_deadline(v) <= v->now);
}

static bool vnic_run(struct bench *b, nsec_t until, bool stop)
{
	struct vnic *v = of(b);
	uint64_t before = b->nseen;

	for (;;) {
		nsec_t next;

		settle(v);
		if (stop && b->nseen != before)
			return true;
		next = next_deadline(v);
		if (next > until)
			break;
		v->now = next;
	}
	if (v->now < until)
		v->now = until;
	return b->nseen != before;
}

static nsec_t vnic_now(struct bench *b)
{
	return of(b)->now;
}

/* ---- the capture ---- */

/* In captures a drill begins with this year, and a frame takes a microsecond at
 * least: so their order can be seen, though nothing takes time here.
 */
#define EPOCH (1767225600ull * SEC)

static uint64_t capture_time(void *ctx)
{
	struct vnic *v = ctx;
	uint64_t at = EPOCH + v->now - SEC;

	if (at < v->tapped_at + USEC)
		at = v->tapped_at + USEC;
	v->tapped_at = at;
	return at;
}

/* Lets the capture, if there is to be one, see *@port, which is freed if that
 * fails.
 */
static int tap_port(struct vnic *v, const char *path, struct port **port,
		    char *why)
{
	int rc;

	if (!path)
		return 0;
	rc = capture_new(path, v->spec.name, &v->tap, why);
	if (!rc) {
		capture_set_clock(v->tap, capture_time, v);
		rc = capture_port_new(*port, v->tap, port);
	}
	if (rc)
		port_free(*port);
	return rc;
}

/* ---- packets ---- */

/* The script's end of the wire has got one. */
static enum drop on_packet(void *ctx, const struct dgram *d, nsec_t now)
{
	struct vnic *v = ctx;

	bench_see_packet(&v->b, now, d);
	return DROP_NONE;
}

static enum drop vnic_send(struct bench *b, struct pkt *p,
			   const struct tamper *tamper)
{
	struct vnic *v = of(b);
	uint64_t before[DROP_N];
	uint64_t duplicates = v->engine.counters.n[CNT_DUPLICATE];

	memcpy(before, v->engine.counters.drop, sizeof(before));
	tamper_port_set(v->tampers, tamper);
	link_send(v->script, p, 1, v->now);
	settle(v);
	tamper_port_set(v->tampers, NULL);
	for (unsigned i = 1; i < DROP_N; i++)
		if (v->engine.counters.drop[i] != before[i])
			return (enum drop)i;
	return v->engine.counters.n[CNT_DUPLICATE] != duplicates
		       ? DROP_DUPLICATE
		       : DROP_NONE;
}

static bool vnic_counter(struct bench *b, const char *name, uint64_t *value)
{
	return strcmp(name, drop_word(DROP_NONE)) &&
	       counters_find(&of(b)->engine.counters, name, value);
}

/* ---- events ---- */

static void on_comp(void *ctx, struct gn_cq *cq)
{
}

static void on_event(void *ctx, struct gn_listener *l,
		     const struct gn_event *ev)
{
	struct vnic *v = ctx;
	char text[96];
	int n;

	n = snprintf(text, sizeof(text), "%s %s",
		     verbs_word(verbs_events, ev->type),
		     objects_name(&v->objects, ev->cookie));
	bench_see(&v->b, SEEN_EVENT, v->now, text, (size_t)n);
}

static void on_move(void *ctx, const struct gn_qp *qp, enum gn_qp_state from,
		    enum gn_qp_state to)
{
	((struct vnic *)ctx)->b.move[from][to]++;
}

static const struct engine_hooks hooks = {
	.comp_event = on_comp, .async_event = on_event, .qp_moves = on_move};

/* ---- making it ---- */

static struct mac mac_at(unsigned n)
{
	return (struct mac){{2, 0x67, 0, 0, 0, (uint8_t)n}};
}

static struct ip_addr outer_at(unsigned n)
{
	return ip_from_v4((uint8_t[4]){192, 0, 2, (uint8_t)n});
}

/* One end's VXLAN port over @port; @n: 1 or 2, which end. */
static int add_tunnel(struct vnic *v, unsigned n, struct counters *c,
		      struct port **port, char *why)
{
	struct link_config lower = {.port = VXLAN_UDP_PORT,
				    .addr = {outer_at(n)},
				    .naddr = 1,
				    .prefix_len = 24,
				    .mac = mac_at(0x10 + n),
				    .counters = c};
	struct vxlan_config cfg = {.vni = v->spec.vni,
				   .local = outer_at(n),
				   .remote = {outer_at(3 - n)},
				   .nremote = 1,
				   .learn = true,
				   .counters = c};
	struct link *udp;
	int rc = link_eth_new(&lower, *port, &udp, why);

	return rc ? rc : vxlan_port_new(&cfg, udp, port, why);
}

/* The script's other path: the address behind its first. */
static void add_second_address(struct link_config *cfg)
{
	cfg->addr[1] = cfg->addr[0];
	cfg->addr[1].b[15]++;
	cfg->naddr = 2;
}

/* One end: a host at @ip. */
static int add_host(struct vnic *v, unsigned n, const struct ip_addr *ip,
		    struct port *port, struct counters *c, struct link **link,
		    char *why)
{
	struct link_config cfg = {.port = ROCE_UDP_PORT,
				  .icrc = true,
				  .addr = {*ip},
				  .naddr = 1,
				  .prefix_len = v->spec.prefix_len,
				  .mac = mac_at(n),
				  .vlan = v->spec.vlan,
				  .ip_mtu = n == 1 ? v->spec.mtu : 0,
				  .counters = c};
	int rc = 0;

	if (n == 2)
		add_second_address(&cfg);
	if (v->spec.port == PORT_VXLAN)
		rc = add_tunnel(v, n, c, &port, why);
	if (!rc && n == 1)
		rc = impair_port_new(port, v->faults, &port);
	return rc ? rc : link_eth_new(&cfg, port, link, why);
}

static int build(struct vnic *v, const char *capture, char *why)
{
	struct port *end[2];
	int rc = port_pair_new(WIRE_MTU, &v->engine.counters, end);

	snprintf(why, WORDS_WHY_MAX, "no memory");
	if (rc)
		return rc;
	end[1]->counters = &v->counters;
	v->tampers = tamper_port_new(end[1]);
	if (!v->tampers) {
		port_free(end[0]);
		return -ENOMEM;
	}
	rc = tap_port(v, capture, &end[0], why);
	if (!rc)
		rc = add_host(v, 1, &v->b.nic, end[0], &v->engine.counters,
			      &v->nic, why);
	if (rc) {
		port_free(v->tampers);
		return rc;
	}
	return add_host(v, 2, &v->b.own, v->tampers, &v->counters, &v->script,
			why);
}

/* The script is the NIC's neighbour: the next address. */
static void choose_addresses(struct vnic *v)
{
	if (!v->spec.has_ip) {
		v->spec.ip = ip_from_v4((uint8_t[4]){10, 0, 0, 1});
		v->spec.prefix_len = 24;
	}
	v->b.nic = v->b.own = v->spec.ip;
	v->b.own.b[15]++;
}

/* There is always something to add rules to. */
static int add_faults(struct vnic *v, uint64_t seed, char *why)
{
	struct counters *c = &v->engine.counters;
	int rc = spec_faults_new(&v->spec, seed, c, &v->faults, why);

	if (rc || v->faults)
		return rc;
	v->faults = malloc(sizeof(*v->faults));
	if (!v->faults)
		return -ENOMEM;
	impair_init(v->faults, seed, c);
	return 0;
}

static void vnic_free(struct bench *b)
{
	struct vnic *v = of(b);

	vnic_objects_fini(v);
	link_free(v->nic);
	link_free(v->script);
	spec_faults_free(v->faults);
	engine_fini(&v->engine);
	bench_forget(b);
	capture_free(v->tap);
	free(v);
}

static const struct bench_ops ops = {
	.now = vnic_now,
	.run = vnic_run,
	.verb = vnic_verb,
	.send = vnic_send,
	.counter = vnic_counter,
	.free = vnic_free,
};

struct bench *vnic_new(const char *spec, const char *capture, char *why)
{
	struct vnic *v = calloc(1, sizeof(*v));
	struct engine_config cfg;

	if (!v)
		return NULL;
	v->b.ops = &ops;
	list_init(&v->b.seen);
	v->now = SEC;
	if (spec_parse(spec, &v->spec, why))
		goto free_v;
	choose_addresses(v);
	cfg = spec_engine_config(&v->spec);
	if (!cfg.seed)
		cfg.seed = 1;
	cfg.notes = capture;
	if (engine_init(&v->engine, &cfg, &hooks, v))
		goto free_v;
	if (add_faults(v, cfg.seed, why) || build(v, capture, why))
		goto fini;
	engine_attach(&v->engine, v->nic);
	link_set_up(v->script, on_packet, v);
	settle(v);
	if (!vnic_objects_init(v))
		return &v->b;
	snprintf(why, WORDS_WHY_MAX, "no memory");
fini:
	link_free(v->nic);
	link_free(v->script);
	spec_faults_free(v->faults);
	engine_fini(&v->engine);
	capture_free(v->tap);
free_v:
	free(v);
	return NULL;
}
