/* What a capture says about a packet that came in. */
#ifndef NIC_BASE_NOTE_H
#define NIC_BASE_NOTE_H

#include "nic/base/pkt.h"
#include "wire/drop.h"

/* The remark that the layers above left in @note; if they left none and @v is
 * a refusal, its word and meaning, written into @note; else NULL.
 */
const char *note_text(struct note *note, enum drop v);

#endif
