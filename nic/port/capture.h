/* Captures: a pcapng file of every frame that a NIC sends or receives, with a
 * comment on packets worth one (retransmission, NAK and why, drop and why).
 */
#ifndef NIC_PORT_CAPTURE_H
#define NIC_PORT_CAPTURE_H

#include "nic/base/tap.h"
#include "nic/port/port.h"

/* Creates (truncates) @path.  @name is shown as the interface's name.  Every
 * packet is in the file when the call that taps it returns or shortly after:
 * a killed program leaves a readable file.  -errno; @why is one line.
 */
int capture_new(const char *path, const char *name, struct tap **tap, char *why);
/* Frames get the time that @now says, nanoseconds since 1970, instead of the
 * system's.
 */
void capture_set_clock(struct tap *tap, uint64_t (*now)(void *ctx), void *ctx);
/* Writes out what is buffered. */
void capture_flush(struct tap *tap);
/* The same, but only if nothing was written for some milliseconds: so often as
 * one likes.
 */
void capture_flush_old(struct tap *tap);
/* Writes out what is buffered, and from now on each frame as it comes: the
 * program is about to end.
 */
void capture_unbuffer(struct tap *tap);
void capture_free(struct tap *tap);
/* In the child of a fork: frees without writing what the parent will write. */
void capture_forget(struct tap *tap);

/* @port with every frame shown to @tap.  Owns @port, not @tap. */
int capture_port_new(struct port *port, struct tap *tap, struct port **wrapped);

#endif
