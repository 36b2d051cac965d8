#include "nic/host/spec_engine.h"

static void set_limits(struct gn_limits *l, const struct nic_spec *spec)
{
	l->max_qp = spec->max_qp;
	l->max_cq = spec->max_cq;
	l->max_mr = l->max_mw = spec->max_mr;
	l->max_srq = spec->max_srq;
	l->max_qp_wr = spec->max_qp_wr;
	l->max_srq_wr = spec->max_srq_wr;
	l->max_cqe = spec->max_cqe;
	l->max_sge = l->max_srq_sge = spec->max_sge;
	l->max_inline = spec->max_inline;
	l->max_rd_atomic = spec->max_rd_atomic;
	l->max_msg_size = spec->max_msg_size;
}

struct engine_config spec_engine_config(const struct nic_spec *spec)
{
	struct engine_config cfg = engine_config_default();

	set_limits(&cfg.limits, spec);
	cfg.migreq = spec->migreq;
	cfg.credits = spec->credits;
	cfg.lids = spec->lids;
	cfg.seed = spec->seed;
	return cfg;
}
