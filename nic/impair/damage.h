/* What a fate does to a packet's bytes. */
#ifndef NIC_IMPAIR_DAMAGE_H
#define NIC_IMPAIR_DAMAGE_H

#include "nic/impair/impair.h"
#include "wire/bytes.h"

#define ECN_CE 3u /* of the TOS byte (RFC 3168) */

/* Fills @v with what RoCEv2 says: @start is the packet from the BTH, as much of
 * it as there is at hand; @len its bytes without the ICRC.  False if it is too
 * short for a BTH.
 */
bool view_roce(struct impair_view *v, struct span start, size_t len);
#define VIEW_PEEK 16u /* bytes that view_roce looks at: BTH and AETH */

/* Flips and cuts @body; returns its new length. */
uint32_t damage_body(const struct fate *f, uint8_t *body, uint32_t len);
/* By what an ICRC made over the damaged body of @len bytes is to be wrong: 0 if
 * it shall be right.  Where bits were flipped, that gives the ICRC that the
 * packet had before.
 */
uint32_t damage_icrc(const struct fate *f, uint32_t len);

/* Writes "FIRST; SECOND", or the one that is there, to @out of @size bytes.
 * Either may be NULL.
 */
void join_notes(char *out, size_t size, const char *first, const char *second);

#endif
