/* The link that a NIC spec describes: the stack below an engine, also for who
 * has none.
 */
#ifndef NIC_HOST_SPEC_LINK_H
#define NIC_HOST_SPEC_LINK_H

#include "nic/base/tap.h"
#include "nic/host/spec.h"
#include "nic/impair/impair.h"
#include "nic/link/link.h"

/* @spec must be complete (spec_claim).  @tap, @faults, @share (each may be NULL)
 * and @counters are not owned.  -errno; @why (SPEC_WHY_MAX bytes) is one line.
 */
int spec_link_new(const struct nic_spec *spec, struct tap *tap,
		  struct impair *faults, struct share *share,
		  struct counters *counters,
		  struct link **link, char *why);

/* fe80::/64 and the MAC as EUI-64 (RFC 4291, appendix A). */
struct ip_addr spec_link_local(const struct mac *m);

#endif
