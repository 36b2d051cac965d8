/* The language of fault injection (docs/impair.md): a rule is a line,
 *
 *	[in|out] ACTION [parameters] [which packets] [how often]
 *
 * and says what it does to which packets.  Rules are constant; what they
 * remember of packets is in struct impair.
 */
#ifndef NIC_IMPAIR_RULE_H
#define NIC_IMPAIR_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/time.h"
#include "wire/ip.h"

#define IMPAIR_TEXT_MAX 64u  /* of a rule, as remarks quote it */
#define IMPAIR_LINE_MAX 512u /* of a rule, as it is written */
#define IMPAIR_WHY_MAX	160u
#define IMPAIR_COPIES	8u
#define IMPAIR_FLIPS	32u

enum impair_dir { IMPAIR_IN, IMPAIR_OUT, IMPAIR_DIRS };

enum impair_action {
	IMPAIR_LOSE,
	IMPAIR_DUPLICATE,
	IMPAIR_REORDER,
	IMPAIR_HOLD,  /* late; others overtake it */
	IMPAIR_DELAY, /* late, and all behind it, too */
	IMPAIR_RATE,
	IMPAIR_CORRUPT,
	IMPAIR_TRUNCATE,
	IMPAIR_MARK,
	IMPAIR_ACTIONS
};

/* What a packet is; a rule has a bit for each. */
enum impair_proto {
	IMPAIR_ROCE,
	IMPAIR_ARP,
	IMPAIR_ND,
	IMPAIR_IP, /* any other IP */
	IMPAIR_OTHER,
	IMPAIR_PROTOS
};

/* What an AETH says. */
enum impair_aeth {
	IMPAIR_AETH_NONE, /* there is none */
	IMPAIR_AETH_ACK,
	IMPAIR_AETH_RNR,
	IMPAIR_AETH_NAK,
};

/* Which fields of a rule a packet must match. */
#define MATCH_OPCODE (1u << 0)
#define MATCH_PSN    (1u << 1)
#define MATCH_OFFSET (1u << 2) /* psn is relative to the flow's first */
#define MATCH_DQPN   (1u << 3)
#define MATCH_QP     (1u << 4)
#define MATCH_ROUND  (1u << 5)
#define MATCH_AETH   (1u << 6)
#define MATCH_SRC    (1u << 7)
#define MATCH_DST    (1u << 8)
/* Those for which flows must be followed; those that only RoCEv2 has. */
#define MATCH_FLOW (MATCH_OFFSET | MATCH_QP | MATCH_ROUND)
#define MATCH_ROCE                                                         \
	(MATCH_OPCODE | MATCH_PSN | MATCH_OFFSET | MATCH_DQPN | MATCH_QP | \
	 MATCH_ROUND | MATCH_AETH)

struct impair_rule {
	enum impair_action action;
	char text[IMPAIR_TEXT_MAX];
	unsigned dirs; /* bit 1 << enum impair_dir */
	/* Which packets. */
	unsigned match;	 /* MATCH_* */
	unsigned protos; /* bit 1 << enum impair_proto */
	uint64_t opcode[4];
	uint32_t psn, dqpn, qp, round;
	enum impair_aeth aeth;
	struct ip_addr src, dst;
	/* How often: of those that match, not the first @skip; of the rest
	 * every
	 * @every'th; of them with @chance; no more than @next (0: no end),
	 * within
	 * @lasts of the first hit (0: no end), and none until @after the start.
	 */
	uint64_t skip, every, next;
	double chance;
	nsec_t lasts, after;
	/* Parameters. */
	nsec_t delay;	   /* HOLD, DELAY */
	nsec_t jitter;	   /* DELAY: up to so much more */
	nsec_t within;	   /* REORDER: at the latest */
	unsigned overtake; /* REORDER: by how many */
	unsigned copies;   /* DUPLICATE: beside the packet itself */
	uint64_t rate;	   /* RATE: bits per second */
	uint64_t limit;	   /* RATE: bytes that may wait */
	unsigned bits;	   /* CORRUPT: so many */
	bool has_byte;	   /* CORRUPT: all in byte @byte */
	uint32_t byte;
	uint32_t cut; /* TRUNCATE: to so many bytes; 0: at random */
	bool fixed;   /* CORRUPT, TRUNCATE: the ICRC is made right */
};

/* Parses @line.  0; 1: it holds no rule (blank, or a comment); -EINVAL: @why
 * (IMPAIR_WHY_MAX bytes) says what is wrong and what is allowed.
 */
int impair_rule_parse(const char *line, struct impair_rule *rule, char *why);

#endif
