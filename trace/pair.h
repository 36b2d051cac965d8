/* Which stream answers which. */
#ifndef TRACE_PAIR_H
#define TRACE_PAIR_H

#include "trace/stream.h"

/* The stream whose requests answer @p, which travelled on @t, is for; pairs
 * them if they are not yet.  NULL: not known, or more than one could be.
 */
struct stream *pair_find(const struct streams *all, struct stream *t,
			 const struct packet *p);
/* Was something asked on @s that answer @p may be to? */
bool pair_fits(const struct stream *s, const struct packet *p);
/* After the last packet: the stream that @t answers, if it is not paired but
 * the answers, few as they were, fit one that is not, either, and that no other
 * stream's fit.  Else NULL.
 */
struct stream *pair_guess(const struct streams *all, const struct stream *t);
/* Whether @s is certain to be paired with the right one: there is no other, or
 * it fitted often enough.
 */
bool pair_is_sure(const struct streams *all, const struct stream *s);

#endif
