/* What the names in a drill stand for: "buf" has a va, an rkey and a len, "q" a
 * qpn, and so on, as the verbs that made them answered.
 */
#ifndef DRILL_NAMES_H
#define DRILL_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include "drill/words.h"

#define NAMES_MAX 512u
#define NAME_LEN  32u

struct names {
	struct {
		char name[NAME_LEN], attr[16];
		uint64_t value;
	} n[NAMES_MAX];
	unsigned used;
};

/* Replaces what was there.  False: too many. */
bool names_set(struct names *ns, const char *name, const char *attr,
	       uint64_t value);
/* All the "KEY=NUMBER" of @reply. */
void names_learn(struct names *ns, const char *name, const char *reply);
bool names_get(const struct names *ns, const char *name, const char *attr,
	       uint64_t *value);
/* "7", "0x10", "NAME", "NAME.ATTR", and sums and differences of these
 * ("buf+16", "buf+buf.len-8").  A name alone has its @attr.  False: @why says
 * what is wrong.
 */
bool names_value(const struct names *ns, const char *text, const char *attr,
		 uint64_t *value, char *why);

#endif
