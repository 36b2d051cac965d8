/* The rules that `glassnic decode --check` knows, once: enum, name, sentence
 * and source come from this list.
 *
 * A row is X(symbol, word, what a packet must not do, source).  Sources are
 * sections of the InfiniBand Architecture Specification, volume 1; A14 (XRC),
 * A17 (RoCEv2) and A19 (FLUSH, ATOMIC WRITE) are its annexes.
 */
#ifndef TRACE_RULE_H
#define TRACE_RULE_H

#include <stdbool.h>

/* clang-format off */
#define RULE_LIST(X)                                                           \
	/* a packet by itself */                                               \
	X(ICRC, "icrc", "the ICRC is wrong", "A17.3.3")                        \
	X(IP_LENGTH, "ip-length",                                              \
	  "UDP length and IP length disagree", "A17.3")                        \
	X(OPCODE, "opcode", "no such opcode", "9.2.1")                         \
	X(TVER, "tver", "the transport version is not 0", "9.2")               \
	X(PAD, "pad", "the pad count exceeds the payload", "9.2")              \
	X(LENGTH, "length",                                                    \
	  "headers do not fit, payload where the opcode has none, or a "       \
	  "length that is no multiple of 4", "9.2.1")                          \
	X(PAD_ZERO, "pad-zero", "pad bytes are not zero", "9.2")               \
	X(RESERVED, "reserved", "reserved bits of the BTH are set", "9.2")     \
	X(AETH_RESERVED, "aeth-reserved", "reserved AETH syndrome",            \
	  "9.7.5.1.2")                                                         \
	X(NAK_RESERVED, "nak-reserved",                                        \
	  "a NAK code that this service does not have", "9.7.5.1.2")           \
	X(CNP, "cnp",                                                          \
	  "a CNP has BECN set, PSN 0 and 16 zero bytes", "A17.9.3")            \
	X(PKEY, "pkey", "the P_Key changes within a connection", "10.9")       \
	/* lengths of requests */                                              \
	X(PMTU, "pmtu",                                                        \
	  "First or Middle payload is no path MTU (256 to 4096)", "9.7.2")     \
	X(LEN_MIDDLE, "len-middle",                                            \
	  "First or Middle payload is not the path MTU", "9.7.2")              \
	X(LEN_LAST, "len-last",                                                \
	  "Last payload is not 1 to path MTU", "9.7.2")                        \
	X(LEN_ONLY, "len-only", "Only payload exceeds the path MTU", "9.7.2")  \
	X(UD_LENGTH, "ud-length", "datagram longer than 4096 bytes", "9.8.3")  \
	X(DMALEN_MAX, "dmalen-max", "DMALen exceeds 2^31", "9.3")              \
	X(DMALEN_SUM, "dmalen-sum",                                            \
	  "DMALen is not the length of the message", "9.7.4.1")                \
	X(ATOMIC_ALIGN, "atomic-align",                                        \
	  "atomic address is not a multiple of 8", "9.4.5")                    \
	X(ATOMIC_WRITE, "atomic-write",                                        \
	  "ATOMIC WRITE does not carry 8 bytes", "A19")                        \
	/* the requester's sequence */                                         \
	X(OPCODE_SEQ, "opcode-seq",                                            \
	  "the opcode does not continue the message", "9.7.4.1.2")             \
	X(PSN_OVERLAP, "psn-overlap",                                          \
	  "a request takes PSNs that belong to a READ", "9.7.3")               \
	X(PSN_SKIP, "psn-skip",                                                \
	  "PSNs were skipped: the responder counts no message there",          \
	  "9.7.3")                                                             \
	X(PSN_JUMP, "psn-jump",                                                \
	  "the PSN leaves the sequence, and the next comes back to it",        \
	  "9.7.3")                                                             \
	X(RETRANSMIT, "retransmit-differs",                                    \
	  "not the packet that was sent with this PSN before", "9.7.3")        \
	X(RNR_EARLY, "rnr-early",                                              \
	  "sent again before the RNR NAK's time is over", "9.7.5.2.8")         \
	X(AFTER_FATAL, "after-fatal",                                          \
	  "a new request after a NAK that ends the connection", "9.9.2")       \
	X(CREDIT, "credit", "a SEND beyond the credits granted", "9.7.7.2")    \
	/* the responder */                                                    \
	X(ACK_UNSENT, "ack-unsent",                                            \
	  "an answer to a request which was never sent", "9.7.5.1.1")          \
	X(RESPONSE_KIND, "response-kind",                                      \
	  "an answer of the wrong kind for the request", "9.7.5.1")            \
	X(READ_OPCODE, "read-opcode",                                          \
	  "READ response opcode does not fit its place", "9.7.5.1")            \
	X(READ_LENGTH, "read-length",                                          \
	  "READ response length does not fit the request", "9.7.5.1")          \
	X(ACK_OVERTAKES, "ack-overtakes",                                      \
	  "an answer overtakes those to an earlier READ or atomic",            \
	  "9.7.5.1")                                                           \
	X(MSN, "msn", "MSN is not the number of completed messages",           \
	  "9.7.7.1")                                                           \
	X(MSN_BACK, "msn-back", "MSN decreases", "9.7.7.1")                    \
	X(NAK_SEQ_PSN, "nak-seq-psn",                                          \
	  "sequence NAK for a PSN that was acknowledged", "9.7.5.2")           \
	X(NAK_SEQ_NOGAP, "nak-seq-nogap",                                      \
	  "sequence NAK, but nothing was sent beyond that PSN", "9.7.5.2")     \
	X(NAK_SEQ_REPEAT, "nak-seq-repeat",                                    \
	  "a second sequence NAK for one gap", "9.7.5.2")                      \
	X(NAK_SEQ_RNR, "nak-seq-rnr",                                          \
	  "sequence NAK for the packets that follow an RNR NAK", "9.7.5.2.8")  \
	X(RNR_KIND, "rnr-kind",                                                \
	  "RNR NAK to a request that needs no receive work request",           \
	  "9.7.5.2.8")
/* clang-format on */

enum rule {
#define X(sym, word, text, source) RULE_##sym,
	RULE_LIST(X)
#undef X
		RULE_N
};

const char *rule_word(enum rule r);
const char *rule_text(enum rule r);
const char *rule_source(enum rule r);
/* False if there is no rule of that name. */
bool rule_find(const char *word, enum rule *r);

#endif
