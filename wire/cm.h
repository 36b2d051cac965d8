/* Messages of the connection manager (IBTA vol. 1, 12.6 and 12.11), and what IP
 * addresses and ports they are about (Annex A11).  Each is a MAD of 256 bytes
 * (13.4) in a UD packet to QP 1.
 */
#ifndef WIRE_CM_H
#define WIRE_CM_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/bytes.h"
#include "wire/ip.h"

#define MAD_LEN 256u

/* Attribute IDs: number, symbol, word. */
#define CM_KIND_LIST(X)                  \
	X(0x10, CM_REQ, "REQ")           \
	X(0x11, CM_MRA, "MRA")           \
	X(0x12, CM_REJ, "REJ")           \
	X(0x13, CM_REP, "REP")           \
	X(0x14, CM_RTU, "RTU")           \
	X(0x15, CM_DREQ, "DREQ")         \
	X(0x16, CM_DREP, "DREP")         \
	X(0x17, CM_SIDR_REQ, "SIDR_REQ") \
	X(0x18, CM_SIDR_REP, "SIDR_REP") \
	X(0x19, CM_LAP, "LAP")           \
	X(0x1a, CM_APR, "APR")

enum cm_kind {
#define X(number, sym, word) sym = number,
	CM_KIND_LIST(X)
#undef X
};

/* What messages say; wire/cm.c has where. */
enum cm_key {
	CM_LOCAL_ID,
	CM_REMOTE_ID,
	CM_SERVICE_ID,
	CM_QPN,
	CM_PSN,
	CM_QKEY,
	CM_TRANSPORT, /* enum cm_transport */
	CM_RESOURCES, /* READs and atomics that the sender answers at a time, */
	CM_DEPTH,     /* and asks for */
	CM_PATH_MTU,  /* a code: 1 is 256 bytes, 5 is 4096 */
	CM_RETRY,
	CM_RNR_RETRY,
	CM_ACK_TIMEOUT, /* 4.096 us * 2^n, as the next */
	CM_SERVICE_TIMEOUT,
	CM_SUBJECT, /* of MRA and REJ: enum cm_subject */
	CM_REASON,
	CM_SIDR_STATUS,
};

enum cm_transport { CM_RC, CM_UC, CM_RD };
enum cm_subject { CM_ABOUT_REQ, CM_ABOUT_REP, CM_ABOUT_OTHER };

struct cm_msg {
	enum cm_kind kind;
	const uint8_t *mad; /* MAD_LEN bytes, borrowed */
};

/* Whether @payload of a UD packet is one of the messages above. */
bool cm_msg_find(struct span payload, struct cm_msg *m);
const char *cm_kind_word(enum cm_kind kind);

/* Whether a message of this kind says it, and what it says. */
bool cm_has(enum cm_kind kind, enum cm_key key);
uint64_t cm_get(const struct cm_msg *m, enum cm_key key);

/* The other end of what @m asks for, and who asks, if its service ID is one of
 * Annex A11's.
 */
struct cm_address {
	uint8_t space; /* IP protocol: 6 for RDMA_PS_TCP, 17 for RDMA_PS_UDP */
	uint16_t sport, dport;
	struct ip_addr src, dst;
};
bool cm_address(const struct cm_msg *m, struct cm_address *a);

/* REJ's reason in words (table 108), "reserved" for others; SIDR_REP's status
 * (table 119).
 */
const char *cm_reason_text(unsigned reason);
const char *cm_sidr_text(unsigned status);

#endif
