/* Faults put in on purpose, as a NIC spec asks for them. */
#ifndef NIC_HOST_FAULTS_H
#define NIC_HOST_FAULTS_H

#include "nic/base/counters.h"
#include "nic/host/spec.h"
#include "nic/impair/impair.h"

/* *@im becomes the rules, or NULL if @spec asks for no faults; what happens is
 * counted in @counters.  -errno, and @why (SPEC_WHY_MAX bytes) is one line.
 */
int spec_faults_new(const struct nic_spec *spec, uint64_t seed,
		    struct counters *counters, struct impair **im, char *why);
/* @im may be NULL. */
void spec_faults_free(struct impair *im);

#endif
