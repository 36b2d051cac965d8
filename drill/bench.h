/* What a drill is played on: the NIC under test with its verbs, a wire to it,
 * and a clock.  vnic.c is the one in memory, on a virtual clock; live.c the one
 * with a real peer over a real port.
 *
 * What is seen of the NIC (packets, completions, events) waits in a list until
 * the drill asks for it.
 */
#ifndef DRILL_BENCH_H
#define DRILL_BENCH_H

#include "drill/call.h"
#include "drill/words.h"
#include "nic/api.h"
#include "nic/base/list.h"
#include "nic/base/pkt.h"
#include "nic/base/time.h"
#include "nic/link/link.h"
#include "wire/drop.h"

enum seen_kind {
	SEEN_PACKET,
	SEEN_WC,    /* "id=1 status=SUCCESS opcode=SEND len=64 qp=q" */
	SEEN_EVENT, /* "QP_FATAL q" */
};

struct seen {
	struct list node;
	enum seen_kind kind;
	nsec_t at;
	nsec_t since; /* it came after this moment, and at or before .at */
	/* packets */
	struct ip_addr src, dst;
	uint16_t sport;
	uint8_t tos, ttl;
	size_t len;
	/* UDP payload without ICRC; or a text that ends with NUL */
	uint8_t bytes[];
};

/* Changes to the frame that carries a packet, below what the link writes. */
enum layer {
	L_ETH,
	L_IP,
	L_UDP,
	L_OUTER_ETH,
	L_OUTER_IP,
	L_OUTER_UDP,
	L_VXLAN,
	L_N
};

#define PATCHES_MAX 16u

struct tamper {
	unsigned n;
	struct patch {
		enum layer layer;
		uint16_t offset;
		uint8_t value;
	} patch[PATCHES_MAX];
	size_t cut;	/* bytes off the frame's end */
	size_t trailer; /* zeros behind it */
	bool bad_icrc;
	bool udp_checksum; /* of the innermost UDP: the right one, not 0 */
};

/* verb: what it returns when it is not the verb that failed. */
#define VERB_OK	  0
#define VERB_LOST (-100002) /* nobody is there to do it */

struct bench;
struct bench_ops {
	nsec_t (*now)(struct bench *b);
	/* Lets time pass until @until; if @stop, only until something new is
	 * seen. True: something was.
	 */
	bool (*run)(struct bench *b, nsec_t until, bool stop);
	/* Has the NIC do what @line says (docs/drill.md, Verbs).  VERB_OK, and
	 * @reply is "KEY=VALUE ..."; -errno of the verb; VERB_REFUSED or
	 * VERB_LOST, and @reply says why.
	 */
	int (*verb)(struct bench *b, const char *line, char reply[REPLY_MAX]);
	/* Sends @p, whose head begins at the BTH, to the NIC.  What the NIC
	 * made of it, where that can be known, else DROP_N.
	 */
	enum drop (*send)(struct bench *b, struct pkt *p,
			  const struct tamper *tamper);
	/* The value of one of the NIC's counters; false: it cannot be known. */
	bool (*counter)(struct bench *b, const char *name, uint64_t *value);
	void (*free)(struct bench *b);
};

struct bench {
	const struct bench_ops *ops;
	struct list seen;
	uint64_t nseen;		 /* ever */
	struct ip_addr own, nic; /* the script's address, and the NIC's */
	bool live;
	/* Why nothing seen can be trusted any more: the peer is gone, its
	 * packets are broken; or "".  Time no longer passes then.
	 */
	char trouble[512];
	uint64_t move[GN_QPS_N]
		     [GN_QPS_N]; /* of its QPs, from and to: how often */
};

/* Adds what @len bytes (or a text) say; false: no memory. */
struct seen *bench_see(struct bench *b, enum seen_kind kind, nsec_t at,
		       const void *bytes, size_t len);
/* The same for a packet that the script's link has got. */
struct seen *bench_see_packet(struct bench *b, nsec_t at,
			      const struct dgram *d);
/* Takes the first of @kind out of the list, or NULL; the caller frees it. */
struct seen *bench_take(struct bench *b, enum seen_kind kind);
bool bench_has(const struct bench *b, enum seen_kind kind);
void bench_forget(struct bench *b);

/* The NIC in memory as @spec says (a NIC spec, see docs/nic-spec.md; ports: an
 * Ethernet segment, unless port=vxlan).  @capture: the file for what passes its
 * port, or NULL.  NULL: @why is one line.
 */
struct bench *vnic_new(const char *spec, const char *capture, char *why);

#endif
