/* The kinds of differences between what was captured and what glassnic does in
 * its place, once: enum, word, class and sentence come from this list.
 */
#ifndef REPLAY_DIFF_H
#define REPLAY_DIFF_H

/* Who answers for a difference. */
enum diff_class {
	CLASS_VIOLATION, /* glassnic's side: the only one that is a fault */
	CLASS_CAPTURED,	 /* the captured conversation broke a rule */
	CLASS_LEGAL,	 /* the protocol leaves it open */
	CLASS_LOSS,	 /* the network or the sniffer lost something */
	CLASS_N
};

/* clang-format off */
#define DIFF_LIST(X)                                                           \
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
	X(REPEAT_MSN, "repeat-msn", LEGAL,                                     \
	  "a repeated answer's MSN is its own, or a newer one")                \
	X(MSN_PACE, "msn-pace", LEGAL,                                         \
	  "an MSN counts newer messages, or a READ only at its end")           \
	X(PKEY, "pkey", LEGAL, "other P_Key")                                  \
	X(MARK, "mark", LEGAL, "marks for switches")                           \
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

enum diff {
#define X(sym, word, class, text) DIFF_##sym,
	DIFF_LIST(X)
#undef X
		DIFF_N
};

const char *diff_word(enum diff k);
const char *diff_text(enum diff k);
enum diff_class diff_class(enum diff k);
/* "violation", "captured", "legal", "loss" */
const char *diff_class_word(enum diff_class c);

#endif
