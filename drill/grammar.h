/* Which words a statement may have, so that a misspelt one is not ignored. */
#ifndef DRILL_GRAMMAR_H
#define DRILL_GRAMMAR_H

#include "drill/words.h"

/* False: @why (WORDS_WHY_MAX bytes) names the first word of @w that its
 * statement does not know.  What stands behind "=>" is not looked at;
 * statements that are not in the table have any words.
 */
bool grammar_check(const struct words *w, char *why);

#endif
