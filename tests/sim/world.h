/* A plan at work: engines, memory, and what the model knows about them. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "nic/impair/impair.h"
#include "nic/mr.h"
#include "nic/mw.h"
#include "nic/qp.h"
#include "nic/srq.h"
#include "tests/sim/plan.h"
#include "tests/support/fabric.h"

#define KEYS	 512u
#define MISHAPS	 4096u
#define RECVS	 (2 * PLAN_STEPS)
#define NO_INDEX UINT32_MAX

/* When a remote key opens something.  Between "maybe" and "sure" lies what the
 * program cannot know: a window is bound some time between post and completion.
 */
#define OWNER_REGION UINT32_MAX
struct key {
	uint32_t key;
	unsigned rights;
	unsigned owner; /* flow of the QP that a window belongs to, or */
	nsec_t maybe_from, sure_from, sure_until, maybe_until;
};

enum outcome {
	OUT,	/* posted */
	DONE,	/* completed with success */
	FAILED, /* or without */
	GONE	/* its QP was reset */
};

/* A send work request that was posted. */
struct wr {
	const struct step *step;
	nsec_t posted, ended;
	bool signaled;
	enum outcome fate;
	enum gn_wr_opcode op;
	struct key *key;    /* remote key, or that of the window it is about */
	unsigned cell;	    /* the flow whose cell it names: its own, or not */
	uint32_t nth_taker; /* of its connection: the receive that it takes */
	bool first_bind;
	uint64_t compare_add;
	uint8_t data[INLINE_MAX]; /* what it sends, if inline */
};

/* Requests of one QP to its peer.  An epoch is the life of the connection, from
 * DO_CONNECT to the next.
 */
struct flow {
	unsigned id, conn, side, node, to; /* nodes */
	struct wr wr[PLAN_STEPS];
	uint32_t n, base;    /* posted; of this epoch, the first */
	uint32_t done;	     /* completed in order up to here */
	uint32_t sure;	     /* all before it, of this epoch, succeeded */
	uint32_t polled;     /* slots before it are free */
	uint32_t takers;     /* in this epoch */
	uint32_t drained;    /* from it on nothing is begun: SQD; or NO_INDEX */
	uint32_t flush_upto; /* requests before it may be flushed */
	uint32_t rx;	     /* the next to be received over there */
	uint32_t unreceived;
	bool rx_lost; /* completions of receives were lost by a reset */
	bool broken;  /* one failed: all behind are flushed */
	nsec_t good;  /* when the last one succeeded that said so */
};

struct recv {
	const struct step *step;
	enum outcome fate;
};

/* A receive queue.  It lacks when more is coming than is posted. */
struct recv_queue {
	unsigned id, node;
	struct recv recv[RECVS];
	uint32_t n, done, base;
	int want, have;
	bool lacks;
	nsec_t lacked;	    /* until then */
	bool spoiled;	    /* one of this epoch is */
	struct gn_srq *srq; /* or NULL: a QP's own */
};

struct window {
	struct gn_mw *mw;
	struct key *key; /* of the last bind posted; or NULL */
	uint32_t variant;
};

struct end {
	unsigned conn, side, node;
	struct gn_qp *qp;
	struct recv_queue own, *rq;
	struct window win[2];
	nsec_t unready; /* the last time that it could not answer */
	bool in_error, program_error;
	nsec_t error_at;
};

struct host {
	struct node *node;
	struct gn_pd *pd;
	struct gn_cq *scq, *rcq;
	struct gn_mr *mr[REGION_N];
	struct key *key[REGION_N];
	struct gn_xrcd *xrcd;
	struct recv_queue srq, xrc_srq;
	uint8_t *mem, *model;
	bool down;
};

/* What of a plan is left out. */
#define CHOICE_PACKETS 20000u
struct choice {
	bool no_step[PLAN_STEPS], no_rule[PLAN_RULES];
	bool no_fault[CHOICE_PACKETS]; /* by number of the packet */
	bool hit[CHOICE_PACKETS];      /* out: a fault happened to it */
};

struct world {
	const struct plan *plan;
	struct fabric f;
	struct random random;
	struct host host[PLAN_NODES];
	struct end end[PLAN_CONNS][2];
	struct flow flow[PLAN_FLOWS];
	struct key keys[KEYS];
	uint32_t nkey;
	/* Packets that something happened to, by connection. */
	nsec_t mishap[PLAN_CONNS][MISHAPS];
	uint32_t nmishap[PLAN_CONNS];
	struct impair impair[PLAN_NODES];
	uint32_t npacket;
	struct choice *choice;
	bool healed;   /* no faults any more */
	uint64_t hash; /* of all packets and completions */
	bool verbose;
	const char *plant; /* a bug to be found, or NULL */
	unsigned planted;
	/* The digits of each node's counter. */
	struct wr *digit[PLAN_NODES][COUNTER_DIGITS];
	uint32_t ncqe, nposted;
	const struct step *step; /* at work */
	struct step spare;	 /* receives that the end adds */
};

/* Runs @p but for what @c leaves out.  @w is clean, but for verbose and plant.
 * Fails by not returning (sim_fail).
 */
void world_run(struct world *w, const struct plan *p, struct choice *c);

/* Says what is wrong, and ends the run: control goes to sim_catch's setter. */
void sim_fail(const struct world *w, const char *property, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
#define SIM_CHECK(w, cond, property, ...)                   \
	do {                                                \
		if (!(cond))                                \
			sim_fail(w, property, __VA_ARGS__); \
	} while (0)

static inline struct flow *world_flow(struct world *w, unsigned conn,
				      unsigned side)
{
	return &w->flow[flow_of(conn, side)];
}
static inline const struct conn_plan *conn_of(const struct world *w,
					      const struct flow *f)
{
	return &w->plan->conn[f->conn];
}
static inline bool is_reliable(const struct conn_plan *c)
{
	return c->type == GN_QPT_RC || c->type == GN_QPT_XRC_SEND;
}
static inline bool is_wild(const struct world *w)
{
	return w->plan->wild;
}

/* ---- hosts.c ---- */

/* All remote rights of cells. */
#define ALL_REMOTE                                        \
	(GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_READ | \
	 GN_ACCESS_REMOTE_ATOMIC)
#define QKEY 0x11111111u /* of every QP */

/* @what returned @rc: what it was to return? */
void world_must(const struct world *w, int rc, int want, const char *what);

void hosts_open(struct world *w);
void hosts_close(struct world *w);
void region_reg(struct world *w, unsigned node, enum region r);
void region_dereg(struct world *w, unsigned node, enum region r);
struct key *key_new(struct world *w, uint32_t key, unsigned rights,
		    unsigned owner);

/* ---- ends.c ---- */

void end_connect(struct world *w, const struct step *s);
void end_reset(struct world *w, struct end *e);
void end_destroy(struct world *w, struct end *e);
void end_move(struct world *w, struct end *e, enum gn_qp_state to);

/* ---- posts.c ---- */

/* Another receive for @e that @s describes; false: there is no room. */
bool recv_post(struct world *w, struct end *e, const struct step *s);
void send_post(struct world *w, const struct step *s);

/* ---- steps.c ---- */

void step_do(struct world *w, const struct step *s);

/* ---- faults.c ---- */

void faults_install(struct world *w);
void faults_remove(struct world *w);
/* Mishaps of @conn in [@from, @to]. */
unsigned faults_count(const struct world *w, unsigned conn, nsec_t from,
		      nsec_t to);
void faults_note(struct world *w, unsigned conn, nsec_t at);
/* All that is under way is one. */
void faults_note_flights(struct world *w, unsigned conn);

/* ---- model.c ---- */

/* What a request that was posted will do, and must come to. */
void model_posted(struct world *w, struct flow *f, struct wr *wr);
void model_polled(struct world *w, unsigned node, uint32_t max);
void model_reset(struct world *w, struct end *e);
void model_new_epoch(struct world *w, unsigned conn);
/* All of @f has completed, if only by being passed over in silence. */
void model_finish(struct world *w, struct flow *f);
/* Looks at the states of all QPs. */
void model_observe(struct world *w);
void model_recv_posted(struct world *w, struct recv_queue *q);
void model_wants(struct world *w, struct recv_queue *q, int want, int have);

/* ---- expect.c ---- */

/* May @wr end with @status at @at? */
bool expect_status(struct world *w, const struct flow *f, const struct wr *wr,
		   enum gn_wc_status status, nsec_t at);
/* May it be that the responder refused one of @f's requests for good? */
bool expect_refusal(struct world *w, const struct flow *f);
/* The receive that @wr takes from its peer's own queue; NULL: an SRQ's, or not
 * posted.
 */
const struct recv *expect_mate(struct world *w, const struct flow *f,
			       const struct wr *wr);
/* May @wr have changed its target, even if only in part? */
bool expect_touch(struct world *w, const struct flow *f, const struct wr *wr);
bool key_may_work(const struct key *k, nsec_t from, nsec_t to);
bool key_may_fail(const struct key *k, nsec_t from, nsec_t to);

/* ---- memory.c ---- */

void memory_init(struct world *w);
/* Offset in its node's arena of byte @i of the pieces of @s. */
uint32_t memory_local(const struct step *s, uint32_t i);
/* Where @wr of @f is to read or write, in the arena of node f->to. */
uint32_t memory_target(const struct world *w, const struct flow *f,
		       const struct wr *wr);
/* The message that @wr sends, in a buffer that the next call uses again. */
const uint8_t *memory_message(struct world *w, const struct flow *f,
			      const struct wr *wr);
/* What an atomic that is posted now after all others of @f will find. */
uint64_t memory_foresee(struct world *w, const struct flow *f,
			const struct wr *wr);
/* @wr, the oldest that is out, was executed: looks at what it did, and lets the
 * model do it.
 */
void memory_done(struct world *w, struct flow *f, struct wr *wr);
/* A receive of @len bytes of @msg (NULL: none of its own) at @skip. */
void memory_received(struct world *w, unsigned node, const struct step *s,
		     const uint8_t *msg, uint32_t len, uint32_t skip);
/* What is there is what shall be, whatever it is. */
void memory_adopt(struct world *w, unsigned node, const struct step *s);
/* @f's cells hold what may be there now; that is taken for sure from now on. */
void memory_settle(struct world *w, struct flow *f);
/* All of it. */
void memory_check(struct world *w);

/* ---- run.c ---- */

/* Everything comes to its end: no faults any more, receives for all that is to
 * come; then all QPs are stopped, and taken apart.
 */
void world_end(struct world *w);

/* ---- plant.c ---- */

/* Bugs that the simulator must find, for finding out whether it does. */
bool plant_exists(const char *name);
const char *plant_name(unsigned i); /* NULL: no more */
void plant_packet(struct world *w, struct flight *fl);
void plant_step(struct world *w);
void plant_cqe(struct world *w, struct gn_cq *cq);
void plant_end(struct world *w);

#endif
