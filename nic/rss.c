#include "nic/rss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic/cq.h"
#include "nic/engine.h"
#include "nic/responder_parts.h"

/* ---- work queues ----------------------------------------------------------------- */

int wq_new(struct gn_pd *pd, struct gn_wq_init *init, struct gn_wq **out)
{
	struct engine *e = pd->engine;
	const struct gn_limits *l = &e->cfg.limits;
	struct gn_wq *wq;
	int rc;

	if (!init->cq || !init->max_wr || init->max_wr > l->max_qp_wr ||
	    init->max_sge > l->max_sge)
		return -EINVAL;
	wq = calloc(1, sizeof(*wq));
	if (!wq)
		return -ENOMEM;
	wq->recv.sge = calloc(init->max_sge + 1u, sizeof(struct gn_sge));
	rc = wq->recv.sge ? rq_init(&wq->rq, init->max_wr, init->max_sge)
			  : -ENOMEM;
	if (rc) {
		free(wq->recv.sge);
		free(wq);
		return rc;
	}
	wq->engine = e;
	wq->pd = pd;
	wq->cq = init->cq;
	wq->num = ++e->next_wqn & 0xffffff;
	init->max_wr = wq->rq.depth;
	pd->users++;
	init->cq->users++;
	*out = wq;
	return 0;
}

int wq_free(struct gn_wq *wq)
{
	if (wq->users)
		return -EBUSY;
	wq->pd->users--;
	wq->cq->users--;
	rq_fini(&wq->rq);
	free(wq->recv.sge);
	free(wq);
	return 0;
}

static void complete(struct gn_wq *wq, uint32_t len, enum gn_wc_status status,
		     uint32_t tag)
{
	struct cqe c = { .wc = { .wr_id = wq->recv.wr_id,
				 .status = status,
				 .opcode = GN_WC_RECV,
				 .byte_len = len,
				 .qpn = wq->num,
				 .flow_tag = tag,
				 .timestamp = wq->engine->now } };

	cq_push(wq->cq, &c);
}

int wq_modify(struct gn_wq *wq, enum gn_wq_state state)
{
	if ((unsigned)state > GN_WQS_ERR)
		return -EINVAL;
	atomic_store(&wq->state, (int)state);
	if (state == GN_WQS_RESET)
		rq_reset(&wq->rq);
	while (state == GN_WQS_ERR && rq_take(&wq->rq, &wq->recv))
		complete(wq, 0, GN_WC_WR_FLUSH_ERR, 0);
	return 0;
}

int wq_post(struct gn_wq *wq, const struct gn_recv_wr *wr)
{
	if (atomic_load(&wq->state) != GN_WQS_RDY)
		return -EINVAL;
	return rq_post(&wq->rq, wr);
}

/* ---- tables ----------------------------------------------------------------------- */

int ind_new(struct engine *e, struct gn_wq *const *wq, uint32_t n,
	    struct gn_ind **out)
{
	struct gn_ind *ind;

	if (!n || (n & (n - 1)) || n > e->cfg.limits.max_ind_size)
		return -EINVAL;
	ind = calloc(1, sizeof(*ind));
	if (!ind)
		return -ENOMEM;
	ind->wq = calloc(n, sizeof(*ind->wq));
	if (!ind->wq) {
		free(ind);
		return -ENOMEM;
	}
	ind->engine = e;
	ind->n = n;
	for (uint32_t i = 0; i < n; i++) {
		ind->wq[i] = wq[i];
		wq[i]->users++;
	}
	*out = ind;
	return 0;
}

int ind_free(struct gn_ind *ind)
{
	if (ind->users)
		return -EBUSY;
	for (uint32_t i = 0; i < ind->n; i++)
		ind->wq[i]->users--;
	free(ind->wq);
	free(ind);
	return 0;
}

/* ---- the hash ------------------------------------------------------------------------ */

/* For each bit of @in that is set, the 32 bits of the key that begin there. */
static uint32_t toeplitz(const uint8_t key[GN_RX_HASH_KEY], const uint8_t *in,
			 size_t len)
{
	uint32_t window = get_be32(key), hash = 0;

	for (size_t i = 0; i < len * 8; i++) {
		size_t next = i + 32;

		if (in[i / 8] & 0x80 >> i % 8)
			hash ^= window;
		window = window << 1 | (key[next / 8 % GN_RX_HASH_KEY] >>
						(7 - next % 8) &
					1);
	}
	return hash;
}

static size_t put_addr(uint8_t *out, const struct ip_addr *a, bool v4)
{
	memcpy(out, a->b + (v4 ? 12 : 0), v4 ? 4 : 16);
	return v4 ? 4 : 16;
}

uint32_t rss_hash(const struct gn_rx_hash *hash, const struct rss_fields *f)
{
	uint64_t m = hash->fields;
	uint8_t in[36];
	size_t n = 0;
	bool v4, udp;

	if (!f->ip)
		return 0;
	v4 = f->ip->version == 4;
	udp = f->ip->protocol == IPPROTO_UDP_;
	if (m & (v4 ? GN_HASH_SRC_IPV4 : GN_HASH_SRC_IPV6))
		n += put_addr(in + n, &f->ip->src, v4);
	if (m & (v4 ? GN_HASH_DST_IPV4 : GN_HASH_DST_IPV6))
		n += put_addr(in + n, &f->ip->dst, v4);
	if (f->has_ports &&
	    (m & (udp ? GN_HASH_SRC_PORT_UDP : GN_HASH_SRC_PORT_TCP))) {
		put_be16(in + n, f->sport);
		n += 2;
	}
	if (f->has_ports &&
	    (m & (udp ? GN_HASH_DST_PORT_UDP : GN_HASH_DST_PORT_TCP))) {
		put_be16(in + n, f->dport);
		n += 2;
	}
	return toeplitz(hash->key, in, n);
}

void rss_receive(const struct gn_ind *ind, uint32_t h, struct span frame,
		 uint32_t tag)
{
	struct gn_wq *wq = ind->wq[h & (ind->n - 1)];
	enum drop v;

	if (atomic_load(&wq->state) != GN_WQS_RDY ||
	    !rq_take(&wq->rq, &wq->recv)) {
		wq->engine->counters.drop[DROP_NO_RECV]++;
		return;
	}
	v = recv_scatter(wq->pd, &wq->recv, 0, frame);
	complete(wq, (uint32_t)frame.len,
		 v == DROP_NONE		 ? GN_WC_SUCCESS
		 : v == DROP_RECV_LENGTH ? GN_WC_LOC_LEN_ERR
					 : GN_WC_LOC_PROT_ERR,
		 tag);
}
