/* Conversations for the checker's tests: frames made with wire/'s encoders,
 * with one fault or none, straight into dissector and checker.
 *
 * A (10.0.0.1, QP 0x11, PSN 100 on) asks, B (10.0.0.2, QP 0x12) answers.  Each
 * packet comes 10 us after the one before.  All functions return the frame's
 * number.
 */
#ifndef TESTS_UNIT_TRACE_TALK_H
#define TESTS_UNIT_TRACE_TALK_H

#include <criterion/criterion.h>
#include "trace/check.h"
#include "trace/dissect.h"
#include "trace/strip.h"
#include "wire/aeth.h"
#include "wire/eth.h"
#include "wire/icrc.h"
#include "wire/vxlan.h"

#define PMTU 1024u
#define USEC 1000

enum host { A, B };

struct talk {
	struct check *check;
	struct dissector *dissector;
	uint64_t frame;
	int64_t nsec;
	uint16_t id[2];
	uint32_t qpn[2]; /* of each host */
	uint16_t sport;
	enum transport transport;
	bool constant_id;
	bool to_itself; /* A and B are one host */
	bool unseen;	/* the sniffer misses what follows */
	enum note note; /* of the last packet */
	/* Is told of every packet; or NULL. */
	void (*on_packet)(struct talk *t, const struct packet *p);
	/* The packet being made: */
	uint8_t data[9000];
	size_t len;
	/* What is wrong with it: */
	bool bad_icrc;
	uint16_t udp_missing; /* bytes that the UDP length leaves out */
};

static inline void talk_begin(struct talk *t)
{
	*t = (struct talk){
		.check = check_new(),
		.dissector = dissector_new(),
		.nsec = 1700000000LL * 1000000000,
		.id = {1000, 5000},
		.qpn = {0x11, 0x12},
		.sport = 50000,
	};
	cr_assert(t->check && t->dissector);
}

static inline void talk_end(struct talk *t)
{
	check_free(t->check);
	dissector_free(t->dissector);
}

static inline void wait_usec(struct talk *t, int64_t usec)
{
	t->nsec += usec * USEC;
}

/* Puts @r with @payload bytes into t->data; fields may then be spoiled. */
static inline void make(struct talk *t, enum host from, struct roce r,
			size_t payload)
{
	if (!r.bth.dqpn)
		r.bth.dqpn = t->qpn[!from];
	if (!r.bth.pkey)
		r.bth.pkey = PKEY_DEFAULT;
	if (opcode_transport(r.bth.opcode) == TRANSPORT_RC)
		r.bth.opcode |= (uint8_t)t->transport;
	r.bth.migreq = true;
	r.bth.pad = r.bth.pad ? r.bth.pad : (uint8_t)(-payload & 3);
	t->len = roce_encode_head(&r, t->data);
	cr_assert(t->len + payload + 3 < sizeof(t->data));
	memset(t->data + t->len, 0, payload + 3);
	t->len += payload + (-payload & 3);
}

static inline void address(struct talk *t, enum host from, struct ip_header *ip,
			   struct udp *udp)
{
	static const uint8_t addr[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
	uint16_t id = t->constant_id ? 0 : ++t->id[from];

	*udp = (struct udp){
		.sport = t->sport,
		.dport = ROCE_UDP_PORT,
		.len = (uint16_t)(UDP_LEN + t->len + ICRC_LEN - t->udp_missing),
	};
	*ip = (struct ip_header){
		.src = ip_from_v4(addr[t->to_itself ? A : from]),
		.dst = ip_from_v4(addr[t->to_itself ? A : !from]),
		.version = 4,
		.ttl = 64,
		.protocol = IPPROTO_UDP_,
		.len = (uint16_t)(UDP_LEN + t->len + ICRC_LEN),
		.id = id,
		.df = true,
	};
}

/* Hands @bytes to the checker as one frame. */
static inline uint64_t see(struct talk *t, struct span bytes)
{
	struct frame f = {
		.number = t->frame + 1,
		.nsec = t->nsec += 10 * USEC,
		.linktype = LINK_ETHERNET,
		.bytes = bytes,
		.wire_len = bytes.len,
	};
	struct packet p;

	if (t->unseen)
		return t->frame;
	t->frame++;
	dissect_begin(t->dissector, &f);
	while (dissect_next(t->dissector, &p)) {
		t->note = check_packet(t->check, &p);
		if (t->on_packet)
			t->on_packet(t, &p);
	}
	return t->frame;
}

/* Sends what make() made, twice if @twice: a copy made by the network. */
static inline uint64_t emit_times(struct talk *t, enum host from, bool twice)
{
	static uint8_t buf[10000];
	struct eth eth = {.type = ETHERTYPE_IPV4};
	struct ip_header ip;
	struct udp udp;
	size_t n = eth_encode(&eth, buf);
	uint32_t icrc;

	address(t, from, &ip, &udp);
	n += ip_encode(&ip, buf + n);
	udp_encode(&udp, buf + n);
	n += UDP_LEN;
	memcpy(buf + n, t->data, t->len);
	n += t->len;
	icrc = icrc_of(&ip, &udp, (struct span){t->data, t->len});
	icrc_put(t->bad_icrc ? ~icrc : icrc, buf + n);
	n += ICRC_LEN;
	t->bad_icrc = false;
	t->udp_missing = 0;
	if (twice)
		see(t, (struct span){buf, n});
	return see(t, (struct span){buf, n});
}

static inline uint64_t emit(struct talk *t, enum host from)
{
	return emit_times(t, from, false);
}

/* Packets by their names; @from B for the other direction. */

static inline struct roce request(enum operation op, uint32_t psn)
{
	const struct opcode *row = opcode_find((uint8_t)op);

	return (struct roce){
		.bth = {.opcode = (uint8_t)op,
			.psn = psn,
			.ackreq = row->flags & IS_END},
	};
}

static inline uint64_t ask(struct talk *t, enum host from, enum operation op,
			   uint32_t psn, size_t payload)
{
	make(t, from, request(op, psn), payload);
	return emit(t, from);
}

/* SEND of one packet. */
static inline uint64_t send_only(struct talk *t, uint32_t psn)
{
	return ask(t, A, OP_SEND_ONLY, psn, 64);
}

static inline uint64_t ask_memory(struct talk *t, enum operation op,
				  uint32_t psn, uint64_t va, uint32_t len,
				  size_t payload)
{
	struct roce r = request(op, psn);

	r.reth = (struct reth){.va = va, .rkey = 7, .len = len};
	make(t, A, r, payload);
	return emit(t, A);
}

static inline uint64_t read_request(struct talk *t, uint32_t psn, uint64_t va,
				    uint32_t len)
{
	return ask_memory(t, OP_READ_REQUEST, psn, va, len, 0);
}

static inline uint64_t atomic(struct talk *t, uint32_t psn, uint64_t va)
{
	struct roce r = request(OP_COMPARE_SWAP, psn);

	r.atomic = (struct atomiceth){.va = va, .rkey = 7};
	make(t, A, r, 0);
	return emit(t, A);
}

static inline uint64_t answer(struct talk *t, enum host from, enum operation op,
			      uint32_t psn, uint8_t syndrome, uint32_t msn,
			      size_t payload)
{
	struct roce r = {
		.bth = {.opcode = (uint8_t)op, .psn = psn},
		.aeth = {.syndrome = syndrome, .msn = msn},
	};

	make(t, from, r, payload);
	return emit(t, from);
}

static inline uint64_t ack(struct talk *t, uint32_t psn, uint32_t msn)
{
	return answer(t, B, OP_ACKNOWLEDGE, psn, CREDITS_UNLIMITED, msn, 0);
}

static inline uint64_t nak(struct talk *t, enum nak code, uint32_t psn,
			   uint32_t msn)
{
	return answer(t, B, OP_ACKNOWLEDGE, psn, aeth_syndrome(AETH_NAK, code),
		      msn, 0);
}

/* RNR NAK with timer code 12, 640 us. */
static inline uint64_t rnr(struct talk *t, uint32_t psn, uint32_t msn)
{
	return answer(t, B, OP_ACKNOWLEDGE, psn, aeth_syndrome(AETH_RNR, 12),
		      msn, 0);
}

static inline uint64_t read_response(struct talk *t, enum operation op,
				     uint32_t psn, uint32_t msn, size_t payload)
{
	return answer(t, B, op, psn, CREDITS_UNLIMITED, msn, payload);
}

static inline uint64_t atomic_ack(struct talk *t, uint32_t psn, uint32_t msn)
{
	return answer(t, B, OP_ATOMIC_ACKNOWLEDGE, psn, CREDITS_UNLIMITED, msn,
		      0);
}

/* A SEND of three packets, PSN 100 to 102: both hosts and the path MTU become
 * known.
 */
static inline void greet(struct talk *t)
{
	ask(t, A, OP_SEND_FIRST, 100, PMTU);
	ask(t, A, OP_SEND_MIDDLE, 101, PMTU);
	ask(t, A, OP_SEND_LAST, 102, 100);
	ack(t, 102, 1);
}

#endif
