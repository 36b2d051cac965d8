/* Rules that need no memory: the packet alone breaks them. */
#include "trace/judge.h"

/* From here on opcodes are for manufacturers to use (IBTA 9.2.1). */
#define OPCODE_VENDOR 0xc0u

/* A packet that does not decode breaks the rule that belongs to the reason. */
static bool rule_of_drop(enum drop d, enum rule *rule)
{
	static const struct {
		enum drop drop;
		enum rule rule;
	} rules[] = {
		{DROP_UDP_LENGTH, RULE_IP_LENGTH},
		{DROP_OPCODE, RULE_OPCODE},
		{DROP_TVER, RULE_TVER},
		{DROP_PAD, RULE_PAD},
		{DROP_SHORT, RULE_LENGTH},
		{DROP_LENGTH, RULE_LENGTH},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (rules[i].drop == d) {
			*rule = rules[i].rule;
			return true;
		}
	}
	return false;
}

static bool judge_decoding(struct check *c, const struct packet *p)
{
	enum rule rule;

	if (p->drop == DROP_NONE)
		return true;
	if (p->icrc == ICRC_CUT && p->drop == DROP_SHORT)
		return true; /* the sniffer's doing */
	if (p->roce.bth.opcode == OPCODE_CNP && p->drop == DROP_LENGTH) {
		accuse(c, RULE_CNP, 0, culprit(p, NULL),
		       "%zu bytes behind the BTH", p->data.len - BTH_LEN);
		return false;
	}
	if (p->drop == DROP_OPCODE && p->roce.bth.opcode >= OPCODE_VENDOR)
		return true;
	if (!rule_of_drop(p->drop, &rule))
		return true;
	accuse(c, rule, 0, culprit(p, NULL), "%s (opcode 0x%02x, %zu bytes)",
	       drop_text(p->drop), p->roce.bth.opcode, p->data.len);
	return false;
}

static bool judge_icrc(struct check *c, const struct packet *p)
{
	if (p->icrc != ICRC_BAD)
		return true;
	if (p->drop == DROP_SHORT || p->drop == DROP_UDP_LENGTH)
		return true; /* there is none to compare; reported already */
	accuse(c, RULE_ICRC, 0, culprit(p, NULL),
	       "ICRC %08x, computed %08x (psn %u)", p->icrc_received,
	       icrc_of(&p->ip, &p->udp, p->data), p->roce.bth.psn);
	return false;
}

static bool judge_ip_length(struct check *c, const struct packet *p)
{
	if (p->ip.len == p->udp.len || p->drop == DROP_UDP_LENGTH)
		return true;
	accuse(c, RULE_IP_LENGTH, 0, culprit(p, NULL),
	       "UDP length %u in an IP payload of %u bytes", p->udp.len,
	       p->ip.len);
	return false;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

static bool judge_bth(struct check *c, const struct packet *p,
		      const struct stream *s)
{
	const struct bth *h = &p->roce.bth;
	bool good = true;

	if (p->data.len % 4 != 0) {
		accuse(c, RULE_LENGTH, 0, culprit(p, s),
		       "%zu bytes are no multiple of 4", p->data.len);
		good = false;
	}
	if (h->resv7) {
		accuse(c, RULE_RESERVED, 0, culprit(p, s),
		       "bits 0x%02x beside AckReq", h->resv7);
		good = false;
	}
	if (p->icrc != ICRC_CUT &&
	    !all_zero(p->roce.payload.p + p->roce.payload.len, h->pad)) {
		accuse(c, RULE_PAD_ZERO, 0, culprit(p, s),
		       "%u pad bytes, psn %u", h->pad, h->psn);
		good = false;
	}
	return good;
}

static bool judge_cnp(struct check *c, const struct packet *p)
{
	const struct bth *h = &p->roce.bth;

	if (h->becn && h->psn == 0 && !h->ackreq && h->pad == 0 &&
	    (p->icrc == ICRC_CUT ||
	     all_zero(p->roce.payload.p, p->roce.payload.len)))
		return true;
	accuse(c, RULE_CNP, 0, culprit(p, NULL),
	       "becn %d, ackreq %d, pad %u, psn %u, or reserved bytes set",
	       h->becn, h->ackreq, h->pad, h->psn);
	return false;
}

static bool judge_aeth(struct check *c, const struct packet *p,
		       const struct stream *s)
{
	uint8_t syndrome = p->roce.aeth.syndrome;

	if (aeth_kind(syndrome) == AETH_RESERVED || syndrome & 0x80) {
		accuse(c, RULE_AETH_RESERVED, 0, culprit(p, s),
		       "syndrome 0x%02x, psn %u", syndrome, p->roce.bth.psn);
		return false;
	}
	if (aeth_kind(syndrome) == AETH_NAK &&
	    aeth_value(syndrome) >= NAK_INVALID_RD) {
		accuse(c, RULE_NAK_RESERVED, 0, culprit(p, s),
		       "NAK code %u, psn %u", aeth_value(syndrome),
		       p->roce.bth.psn);
		return false;
	}
	return true;
}

static bool judge_datagram(struct check *c, const struct packet *p,
			   const struct stream *s)
{
	if (p->roce.payload.len <= 4096)
		return true;
	accuse(c, RULE_UD_LENGTH, 0, culprit(p, s), "payload of %zu bytes",
	       p->roce.payload.len);
	return false;
}

bool judge_alone(struct check *c, const struct packet *p,
		 const struct stream *s)
{
	bool good = true;

	/* One fault brings others with it: the first says it. */
	if (!judge_ip_length(c, p) || !judge_icrc(c, p) ||
	    !judge_decoding(c, p))
		return false;
	if (!packet_sound(p))
		return true;
	good &= judge_bth(c, p, s);
	if (p->roce.bth.opcode == OPCODE_CNP)
		good &= judge_cnp(c, p);
	if (p->roce.op->flags & HAS_AETH)
		good &= judge_aeth(c, p, s);
	if (p->roce.op->flags & HAS_DETH)
		good &= judge_datagram(c, p, s);
	return good;
}

/* Two keys are of one partition if their lower 15 bits agree (IBTA 10.9.3);
 * only in one direction they are the same key.
 */
void judge_pkey(struct check *c, const struct packet *p, struct stream *s)
{
	uint16_t pkey = p->roce.bth.pkey;
	const struct stream *peer = s->peer;

	if (s->has_pkey && s->pkey != pkey)
		accuse(c, RULE_PKEY, 0, culprit(p, s),
		       "P_Key 0x%04x, before 0x%04x", pkey, s->pkey);
	else if (!s->has_pkey && peer && peer != s && peer->has_pkey &&
		 ((peer->pkey ^ pkey) & 0x7fff) != 0)
		accuse(c, RULE_PKEY, 0, culprit(p, s),
		       "P_Key 0x%04x, the peer's is 0x%04x", pkey, peer->pkey);
	if (!s->has_pkey)
		s->pkey = pkey;
	s->has_pkey = true;
}
