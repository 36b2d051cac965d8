/* Two engines with Ethernet links on a pair of ports, and RAW_PACKET QPs. */
#ifndef TESTS_RAW_WORLD_H
#define TESTS_RAW_WORLD_H

#include "nic/cq.h"
#include "nic/engine.h"
#include "nic/qp.h"
#include "nic/raw.h"
#include "nic/srq.h"
#include "tests/unit/nic/eth_world.h"
#include "wire/udp.h"

struct raw_side {
	struct engine engine;
	struct host *host;
	struct gn_pd *pd;
	struct gn_cq *scq, *rcq;
	struct gn_mr *mr;
	uint8_t mem[65536];
};

static struct raw_side ra, rb;

static void no_comp(void *ctx, struct gn_cq *cq)
{
}

static void no_async(void *ctx, struct gn_listener *l, const struct gn_event *e)
{
}

static const struct engine_hooks raw_hooks = {.comp_event = no_comp,
						.async_event = no_async};

static inline void raw_side_open(struct raw_side *s, struct host *h)
{
	struct engine_config cfg = engine_config_default();

	s->host = h;
	cr_assert_eq(engine_init(&s->engine, &cfg, &raw_hooks, NULL), 0);
	engine_attach(&s->engine, h->link);
	cr_assert_eq(pd_new(&s->engine, &s->pd), 0);
	cr_assert_eq(cq_new(&s->engine, 64, NULL, NULL, &s->scq), 0);
	cr_assert_eq(cq_new(&s->engine, 64, NULL, NULL, &s->rcq), 0);
	cr_assert_eq(mr_new(s->pd, s->mem, sizeof(s->mem), (uintptr_t)s->mem,
			    GN_ACCESS_LOCAL_WRITE, &s->mr),
		     0);
}

static inline void raw_open(void)
{
	start();
	two_hosts();
	raw_side_open(&ra, &a);
	raw_side_open(&rb, &b);
}

static inline void raw_side_close(struct raw_side *s)
{
	cr_assert_eq(mr_free(s->mr), 0);
	cr_assert_eq(cq_free(s->scq), 0);
	cr_assert_eq(cq_free(s->rcq), 0);
	cr_assert_eq(pd_free(s->pd), 0);
	engine_fini(&s->engine);
}

static inline void raw_close(void)
{
	raw_side_close(&ra);
	raw_side_close(&rb);
	stop();
}

/* Until nothing moves. */
static inline void raw_settle(void)
{
	for (unsigned i = 0; i < 20; i++) {
		while (engine_run(&ra.engine, 64, now))
			;
		while (engine_run(&rb.engine, 64, now))
			;
		settle();
	}
}

static inline void raw_move(struct gn_qp *qp, enum gn_qp_state to,
			    unsigned mask)
{
	struct gn_qp_attr attr = { .state = to, .port_num = 1, .qkey = 5 };

	cr_assert_eq(qp_modify(qp, &attr, mask | GN_QP_STATE), 0);
}

static inline struct gn_qp *raw_make(struct raw_side *s, enum gn_qp_type type,
				     struct gn_srq *srq)
{
	struct gn_qp_init init = { .type = type,
				   .send_cq = s->scq,
				   .recv_cq = s->rcq,
				   .srq = srq,
				   .cap = { 32, 32, 4, 4, 64 } };
	struct gn_qp *qp;
	bool ud = type == GN_QPT_UD;

	cr_assert_eq(qp_new(s->pd, &init, &qp), 0);
	raw_move(qp, GN_QPS_INIT,
		 GN_QP_PORT | (ud ? GN_QP_PKEY_INDEX | GN_QP_QKEY : 0));
	raw_move(qp, GN_QPS_RTR, 0);
	raw_move(qp, GN_QPS_RTS, ud ? GN_QP_SQ_PSN : 0);
	return qp;
}

static inline struct gn_qp *raw_qp(struct raw_side *s)
{
	return raw_make(s, GN_QPT_RAW_PACKET, NULL);
}

static inline void raw_recv(struct raw_side *s, struct gn_qp *qp,
			    uint64_t wr_id, uint32_t len)
{
	struct gn_sge sge = { (uintptr_t)s->mem + 2048 * wr_id, len,
			      s->mr->h.key };
	struct gn_recv_wr wr = { .wr_id = wr_id, .sge = &sge, .nsge = 1 };

	cr_assert_eq(qp_post_recv(qp, &wr), 0);
}

/* A frame's description: UDP or TCP over IPv4 if it has a protocol. */
struct raw_frame {
	struct mac dst;
	uint16_t type, vlan;
	bool tagged;
	uint8_t protocol;
	const char *src_ip, *dst_ip;
	uint16_t sport, dport;
	uint32_t len; /* at least; 0: 60 */
};

static inline size_t raw_build(uint8_t *out, const struct raw_frame *f)
{
	struct eth eth = { .dst = f->dst, .src = mac_a, .tagged = f->tagged,
			   .vlan = f->vlan,
			   .type = f->type ? f->type : ETHERTYPE_IPV4 };
	uint32_t len = f->len ? f->len : 60;
	struct ip_header h = { .version = 4, .ttl = 9, .protocol = f->protocol };
	size_t n;

	memset(out, 0x77, len);
	n = eth_encode(&eth, out);
	if (!f->protocol)
		return len;
	h.src = ip(f->src_ip ? f->src_ip : "10.0.0.1");
	h.dst = ip(f->dst_ip ? f->dst_ip : "10.0.0.2");
	h.len = (uint16_t)(len - n - IPV4_LEN);
	n += ip_encode(&h, out + n);
	udp_encode(&(struct udp){ f->sport, f->dport, 8, 0 }, out + n);
	return len;
}

/* A sends it from its QP. */
static inline void raw_post(struct gn_qp *qp, const struct raw_frame *f)
{
	struct gn_sge sge = { (uintptr_t)ra.mem, 0, ra.mr->h.key };
	struct gn_send_wr wr = { .wr_id = 1, .opcode = GN_WR_SEND,
				 .flags = GN_SEND_SIGNALED, .sge = &sge,
				 .nsge = 1 };

	sge.len = (uint32_t)raw_build(ra.mem, f);
	cr_assert_eq(qp_post_send(qp, &wr), 0);
	qp_ring(qp);
	raw_settle();
}

static inline void raw_take(struct gn_cq *cq, uint64_t wr_id,
			    enum gn_wc_status status, uint32_t len)
{
	struct gn_wc wc;

	cr_assert_eq(cq_take(cq, 1, &wc), 1);
	cr_assert_eq(wc.wr_id, wr_id);
	cr_assert_eq(wc.status, status);
	if (len)
		cr_assert_eq(wc.byte_len, len);
}

static inline bool raw_empty(struct gn_cq *cq)
{
	return cq_is_empty(cq);
}

static inline struct gn_flow *raw_flow(struct gn_qp *qp,
				       const struct gn_flow_match *m)
{
	struct gn_flow *flow;

	cr_assert_eq(flow_new(qp, m, &flow), 0);
	return flow;
}

#endif
