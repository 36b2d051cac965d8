/* A plan: all that happens in one schedule, made from its seed before anything
 * runs.  Every step means something when others are left out, and keeps its
 * time and its memory; so a plan can be shrunk.
 *
 * Each node has one arena of memory, laid out alike on all of them:
 *
 *	[local buffers of steps] [the counter] [cells] [cells] [cells]
 *
 * with guards between, which no region covers.  A flow is the requests of one
 * QP to its peer; in the peer's arena it owns one cell of each of the three
 * regions of cells: a word for atomics, and bytes behind it.
 */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "nic/api.h"
#include "nic/base/random.h"
#include "nic/base/time.h"

#define PLAN_NODES     3u
#define PLAN_CONNS     5u
#define PLAN_FLOWS     (2 * PLAN_CONNS) /* flow: conn * 2 + side */
#define PLAN_STEPS     160u
#define PLAN_SGES      4u
#define SGE_GAP	       8u /* bytes between a request's pieces of memory */
#define INLINE_MAX     64u
#define MESSAGE_MAX    (2 * 4096u + 16)
#define GUARD	       64u
#define UD_GRH	       40u
#define SEND_DEPTH     16u
#define RECV_DEPTH     64u
#define COUNTER_DIGITS 32u

/* What registered memory a node has. */
enum region {
	REGION_CELLS,  /* of all rights, as long as the node lives */
	REGION_COMING, /* comes and goes */
	REGION_READ,   /* may only be read by peers */
	REGION_CELLS_N,
	REGION_LOCAL = REGION_CELLS_N,
	REGION_N
};

/* With which key a request names its remote memory. */
enum key_choice {
	KEY_CELLS,
	KEY_COMING,
	KEY_READ,
	KEY_WINDOW1, /* of the peer's windows for this flow */
	KEY_WINDOW2,
	KEY_FOREIGN, /* of a window that belongs to another QP's peer */
	KEY_NONSENSE,
	KEY_N
};

/* What else is wrong with a request. */
enum spoil {
	SPOIL_NOTHING,
	SPOIL_LKEY,
	SPOIL_ALIGNMENT, /* of an atomic's remote word */
	SPOIL_RANGE,	 /* one byte past what the key opens */
	SPOIL_QKEY,
	SPOIL_LENGTH, /* receives: shorter than what comes; UD: longer than PMTU
		       */
	SPOIL_N
};

enum what {
	DO_CONNECT, /* both QPs: made if missing, reset, raised to RTS */
	DO_RESET,
	DO_DESTROY,
	DO_ERROR,
	DO_DRAIN,
	DO_RESUME, /* from SQD or SQE */
	DO_SEND,
	DO_RECV,
	DO_POLL,
	DO_DEREG, /* REGION_COMING */
	DO_REG,
	DO_DOWN, /* nothing arrives at this node, */
	DO_UP,	 /* until now */
	DO_N
};

struct step {
	nsec_t at;
	enum what what;
	unsigned conn, side, node; /* node: DO_POLL, DO_DEREG, ... */
	bool quiet;		   /* DO_RESET: without polling before */
	uint32_t psn[2];	   /* DO_CONNECT */
	/* DO_SEND, DO_RECV; DO_POLL: how many */
	enum gn_wr_opcode op;
	unsigned flags; /* GN_SEND_* */
	enum key_choice key;
	enum spoil spoil;
	uint32_t len;
	uint32_t local;		   /* offset of its first piece in the arena */
	unsigned nsge;		   /* pieces, */
	uint32_t piece[PLAN_SGES]; /* their lengths */
	uint32_t target;	   /* offset within the cell's bytes */
	uint64_t value[2];
	bool shared;	/* FETCH_ADD of the node's counter, */
	unsigned digit; /* at this place */
	bool type2;	/* BIND_MW, and the window that INV is about */
};

struct conn_plan {
	enum gn_qp_type type; /* XRC: GN_QPT_XRC_SEND */
	unsigned node[2];
	bool srq[2];
	unsigned pmtu;
	uint8_t timeout, retry_cnt, rnr_retry, min_rnr_timer;
	uint8_t rd_atomic, dest_rd_atomic;
	unsigned access; /* of both QPs */
	bool sig_all;
	uint32_t max_len;
};

#define PLAN_RULES 8u
#define RULE_TEXT  64u

struct plan {
	uint64_t seed;
	/* Packets are changed with nobody noticing: little can be promised. */
	bool wild;
	unsigned nnode, nconn, nstep;
	bool credits, notes;
	uint32_t window;
	nsec_t latency;
	unsigned nrule;
	char rule[PLAN_RULES][RULE_TEXT]; /* faults: nic/impair/rule.h */
	struct conn_plan conn[PLAN_CONNS];
	struct step step[PLAN_STEPS];
	/* The arena. */
	uint32_t local_len, spare, counter, cells[REGION_CELLS_N], cell_len,
		size;
};

void plan_make(struct plan *p, uint64_t seed);
/* What it is about, and one line for each rule and step. */
void plan_print_head(const struct plan *p, FILE *out);
void plan_print_rule(const struct plan *p, unsigned i, FILE *out);
void plan_print_step(const struct plan *p, unsigned i, FILE *out);

static inline unsigned flow_of(unsigned conn, unsigned side)
{
	return conn * 2 + side;
}
/* Offset of @flow's cell among the cells of @r; its bytes begin CELL_BYTES on.
 */
#define CELL_BYTES 16u
static inline uint32_t plan_cell(const struct plan *p, enum region r,
				 unsigned flow)
{
	return p->cells[r] + flow * p->cell_len;
}
static inline bool wr_takes_recv(enum gn_wr_opcode op)
{
	return op == GN_WR_SEND || op == GN_WR_SEND_IMM ||
	       op == GN_WR_SEND_INV || op == GN_WR_RDMA_WRITE_IMM;
}
static inline bool wr_is_send(enum gn_wr_opcode op)
{
	return wr_takes_recv(op) && op != GN_WR_RDMA_WRITE_IMM;
}
static inline bool wr_is_write(enum gn_wr_opcode op)
{
	return op == GN_WR_RDMA_WRITE || op == GN_WR_RDMA_WRITE_IMM ||
	       op == GN_WR_ATOMIC_WRITE;
}
static inline bool wr_is_atomic(enum gn_wr_opcode op)
{
	return op == GN_WR_CMP_SWAP || op == GN_WR_FETCH_ADD;
}
/* Is answered with data, or as if. */
static inline bool wr_is_read(enum gn_wr_opcode op)
{
	return op == GN_WR_RDMA_READ || wr_is_atomic(op) ||
	       op == GN_WR_ATOMIC_WRITE || op == GN_WR_FLUSH;
}
static inline bool wr_is_local(enum gn_wr_opcode op)
{
	return op == GN_WR_BIND_MW || op == GN_WR_LOCAL_INV;
}

#endif
