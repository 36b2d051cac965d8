/* A packet as drills write it: an opcode and fields that are given or not.
 *
 * What a field is called, which header it belongs to and how it prints is one
 * table (packet.c).  The names are those of wire/print.h.
 */
#ifndef DRILL_PACKET_H
#define DRILL_PACKET_H

#include "drill/words.h"
#include "wire/ip.h"
#include "wire/roce.h"

enum field {
	/* BTH */
	F_DQPN,
	F_PSN,
	F_ACKREQ,
	F_SE,
	F_FECN,
	F_BECN,
	F_MIGREQ,
	F_PKEY,
	F_PAD,
	F_TVER,
	F_RESV6,
	F_RESV7,
	/* extension headers */
	F_SRQN,
	F_QKEY,
	F_SQPN,
	F_TYPE,
	F_SELECTIVITY,
	F_VA,
	F_RKEY,
	F_LEN,
	F_SWAP_ADD,
	F_COMPARE,
	F_KIND,
	F_VALUE,
	F_MSN,
	F_ORIG,
	F_IMM,
	F_INV_RKEY,
	/* a MAD, in the payload (IBTA 13.4.3) */
	F_MAD_CLASS,
	F_MAD_METHOD,
	F_MAD_STATUS,
	F_MAD_TID,
	F_MAD_ATTR,
	/* around it */
	F_PAYLOAD,
	F_TOS,
	F_TTL,
	F_SPORT,
	F_N
};

#define PACKET_DATA_MAX 9000u

struct packet_text {
	uint8_t opcode;
	uint64_t v[F_N];
	uint64_t given; /* bits: 1 << enum field */
	bool has_data;
	bool exact; /* all of the data matters: data= was written */
	uint8_t data[PACKET_DATA_MAX]; /* v[F_PAYLOAD] bytes of it */
};

static inline bool packet_gives(const struct packet_text *p, enum field f)
{
	return p->given >> f & 1;
}

static inline void packet_set(struct packet_text *p, enum field f, uint64_t v)
{
	p->v[f] = v;
	p->given |= (uint64_t)1 << f;
}

/* What a name in place of a number stands for: asked with "buf+16" and "va". */
typedef bool (*packet_lookup)(void *ctx, const char *text, const char *attr,
			      uint64_t *value, char *why);

/* Takes the field that @w gives.  1: it did; 0: no field of packets is called
 * so; -1: @why says what is wrong.
 */
int packet_take(struct packet_text *p, const struct word *w,
		packet_lookup lookup, void *ctx, char *why);
/* "SEND_ONLY" is of transport @t, "UD_SEND_ONLY" of its own. */
bool packet_opcode(const char *name, enum transport t, uint8_t *opcode,
		   char *why);
/* Does its opcode have the field at all? */
bool packet_has(uint8_t opcode, enum field f);

void packet_from_roce(struct packet_text *p, const struct roce *r);
/* r->payload points into @p. */
void packet_to_roce(const struct packet_text *p, struct roce *r);

/* Is everything that @want gives so in @got?  Else @why says which field
 * differs, and how.
 */
bool packet_match(const struct packet_text *want, const struct packet_text *got,
		  char *why);

/* For "did you mean": the @i'th field's name, or NULL. */
const char *packet_field_name(unsigned i);

#endif
