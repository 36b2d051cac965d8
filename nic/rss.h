/* Receive side scaling: work queues, tables of them, and the hash that spreads
 * what arrives at a RAW_PACKET QP over one.
 */
#ifndef NIC_RSS_H
#define NIC_RSS_H

#include "nic/api.h"
#include "nic/rq.h"
#include "wire/bytes.h"
#include "wire/ip.h"

struct engine;

struct gn_wq {
	struct engine *engine;
	struct gn_pd *pd;
	struct gn_cq *cq;
	struct rq rq;
	struct rwqe recv; /* room for the one being filled */
	uint32_t num;
	unsigned users; /* tables */
	_Atomic int state; /* enum gn_wq_state */
};

struct gn_ind {
	struct engine *engine;
	struct gn_wq **wq;
	uint32_t n; /* a power of two */
	unsigned users; /* QPs */
};

/* What the hash looks at. */
struct rss_fields {
	const struct ip_header *ip; /* NULL: not IP */
	bool has_ports;
	uint16_t sport, dport;
};

int wq_new(struct gn_pd *pd, struct gn_wq_init *init, struct gn_wq **wq);
int wq_free(struct gn_wq *wq);
int wq_modify(struct gn_wq *wq, enum gn_wq_state state);
int wq_post(struct gn_wq *wq, const struct gn_recv_wr *wr);
int ind_new(struct engine *e, struct gn_wq *const *wq, uint32_t n,
	    struct gn_ind **ind);
int ind_free(struct gn_ind *ind);

/* The Toeplitz hash of those of @f that @hash names. */
uint32_t rss_hash(const struct gn_rx_hash *hash, const struct rss_fields *f);
/* Gives @frame to the queue of @ind that @h chooses; @tag as in gn_wc. */
void rss_receive(const struct gn_ind *ind, uint32_t h, struct span frame,
		 uint32_t tag);

#endif
