/* The words of verbs, for whoever executes a drill's verbs lines: by value
 * those of <infiniband/verbs.h>.
 */
#ifndef DRILL_VERBS_WORDS_H
#define DRILL_VERBS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct verbs_word {
	const char *word; /* NULL: the end */
	uint64_t value;
};

extern const struct verbs_word verbs_states[], verbs_types[], verbs_opcodes[],
	verbs_send_flags[], verbs_access[], verbs_statuses[],
	verbs_wc_opcodes[], verbs_events[], verbs_mig_states[];

bool verbs_find(const struct verbs_word *t, const char *word, uint64_t *value);
/* "?" if there is none. */
const char *verbs_word(const struct verbs_word *t, uint64_t value);
/* "local_write,remote_read" as bits, "none" as 0. */
bool verbs_bits(const struct verbs_word *t, const char *list, uint64_t *value);

/* Attributes of a QP, with the bit of the mask that stands for each. */
enum verbs_attr {
	ATTR_PMTU,
	ATTR_TIMEOUT,
	ATTR_RETRY_CNT,
	ATTR_RNR_RETRY,
	ATTR_MIN_RNR_TIMER,
	ATTR_SQ_PSN,
	ATTR_RQ_PSN,
	ATTR_MAX_RD_ATOMIC,
	ATTR_MAX_DEST_RD_ATOMIC,
	ATTR_ACCESS,
	ATTR_DQPN,
	ATTR_DGID,
	ATTR_QKEY,
	ATTR_PKEY_INDEX,
	ATTR_CUR_STATE,
	ATTR_NOTIFY,
	ATTR_PORT,
	ATTR_TCLASS,
	ATTR_ALT_DGID,
	ATTR_ALT_TIMEOUT,
	ATTR_MIG_STATE,
	ATTR_N
};

struct verbs_attr_word {
	const char *word;
	unsigned mask;	 /* IBV_QP_* */
	uint64_t preset; /* what a QP gets when the drill does not say */
};

extern const struct verbs_attr_word verbs_attrs[ATTR_N];

#endif
