/* Fault injection: judges packets by rules.  No I/O, no clock; the same rules,
 * seed, packets and times give the same fates.  A rule draws its random numbers
 * from a stream of its own for each direction, so that neither other rules nor
 * what passes the other way change its fates.
 *
 * Whoever has the packets does what is said about them:
 * nic/impair/impair_link.h, nic/impair/impair_port.h, or a simulator.
 */
#ifndef NIC_IMPAIR_IMPAIR_H
#define NIC_IMPAIR_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/counters.h"
#include "nic/base/random.h"
#include "nic/base/time.h"
#include "nic/impair/rule.h"
#include "nic/impair/track.h"
#include "wire/bth.h"

#define IMPAIR_RULES	64u
#define IMPAIR_NOTE_MAX 192u
/* The remark of who must lose a packet because it has no room to hold it; it
 * counts as CNT_IMPAIR_LOST.
 */
#define IMPAIR_FULL "impair: lost, as too many are held"

/* A packet, as rules see it. */
struct impair_view {
	enum impair_proto proto;
	struct bth bth;		 /* of IMPAIR_ROCE */
	enum impair_aeth aeth;	 /* of IMPAIR_ROCE */
	struct ip_addr src, dst; /* of ARP: sender and target; or zero */
	uint32_t len;		 /* bytes that a rate counts */
	/* Bytes that may be damaged: from the BTH to the pad, without the ICRC;
	 * of others, what follows the Ethernet header.
	 */
	uint32_t body_len;
};

/* What becomes of a packet. */
struct fate {
	bool lost;
	unsigned copies;   /* beside the packet itself */
	nsec_t until;	   /* to be delivered then; 0: at once */
	unsigned overtake; /* or as soon as so many others have passed */
	bool mark;	   /* ECN: CE */
	uint32_t cut;	   /* bytes of the body to keep; 0: all */
	unsigned nflip;
	uint32_t flip[IMPAIR_FLIPS]; /* bits of the body: 8 * byte + bit */
	bool icrc_wrong; /* what was cut or flipped is not in the ICRC */
	char note[IMPAIR_NOTE_MAX]; /* "impair: lost by rule 3 (drop once)" */
};

/* What a rule remembers. */
struct impair_memory {
	uint64_t matched, hits;
	nsec_t first_hit;
	struct random random[IMPAIR_DIRS];
	nsec_t busy[IMPAIR_DIRS]; /* DELAY: nothing earlier; RATE: sending */
};

struct impair {
	uint64_t seed;
	struct counters *counters;
	unsigned nrule;
	unsigned dirs; /* in which any rule is: bit 1 << enum impair_dir */
	bool started;
	nsec_t start;	     /* first packet */
	struct track *track; /* NULL: no rule needs it */
	struct impair_rule rule[IMPAIR_RULES];
	struct impair_memory memory[IMPAIR_RULES];
};

void impair_init(struct impair *im, uint64_t seed, struct counters *counters);
void impair_fini(struct impair *im);
/* Adds the rules of @text, one a line.  -EINVAL, -ENOSPC or -ENOMEM: @why
 * (IMPAIR_WHY_MAX + 16 bytes) begins with "line N: ".
 */
int impair_add(struct impair *im, const char *text, char *why);

/* The fate of one packet; false, and @fate untouched: none, it passes.  What
 * happens is counted here (CNT_IMPAIR_*).
 */
bool impair_judge(struct impair *im, enum impair_dir dir,
		  const struct impair_view *v, nsec_t now, struct fate *fate);

static inline bool impair_concerns(const struct impair *im, enum impair_dir dir)
{
	return im->dirs >> dir & 1;
}

#endif
