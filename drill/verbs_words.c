#include "drill/verbs_words.h"

#include <string.h>
#include "nic/api.h"

#define END             \
	{               \
		NULL, 0 \
	}

const struct verbs_word verbs_states[] = {
	{"RESET", GN_QPS_RESET}, {"INIT", GN_QPS_INIT},
	{"RTR", GN_QPS_RTR},	 {"RTS", GN_QPS_RTS},
	{"SQD", GN_QPS_SQD},	 {"SQE", GN_QPS_SQE},
	{"ERR", GN_QPS_ERR},	 END,
};

const struct verbs_word verbs_mig_states[] = {
	{"MIGRATED", 0},
	{"REARM", 1},
	{"ARMED", 2},
	END,
};

const struct verbs_word verbs_types[] = {
	{"RC", GN_QPT_RC},
	{"UC", GN_QPT_UC},
	{"UD", GN_QPT_UD},
	{"XRC_SEND", GN_QPT_XRC_SEND},
	{"XRC_RECV", GN_QPT_XRC_RECV},
	END,
};

const struct verbs_word verbs_opcodes[] = {
	{"RDMA_WRITE", GN_WR_RDMA_WRITE},
	{"RDMA_WRITE_IMM", GN_WR_RDMA_WRITE_IMM},
	{"SEND", GN_WR_SEND},
	{"SEND_IMM", GN_WR_SEND_IMM},
	{"SEND_INV", GN_WR_SEND_INV},
	{"RDMA_READ", GN_WR_RDMA_READ},
	{"CMP_SWAP", GN_WR_CMP_SWAP},
	{"FETCH_ADD", GN_WR_FETCH_ADD},
	{"LOCAL_INV", GN_WR_LOCAL_INV},
	{"BIND_MW", GN_WR_BIND_MW},
	{"FLUSH", GN_WR_FLUSH},
	{"ATOMIC_WRITE", GN_WR_ATOMIC_WRITE},
	END,
};

const struct verbs_word verbs_send_flags[] = {
	{"fence", GN_SEND_FENCE},
	{"solicited", GN_SEND_SOLICITED},
	{"inline", GN_SEND_INLINE},
	END,
};

const struct verbs_word verbs_access[] = {
	{"local_write", GN_ACCESS_LOCAL_WRITE},
	{"remote_write", GN_ACCESS_REMOTE_WRITE},
	{"remote_read", GN_ACCESS_REMOTE_READ},
	{"remote_atomic", GN_ACCESS_REMOTE_ATOMIC},
	{"mw_bind", GN_ACCESS_MW_BIND},
	{"zero_based", GN_ACCESS_ZERO_BASED},
	{"flush_global", GN_ACCESS_FLUSH_GLOBAL},
	{"flush_persistent", GN_ACCESS_FLUSH_PERSISTENT},
	END,
};

const struct verbs_word verbs_statuses[] = {
	{"SUCCESS", GN_WC_SUCCESS},
	{"LOC_LEN_ERR", GN_WC_LOC_LEN_ERR},
	{"LOC_QP_OP_ERR", GN_WC_LOC_QP_OP_ERR},
	{"LOC_PROT_ERR", GN_WC_LOC_PROT_ERR},
	{"WR_FLUSH_ERR", GN_WC_WR_FLUSH_ERR},
	{"MW_BIND_ERR", GN_WC_MW_BIND_ERR},
	{"BAD_RESP_ERR", GN_WC_BAD_RESP_ERR},
	{"LOC_ACCESS_ERR", GN_WC_LOC_ACCESS_ERR},
	{"REM_INV_REQ_ERR", GN_WC_REM_INV_REQ_ERR},
	{"REM_ACCESS_ERR", GN_WC_REM_ACCESS_ERR},
	{"REM_OP_ERR", GN_WC_REM_OP_ERR},
	{"RETRY_EXC_ERR", GN_WC_RETRY_EXC_ERR},
	{"RNR_RETRY_EXC_ERR", GN_WC_RNR_RETRY_EXC_ERR},
	END,
};

const struct verbs_word verbs_wc_opcodes[] = {
	{"SEND", GN_WC_SEND},
	{"RDMA_WRITE", GN_WC_RDMA_WRITE},
	{"RDMA_READ", GN_WC_RDMA_READ},
	{"COMP_SWAP", GN_WC_COMP_SWAP},
	{"FETCH_ADD", GN_WC_FETCH_ADD},
	{"BIND_MW", GN_WC_BIND_MW},
	{"LOCAL_INV", GN_WC_LOCAL_INV},
	{"FLUSH", GN_WC_FLUSH},
	{"ATOMIC_WRITE", GN_WC_ATOMIC_WRITE},
	{"RECV", GN_WC_RECV},
	{"RECV_RDMA_WITH_IMM", GN_WC_RECV_RDMA_WITH_IMM},
	END,
};

const struct verbs_word verbs_events[] = {
	{"CQ_ERR", GN_EVENT_CQ_ERR},
	{"QP_FATAL", GN_EVENT_QP_FATAL},
	{"QP_REQ_ERR", GN_EVENT_QP_REQ_ERR},
	{"QP_ACCESS_ERR", GN_EVENT_QP_ACCESS_ERR},
	{"COMM_EST", GN_EVENT_COMM_EST},
	{"SQ_DRAINED", GN_EVENT_SQ_DRAINED},
	{"PATH_MIG", GN_EVENT_PATH_MIG},
	{"PATH_MIG_ERR", GN_EVENT_PATH_MIG_ERR},
	{"SRQ_ERR", GN_EVENT_SRQ_ERR},
	{"SRQ_LIMIT_REACHED", GN_EVENT_SRQ_LIMIT_REACHED},
	{"QP_LAST_WQE_REACHED", GN_EVENT_QP_LAST_WQE_REACHED},
	END,
};

#define REMOTE_ALL                                        \
	(GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_READ | \
	 GN_ACCESS_REMOTE_ATOMIC)

const struct verbs_attr_word verbs_attrs[ATTR_N] = {
	[ATTR_PMTU] = {"pmtu", GN_QP_PATH_MTU, 1024},
	[ATTR_TIMEOUT] = {"timeout", GN_QP_TIMEOUT, 14},
	[ATTR_RETRY_CNT] = {"retry_cnt", GN_QP_RETRY_CNT, 7},
	[ATTR_RNR_RETRY] = {"rnr_retry", GN_QP_RNR_RETRY, 7},
	[ATTR_MIN_RNR_TIMER] = {"min_rnr_timer", GN_QP_MIN_RNR_TIMER, 12},
	[ATTR_SQ_PSN] = {"sq_psn", GN_QP_SQ_PSN, 0},
	[ATTR_RQ_PSN] = {"rq_psn", GN_QP_RQ_PSN, 0},
	[ATTR_MAX_RD_ATOMIC] = {"max_rd_atomic", GN_QP_MAX_QP_RD_ATOMIC, 4},
	[ATTR_MAX_DEST_RD_ATOMIC] = {"max_dest_rd_atomic",
				     GN_QP_MAX_DEST_RD_ATOMIC, 4},
	[ATTR_ACCESS] = {"access", GN_QP_ACCESS_FLAGS, REMOTE_ALL},
	[ATTR_DQPN] = {"dqpn", GN_QP_DEST_QPN, 0},
	[ATTR_DGID] = {"dgid", GN_QP_AV, 0},
	[ATTR_QKEY] = {"qkey", GN_QP_QKEY, 0x11111111},
	[ATTR_PKEY_INDEX] = {"pkey_index", GN_QP_PKEY_INDEX, 0},
	[ATTR_CUR_STATE] = {"cur_state", GN_QP_CUR_STATE, 0},
	[ATTR_NOTIFY] = {"sqd_notify", GN_QP_EN_SQD_ASYNC_NOTIFY, 0},
	[ATTR_PORT] = {"port_num", GN_QP_PORT, 1},
	[ATTR_TCLASS] = {"traffic_class", 0, 0},
	[ATTR_ALT_DGID] = {"alt_dgid", GN_QP_ALT_PATH, 0},
	[ATTR_ALT_TIMEOUT] = {"alt_timeout", GN_QP_ALT_PATH, 14},
	[ATTR_MIG_STATE] = {"mig_state", GN_QP_PATH_MIG_STATE, 0},
};

bool verbs_find(const struct verbs_word *t, const char *word, uint64_t *value)
{
	for (; t->word; t++)
		if (!strcmp(t->word, word)) {
			*value = t->value;
			return true;
		}
	return false;
}

const char *verbs_word(const struct verbs_word *t, uint64_t value)
{
	for (; t->word; t++)
		if (t->value == value)
			return t->word;
	return "?";
}

bool verbs_bits(const struct verbs_word *t, const char *list, uint64_t *value)
{
	*value = 0;
	if (!strcmp(list, "none"))
		return true;
	for (;;) {
		size_t len = strcspn(list, ",");
		const struct verbs_word *w = t;

		while (w->word &&
		       (strlen(w->word) != len || memcmp(w->word, list, len)))
			w++;
		if (!w->word)
			return false;
		*value |= w->value;
		if (!list[len])
			return true;
		list += len + 1;
	}
}
