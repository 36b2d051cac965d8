/* The kinds of differences between what was captured and what glassnic does in
 * its place, once: enum, word, class and sentence come from this list.
 */
#ifndef REPLAY_KIND_H
#define REPLAY_KIND_H

/* Who answers for a difference. */
enum kind_class {
	CLASS_VIOLATION, /* glassnic's side: the only one that is a fault */
	CLASS_CAPTURED,	 /* the captured conversation broke a rule */
	CLASS_LEGAL,	 /* the protocol leaves it open */
	CLASS_LOSS,	 /* the network or the sniffer lost something */
	CLASS_N
};

/* clang-format off */
#define KIND_LIST(X)                                                           \
	X(DIFFERS, "differs", VIOLATION, "glassnic's packet is another one")   \
	X(MISSING, "missing", VIOLATION, "glassnic does not send it")          \
	X(REFUSES, "refuses", VIOLATION,                                       \
	  "glassnic refuses what was accepted")                                \
	X(FAILS, "fails", VIOLATION,                                           \
	  "a work request fails that was answered well")                       \
	X(RULE, "rule", CAPTURED,                                              \
	  "the captured side breaks a rule, glassnic does not")                \
	X(ACK_PACE, "ack-pace", LEGAL,                                         \
	  "acknowledgements are coalesced differently")                        \
	X(CREDITS, "credits", LEGAL, "other end-to-end credits")               \
	X(MIGREQ, "migreq", LEGAL, "other MigReq bit")                         \
	X(PKEY, "pkey", LEGAL, "other P_Key")                                  \
	X(MARK, "mark", LEGAL, "congestion marks")                             \
	X(ACKREQ, "ackreq", LEGAL, "asks for acknowledgements elsewhere")      \
	X(TIMING, "timing", LEGAL, "sent again at other times")                \
	X(WINDOW, "window", LEGAL, "less is in flight at a time")              \
	X(NOT_TOLD, "not-told", LEGAL,                                         \
	  "refused for a reason that packets do not show")                     \
	X(CUT_OFF, "cut-off", LEGAL, "the rest of a message that broke off")   \
	X(LOST_REQUEST, "lost-request", LOSS,                                  \
	  "requests are not in the capture")                                   \
	X(LOST_ANSWER, "lost-answer", LOSS,                                    \
	  "an answer is not in the capture")                                   \
	X(LOST_BEHIND, "lost-behind", LOSS,                                    \
	  "a packet was lost behind the sniffer")
/* clang-format on */

enum kind {
#define X(sym, word, class, text) KIND_##sym,
	KIND_LIST(X)
#undef X
		KIND_N
};

const char *kind_word(enum kind k);
const char *kind_text(enum kind k);
enum kind_class kind_class(enum kind k);
/* "violation", "captured", "legal", "loss" */
const char *kind_class_word(enum kind_class c);

#endif
