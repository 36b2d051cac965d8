/* A RoCEv2 link with faults: wraps any link, and does to what passes it, both
 * ways, what rules say.
 *
 * Out: a lost packet goes down marked as lost, so that captures show it.  In:
 * it is refused as DROP_IMPAIRED.  What is held on its way in is delivered
 * later, and a refusal is counted then.
 */
#ifndef NIC_IMPAIR_IMPAIR_LINK_H
#define NIC_IMPAIR_IMPAIR_LINK_H

#include "nic/impair/impair.h"
#include "nic/link/link.h"

/* Owns @below from then on (on failure, too), not @im.  -ENOMEM. */
int impair_link_new(struct link *below, struct impair *im,
		    struct link **wrapped);

#endif
