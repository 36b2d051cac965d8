/* Every reason for which a received packet is refused, once: the enum, the
 * counter's name, the log word and the drill word come from this list.
 *
 * A row is X(symbol, word, what it means).
 */
#ifndef WIRE_DROP_H
#define WIRE_DROP_H

#define DROP_LIST(X)                                                           \
	X(NONE, "none", "accepted")                                            \
	/* headers, any layer */                                               \
	X(SHORT, "short", "a header or length field goes past the end")        \
	X(ETHERTYPE, "ethertype", "not a type that this layer carries")        \
	X(NOT_OURS, "not_ours", "addressed to another station")                \
	X(IP_HEADER, "ip_header", "malformed IP header")                       \
	X(IP_CHECKSUM, "ip_checksum", "wrong IPv4 header checksum")            \
	X(IP_FRAGMENT, "ip_fragment", "an IP fragment")                        \
	X(IP_PROTOCOL, "ip_protocol", "not UDP")                               \
	X(UDP_LENGTH, "udp_length", "UDP length disagrees with the packet")    \
	X(UDP_CHECKSUM, "udp_checksum", "wrong UDP checksum")                  \
	X(UDP_PORT, "udp_port", "a UDP port that nobody here listens on")      \
	X(VXLAN_FLAGS, "vxlan_flags", "VXLAN flags are not 0x08")              \
	X(VXLAN_VNI, "vxlan_vni", "a VNI that is not ours")                    \
	X(ECN_TUNNEL, "ecn_tunnel", "outer CE on inner Not-ECT (RFC 6040)")    \
	X(SOURCE, "source", "impossible source address")                       \
	/* RoCEv2 headers */                                                   \
	X(ICRC, "icrc", "wrong ICRC")                                          \
	X(TVER, "tver", "BTH transport version is not 0")                      \
	X(OPCODE, "opcode", "unknown opcode")                                  \
	X(PAD, "pad", "pad count exceeds the payload")                         \
	X(LENGTH, "length", "payload length that the opcode does not allow")   \
	/* which QP, and may it */                                             \
	X(QPN, "qpn", "no such QP")                                            \
	X(TRANSPORT, "transport", "opcode of another transport than the QP's") \
	X(QP_STATE, "qp_state", "QP is not in a state that receives")          \
	X(PKEY, "pkey", "P_Key mismatch")                                      \
	X(QKEY, "qkey", "Q_Key mismatch")                                      \
	X(PEER_ADDR, "peer_addr", "connected QP, but not its peer's address")  \
	/* RC responder */                                                     \
	X(DUPLICATE, "duplicate", "request already executed")                  \
	X(SEQ_GAP, "seq_gap", "request PSN beyond the expected one")           \
	X(SEQ_GAP_NAKED, "seq_gap_naked", "the same, already answered")        \
	X(RNR, "rnr", "no receive work request")                               \
	X(RNR_WAIT, "rnr_wait", "sent before the RNR NAK took effect")         \
	X(OPCODE_SEQ, "opcode_seq", "opcode breaks the message's sequence")    \
	X(REQ_LENGTH, "req_length", "request length against the rules")        \
	X(OP_DISABLED, "op_disabled", "operation not enabled on the QP")       \
	X(RD_ATOMIC, "rd_atomic", "more READs and atomics than resources")     \
	X(MISALIGNED, "misaligned", "atomic address not 8-byte aligned")       \
	X(RKEY, "rkey", "no such remote key, or of another PD")                \
	X(RANGE, "range", "remote range outside the region")                   \
	X(RIGHTS, "rights", "region does not grant this access")               \
	X(RECV_LENGTH, "recv_length", "message longer than the receive WR")    \
	X(RECV_LKEY, "recv_lkey", "receive WR's own memory is not accessible") \
	X(INVALIDATE, "invalidate", "remote key cannot be invalidated")        \
	X(XRC_SRQ, "xrc_srq", "no such SRQ in the QP's XRC domain")            \
	X(REPLAY_GONE, "replay_gone", "duplicate READ or atomic not on record") \
	/* RC requester */                                                     \
	X(GHOST, "ghost", "answer to nothing that is outstanding")             \
	X(IMPLIED_NAK, "implied_nak", "answer that skips a READ or atomic")    \
	X(BAD_RESPONSE, "bad_response", "answer of the wrong kind or length")  \
	X(AETH, "aeth", "reserved AETH syndrome")                              \
	/* datagrams and UC */                                                 \
	X(UC_BROKEN, "uc_broken", "rest of a UC message that lost a packet")   \
	X(NO_RECV, "no_recv", "datagram without a receive work request")       \
	X(RECV_SMALL, "recv_small", "datagram larger than the receive buffer") \
	X(MCAST, "mcast", "multicast group without members here")              \
	/* none of the packet's doing */                                       \
	X(IMPAIRED, "impaired", "lost on purpose, by fault injection")

enum drop {
#define X(sym, word, text) DROP_##sym,
	DROP_LIST(X)
#undef X
	DROP_N
};

/* The word ("seq_gap") and the sentence of @d; never NULL for d < DROP_N. */
const char *drop_word(enum drop d);
const char *drop_text(enum drop d);

#endif
