/* A packet on its way out.  Layers put their header in front of what the layer
 * above wrote (pkt_push), so nothing is copied on the way down: engine (BTH),
 * link (UDP, IP), port (Ethernet), tunnel (VXLAN), outer link (UDP, IP) ...
 */
#ifndef NIC_BASE_PKT_H
#define NIC_BASE_PKT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include "wire/bytes.h"
#include "wire/ip.h"
#include "wire/udp.h"

#define PKT_ROOM  192u /* bytes for all headers of all layers */
#define PKT_SPANS 4u
#define PKT_TAIL  8u   /* pad and ICRC */

/* A QPN of ours is a slot, one of those of the program that has the QP, and a
 * number of so many bits.  Programs that share an address have different slots.
 */
#define QPN_LOCAL_BITS 14

struct pkt {
	/* For the link: where to, how. */
	struct ip_addr src, dst;
	uint16_t sport;
	uint16_t slot; /* of the QP it is for: see QPN_LOCAL_BITS */
	uint64_t id;   /* who has the same is this one, sent again; or 0 */
	uint8_t tos, ttl;
	/* The bytes: head, then spans, then tail. */
	uint8_t head_off; /* head is room[head_off .. PKT_ROOM) */
	uint8_t nspan;
	uint8_t tail_len;
	uint8_t tail[PKT_TAIL];
	uint32_t len; /* head + spans + tail */
	struct span span[PKT_SPANS]; /* borrowed until send returns */
	/* Why this packet is remarkable ("retransmission"), or NULL.  Borrowed
	 * until send returns; shown in captures.
	 */
	const char *note;
	/* Faults put in on purpose (nic/impair/). */
	bool lost;	    /* goes down to be shown to taps; is never sent */
	uint32_t icrc_flip; /* pkt_add_icrc is to be wrong by this */
	uint8_t room[PKT_ROOM];
};

/* An empty packet: no head, no spans, no tail.  Addressing is not touched. */
static inline void pkt_reset(struct pkt *p)
{
	p->head_off = PKT_ROOM;
	p->nspan = 0;
	p->tail_len = 0;
	p->len = 0;
	p->slot = 0;
	p->id = 0;
	p->note = NULL;
	p->lost = false;
	p->icrc_flip = 0;
}

/* Room for @n more header bytes, in front of all others. */
static inline uint8_t *pkt_push(struct pkt *p, size_t n)
{
	assert(p->head_off >= n);
	p->head_off = (uint8_t)(p->head_off - n);
	p->len += (uint32_t)n;
	return p->room + p->head_off;
}

static inline struct span pkt_head(const struct pkt *p)
{
	return (struct span){ p->room + p->head_off,
			      (size_t)PKT_ROOM - p->head_off };
}

static inline void pkt_add_span(struct pkt *p, const void *data, size_t len)
{
	assert(p->nspan < PKT_SPANS);
	if (!len)
		return;
	p->span[p->nspan++] = (struct span){ data, len };
	p->len += (uint32_t)len;
}

static inline uint8_t *pkt_add_tail(struct pkt *p, size_t n)
{
	uint8_t *t = p->tail + p->tail_len;

	assert(p->tail_len + n <= PKT_TAIL);
	p->tail_len = (uint8_t)(p->tail_len + n);
	p->len += (uint32_t)n;
	return t;
}

/* Takes the last @n bytes of the tail off again. */
static inline void pkt_cut_tail(struct pkt *p, size_t n)
{
	assert(p->tail_len >= n);
	p->tail_len = (uint8_t)(p->tail_len - n);
	p->len -= (uint32_t)n;
}

/* Copies the whole packet to @out, which holds p->len bytes. */
void pkt_flatten(const struct pkt *p, uint8_t *out);

#define PKT_PIECES (PKT_SPANS + 2) /* head, spans, tail */

/* The packet's bytes in order, as borrowed pieces; returns how many. */
unsigned pkt_pieces(const struct pkt *p, struct span piece[PKT_PIECES]);
/* Copies the first @len bytes, or as many as there are; returns how many. */
size_t pkt_peek(const struct pkt *p, uint8_t *out, size_t len);

/* Ends @p, which begins with its BTH, with its ICRC; @ip and @udp are the headers
 * that it will have.
 */
void pkt_add_icrc(struct pkt *p, const struct ip_header *ip,
		  const struct udp *udp);

/* What a receiver up the stack wants to say about the packet in hand, for the
 * capture at the bottom; empty when there is nothing to say.
 */
struct note {
	char text[256];
};

#endif
