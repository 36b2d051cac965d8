/* Everything that is counted, once: the enum and the names shown to people,
 * which are those of rdma_rxe and mlx5 where they have one.  Refused packets are
 * counted beside them under their enum drop.
 */
#ifndef NIC_BASE_COUNTERS_H
#define NIC_BASE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/drop.h"

/* X(symbol, name, what is counted) */
#define COUNTER_LIST(X)                                                        \
	X(TX_PKTS, "sent_pkts", "RoCEv2 packets sent")                         \
	X(RX_PKTS, "rcvd_pkts", "RoCEv2 packets received")                     \
	X(TX_BYTES, "sent_bytes", "UDP payload bytes sent")                    \
	X(RX_BYTES, "rcvd_bytes", "UDP payload bytes received")                \
	X(DUPLICATE, "duplicate_request", "requests seen before")              \
	X(OUT_OF_SEQ, "out_of_sequence", "requests beyond the expected PSN")   \
	X(RX_RNR, "rcvd_rnr_err", "RNR NAKs received")                         \
	X(TX_RNR, "send_rnr_err", "RNR NAKs sent")                             \
	X(RX_SEQ_NAK, "packet_seq_err", "sequence NAKs received")              \
	X(RX_NAK, "rcvd_fatal_nak", "other NAKs received")                     \
	X(TX_NAK, "send_fatal_nak", "other NAKs sent")                         \
	X(TIMEOUT, "local_ack_timeout_err", "local ACK timeouts")              \
	X(IMPLIED_NAK, "implied_nak_seq_err", "answers that skip a READ")      \
	X(RETRANSMIT, "retransmitted_pkts", "packets sent again")              \
	X(RETRY_EXC, "retry_exceeded_err", "QPs that ran out of retries")      \
	X(RNR_EXC, "retry_rnr_exceeded_err", "QPs that ran out of RNR tries")  \
	X(RX_CNP, "rp_cnp_handled", "congestion notifications received")       \
	X(CQ_OVERRUN, "cq_overrun", "completions lost to a full CQ")           \
	X(TX_ERROR, "send_err", "packets that the port refused")               \
	X(RX_OVERFLOW, "rcvbuf_overflow", "datagrams lost to a full socket")   \
	X(RING_FULL, "hub_ring_full", "frames lost to a full ring of a hub")   \
	X(NEIGH_FAIL, "neighbour_failed", "packets with nobody answering ARP") \
	X(PASSED_ON, "passed_on", "datagrams for other programs, passed on")   \
	X(ICRC_FOREIGN, "foreign_ipid", "ICRCs explained by a foreign IP ID")  \
	X(IMPAIR_LOST, "impair_lost", "packets lost on purpose")               \
	X(IMPAIR_DUPLICATED, "impair_duplicated", "packets doubled on purpose") \
	X(IMPAIR_REORDERED, "impair_reordered", "packets held for others")     \
	X(IMPAIR_DELAYED, "impair_delayed", "packets delayed on purpose")      \
	X(IMPAIR_CORRUPTED, "impair_corrupted", "packets damaged on purpose")  \
	X(IMPAIR_TRUNCATED, "impair_truncated", "packets cut on purpose")      \
	X(IMPAIR_MARKED, "impair_marked", "packets marked CE on purpose")

enum counter {
#define X(sym, name, text) CNT_##sym,
	COUNTER_LIST(X)
#undef X
	CNT_N
};

struct counters {
	uint64_t n[CNT_N];
	uint64_t drop[DROP_N];
};

const char *counter_name(enum counter c);
const char *counter_text(enum counter c);
/* The value of the counter or refusal that is called @name; false: none is. */
bool counters_find(const struct counters *c, const char *name, uint64_t *value);

static inline void count(struct counters *c, enum counter which)
{
	c->n[which]++;
}

static inline void count_add(struct counters *c, enum counter which, uint64_t n)
{
	c->n[which] += n;
}

#endif
