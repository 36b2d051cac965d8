/* The packets to and from one QP.  Which QP a packet is from is only known once
 * an answer shows it; so who can read a capture twice lets this learn in the
 * first pass (stream numbers are the same in each).
 */
#ifndef TRACE_SELECT_H
#define TRACE_SELECT_H

#include <stdbool.h>
#include "trace/stream.h"

struct select;

struct select *select_new(uint32_t qpn); /* NULL: no memory */
void select_free(struct select *s);
/* Learns from a packet on @t, or NULL.  False: no memory. */
bool select_learn(struct select *s, const struct stream *t);
/* Whether @p on @t is to or from the QP, as far as known. */
bool select_wants(const struct select *s, const struct packet *p,
		  const struct stream *t);

#endif
