#include "nic/impair/rule_value.h"

#include <stdio.h>
#include <string.h>
#include "wire/bth.h"
#include "wire/opcode.h"

static const char not_number[] = "not such a number";
static const char not_duration[] = "not a duration";

/* ---- which packets ---- */

/* @pattern is @name, or ends in '*' and @name begins like it. */
static bool like(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return !strncmp(pattern, name, len - 1);
	return !strcmp(pattern, name);
}

/* Names count with and without their transport. */
static bool is_called(const char *pattern, const char *name)
{
	const char *bare = strchr(name, '_');

	return like(pattern, name) || (bare && like(pattern, bare + 1));
}

const char *rule_take_opcode(struct impair_rule *r, const char *value)
{
	uint64_t number;
	bool found = false;

	r->match |= MATCH_OPCODE;
	if (quantity_count(value, 0, 255, &number)) {
		r->opcode[number / 64] |= (uint64_t)1 << number % 64;
		return NULL;
	}
	if (!strncmp(value, "RDMA_", 5)) /* as the standard calls some */
		value += 5;
	for (unsigned code = 0; code < 256; code++) {
		const struct opcode *op = opcode_find((uint8_t)code);

		if (!op || !is_called(value, op->name))
			continue;
		r->opcode[code / 64] |= (uint64_t)1 << code % 64;
		found = true;
	}
	return found ? NULL : "no such opcode";
}

static const char *take_u32(uint32_t *to, const char *value, uint32_t min,
			    uint32_t max)
{
	uint64_t n;

	if (!quantity_count(value, min, max, &n))
		return not_number;
	*to = (uint32_t)n;
	return NULL;
}

const char *rule_take_psn(struct impair_rule *r, const char *value)
{
	bool offset = value[0] == '+';

	r->match &= ~(MATCH_PSN | MATCH_OFFSET);
	r->match |= offset ? MATCH_OFFSET : MATCH_PSN;
	return take_u32(&r->psn, value + offset, 0, PSN_MASK);
}

const char *rule_take_dqpn(struct impair_rule *r, const char *value)
{
	r->match |= MATCH_DQPN;
	return take_u32(&r->dqpn, value, 0, QPN_MASK);
}

const char *rule_take_qp(struct impair_rule *r, const char *value)
{
	r->match |= MATCH_QP;
	return take_u32(&r->qp, value, 1, UINT32_MAX);
}

const char *rule_take_round(struct impair_rule *r, const char *value)
{
	r->match |= MATCH_ROUND;
	return take_u32(&r->round, value, 1, UINT32_MAX);
}

const char *rule_take_aeth(struct impair_rule *r, const char *value)
{
	static const char *const names[] = {[IMPAIR_AETH_ACK] = "ack",
					    [IMPAIR_AETH_RNR] = "rnr",
					    [IMPAIR_AETH_NAK] = "nak"};

	r->match |= MATCH_AETH;
	for (int i = IMPAIR_AETH_ACK; i <= IMPAIR_AETH_NAK; i++) {
		if (!strcmp(value, names[i])) {
			r->aeth = (enum impair_aeth)i;
			return NULL;
		}
	}
	return "not an answer";
}

const char *rule_take_src(struct impair_rule *r, const char *value)
{
	r->match |= MATCH_SRC;
	return ip_parse(&r->src, value) ? NULL : "not an IP address";
}

const char *rule_take_dst(struct impair_rule *r, const char *value)
{
	r->match |= MATCH_DST;
	return ip_parse(&r->dst, value) ? NULL : "not an IP address";
}

const char *rule_take_proto(struct impair_rule *r, const char *value)
{
	static const char *const names[IMPAIR_PROTOS] = {
		[IMPAIR_ROCE] = "roce",	  [IMPAIR_ARP] = "arp",
		[IMPAIR_ND] = "nd",	  [IMPAIR_IP] = "ip",
		[IMPAIR_OTHER] = "other",
	};

	if (!strcmp(value, "any")) {
		r->protos = (1u << IMPAIR_PROTOS) - 1;
		return NULL;
	}
	for (unsigned i = 0; i < IMPAIR_PROTOS; i++) {
		if (!strcmp(value, names[i])) {
			r->protos = 1u << i;
			return NULL;
		}
	}
	return "no such protocol";
}

/* ---- how often ---- */

static const char *take_times(uint64_t *to, const char *value)
{
	return quantity_count(value, 1, UINT64_MAX, to) ? NULL : not_number;
}

const char *rule_take_once(struct impair_rule *r, const char *value)
{
	r->next = 1;
	return NULL;
}

const char *rule_take_every(struct impair_rule *r, const char *value)
{
	return take_times(&r->every, value);
}

const char *rule_take_next(struct impair_rule *r, const char *value)
{
	return take_times(&r->next, value);
}

const char *rule_take_skip(struct impair_rule *r, const char *value)
{
	return take_times(&r->skip, value);
}

const char *rule_take_chance(struct impair_rule *r, const char *value)
{
	return quantity_chance(value, &r->chance) ? NULL : "not a chance";
}

static const char *take_duration(nsec_t *to, const char *value)
{
	return quantity_duration(value, to) ? NULL : not_duration;
}

const char *rule_take_after(struct impair_rule *r, const char *value)
{
	return take_duration(&r->after, value);
}

const char *rule_take_for(struct impair_rule *r, const char *value)
{
	return take_duration(r->action == IMPAIR_HOLD ? &r->delay : &r->lasts,
			     value);
}

/* ---- parameters ---- */

const char *rule_take_copies(struct impair_rule *r, const char *value)
{
	return take_u32(&r->copies, value, 1, IMPAIR_COPIES);
}

const char *rule_take_by(struct impair_rule *r, const char *value)
{
	return take_u32(&r->overtake, value, 1, 1000);
}

const char *rule_take_within(struct impair_rule *r, const char *value)
{
	return take_duration(&r->within, value);
}

const char *rule_take_delay(struct impair_rule *r, const char *value)
{
	return take_duration(&r->delay, value);
}

const char *rule_take_jitter(struct impair_rule *r, const char *value)
{
	return take_duration(&r->jitter, value);
}

const char *rule_take_rate(struct impair_rule *r, const char *value)
{
	return quantity_rate(value, &r->rate) ? NULL : "not a rate";
}

const char *rule_take_limit(struct impair_rule *r, const char *value)
{
	return quantity_bytes(value, &r->limit) ? NULL : "not a size";
}

const char *rule_take_bits(struct impair_rule *r, const char *value)
{
	return take_u32(&r->bits, value, 1, IMPAIR_FLIPS);
}

const char *rule_take_byte(struct impair_rule *r, const char *value)
{
	r->has_byte = true;
	return take_u32(&r->byte, value, 0, UINT16_MAX);
}

const char *rule_take_to(struct impair_rule *r, const char *value)
{
	return take_u32(&r->cut, value, BTH_LEN, UINT16_MAX);
}

const char *rule_take_icrc(struct impair_rule *r, const char *value)
{
	r->fixed = !strcmp(value, "fixed");
	if (r->fixed || !strcmp(value, "wrong"))
		return NULL;
	return "neither";
}
