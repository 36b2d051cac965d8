/* The InfiniBand connection manager's messages (IBTA vol. 1, 12.6), as far as
 * they say which QPs are connected and where their PSNs start.
 */
#ifndef TRACE_CM_H
#define TRACE_CM_H

#include "trace/stream.h"
#include "wire/cm.h"

/* Whether @p is one of the connection manager's messages. */
bool cm_find(const struct packet *p, struct cm_msg *m);

struct cm;

struct cm *cm_new(void); /* NULL: no memory */
void cm_free(struct cm *cm);
/* Looks at @p, a UD packet to QP 1.  When a REP completes a connection, its
 * two streams are made, paired, and start at the agreed PSNs.  True if that
 * happened.
 */
bool cm_packet(struct cm *cm, struct streams *all, const struct packet *p);

#endif
