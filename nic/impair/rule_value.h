/* The values of a rule's settings: each takes one, and returns NULL or what is
 * wrong with it.
 */
#ifndef NIC_IMPAIR_RULE_VALUE_H
#define NIC_IMPAIR_RULE_VALUE_H

#include "nic/impair/quantity.h"
#include "nic/impair/rule.h"

/* Which packets. */
const char *rule_take_opcode(struct impair_rule *r, const char *value);
const char *rule_take_psn(struct impair_rule *r, const char *value);
const char *rule_take_dqpn(struct impair_rule *r, const char *value);
const char *rule_take_qp(struct impair_rule *r, const char *value);
const char *rule_take_round(struct impair_rule *r, const char *value);
const char *rule_take_aeth(struct impair_rule *r, const char *value);
const char *rule_take_src(struct impair_rule *r, const char *value);
const char *rule_take_dst(struct impair_rule *r, const char *value);
const char *rule_take_proto(struct impair_rule *r, const char *value);
/* How often. */
const char *rule_take_once(struct impair_rule *r, const char *value);
const char *rule_take_every(struct impair_rule *r, const char *value);
const char *rule_take_next(struct impair_rule *r, const char *value);
const char *rule_take_skip(struct impair_rule *r, const char *value);
const char *rule_take_chance(struct impair_rule *r, const char *value);
const char *rule_take_after(struct impair_rule *r, const char *value);
/* Of HOLD, how long; of all others, until when. */
const char *rule_take_for(struct impair_rule *r, const char *value);
/* Parameters. */
const char *rule_take_copies(struct impair_rule *r, const char *value);
const char *rule_take_by(struct impair_rule *r, const char *value);
const char *rule_take_within(struct impair_rule *r, const char *value);
const char *rule_take_delay(struct impair_rule *r, const char *value);
const char *rule_take_jitter(struct impair_rule *r, const char *value);
const char *rule_take_rate(struct impair_rule *r, const char *value);
const char *rule_take_limit(struct impair_rule *r, const char *value);
const char *rule_take_bits(struct impair_rule *r, const char *value);
const char *rule_take_byte(struct impair_rule *r, const char *value);
const char *rule_take_to(struct impair_rule *r, const char *value);
const char *rule_take_icrc(struct impair_rule *r, const char *value);

#endif
