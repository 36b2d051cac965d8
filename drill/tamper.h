/* A port that changes frames on their way out as it is told, byte by byte: how
 * a drill makes what no link would send.
 */
#ifndef DRILL_TAMPER_H
#define DRILL_TAMPER_H

#include "drill/bench.h"
#include "nic/port/port.h"

/* @port with changes.  Owns @port.  NULL: no memory, and @port is freed. */
struct port *tamper_port_new(struct port *port);
/* The next UDP datagram that leaves @port is changed so.  IPv4 header checksums
 * are made right again, unless they are what was changed.  @tamper is borrowed;
 * NULL: no more.
 */
void tamper_port_set(struct port *port, const struct tamper *tamper);

#endif
