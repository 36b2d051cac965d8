/* A plan for people. */
#include "tests/sim/plan.h"

static const char *const op_names[GN_WR_N] = {
	[GN_WR_RDMA_WRITE] = "WRITE",	 [GN_WR_RDMA_WRITE_IMM] = "WRITE_IMM",
	[GN_WR_SEND] = "SEND",		 [GN_WR_SEND_IMM] = "SEND_IMM",
	[GN_WR_RDMA_READ] = "READ",	 [GN_WR_CMP_SWAP] = "CMP_SWAP",
	[GN_WR_FETCH_ADD] = "FETCH_ADD", [GN_WR_LOCAL_INV] = "LOCAL_INV",
	[GN_WR_BIND_MW] = "BIND_MW",	 [GN_WR_SEND_INV] = "SEND_INV",
	[GN_WR_FLUSH] = "FLUSH",	 [GN_WR_ATOMIC_WRITE] = "ATOMIC_WRITE",
};
static const char *const type_names[] = {
	[GN_QPT_RC] = "RC",
	[GN_QPT_UC] = "UC",
	[GN_QPT_UD] = "UD",
	[GN_QPT_XRC_SEND] = "XRC",
};
static const char *const key_names[KEY_N] = {
	"cells",    "coming",	      "read-only", "window 1",
	"window 2", "foreign window", "nonsense",
};
static const char *const spoil_names[SPOIL_N] = {
	"", " BAD-LKEY", " MISALIGNED", " PAST-END", " BAD-QKEY", " BAD-LENGTH",
};
static const char *const what_names[DO_N] = {
	"connect", "reset", "destroy", "error", "drain", "resume", "send",
	"recv",	   "poll",  "dereg",   "reg",	"down",	 "up",
};

void plan_print_head(const struct plan *p, FILE *out)
{
	fprintf(out, "seed %llu: %u nodes, latency %llu us, window %u%s%s\n",
		(unsigned long long)p->seed, p->nnode,
		(unsigned long long)(p->latency / USEC), p->window,
		p->credits ? "" : ", no credits", p->wild ? ", wild" : "");
	for (unsigned i = 0; i < p->nconn; i++) {
		const struct conn_plan *c = &p->conn[i];

		fprintf(out,
			"conn %u: %s nodes %u-%u pmtu %u timeout %u retry %u "
			"rnr_retry %u rnr_timer %u rd %u/%u access "
			"0x%x%s%s%s\n",
			i, type_names[c->type], c->node[0], c->node[1], c->pmtu,
			c->timeout, c->retry_cnt, c->rnr_retry,
			c->min_rnr_timer, c->rd_atomic, c->dest_rd_atomic,
			c->access, c->srq[0] ? " srq0" : "",
			c->srq[1] ? " srq1" : "", c->sig_all ? " sig_all" : "");
	}
}

void plan_print_rule(const struct plan *p, unsigned i, FILE *out)
{
	fprintf(out, "  rule %u: %s\n", i, p->rule[i]);
}

static void print_send(const struct step *s, FILE *out)
{
	fprintf(out, " %s len %u", op_names[s->op], s->len);
	if (s->nsge != 1)
		fprintf(out, " in %u pieces", s->nsge);
	if (s->shared)
		fprintf(out, " counter digit %u", s->digit);
	else if (!wr_is_send(s->op) && !wr_is_local(s->op))
		fprintf(out, " at %u of %s", s->target, key_names[s->key]);
	if (s->op == GN_WR_BIND_MW || s->op == GN_WR_SEND_INV ||
	    s->op == GN_WR_LOCAL_INV)
		fprintf(out, " window %u", s->type2 ? 2 : 1);
	fprintf(out, "%s%s%s%s",
		s->flags & GN_SEND_SIGNALED ? "" : " unsignaled",
		s->flags & GN_SEND_FENCE ? " fence" : "",
		s->flags & GN_SEND_INLINE ? " inline" : "",
		spoil_names[s->spoil]);
}

void plan_print_step(const struct plan *p, unsigned i, FILE *out)
{
	const struct step *s = &p->step[i];

	fprintf(out, "  step %3u %9.1f us  %s", i, (double)s->at / 1000.0,
		what_names[s->what]);
	switch (s->what) {
	case DO_CONNECT:
		fprintf(out, " conn %u psn 0x%06x 0x%06x", s->conn, s->psn[0],
			s->psn[1]);
		break;
	case DO_RESET:
	case DO_DESTROY:
	case DO_ERROR:
	case DO_DRAIN:
	case DO_RESUME:
		fprintf(out, " conn %u side %u", s->conn, s->side);
		break;
	case DO_SEND:
		fprintf(out, " conn %u side %u", s->conn, s->side);
		print_send(s, out);
		break;
	case DO_RECV:
		fprintf(out, " conn %u side %u len %u in %u pieces%s", s->conn,
			s->side, s->len, s->nsge, spoil_names[s->spoil]);
		break;
	case DO_POLL:
	case DO_DEREG:
	case DO_REG:
	case DO_DOWN:
	case DO_UP: fprintf(out, " node %u", s->node); break;
	case DO_N: break;
	}
	fputc('\n', out);
}
