/* The engine that a NIC spec describes. */
#ifndef NIC_HOST_SPEC_ENGINE_H
#define NIC_HOST_SPEC_ENGINE_H

#include "nic/engine.h"
#include "nic/host/spec.h"

/* The seed is the spec's: 0 if it is left open, which is for the caller to fill
 * in.
 */
struct engine_config spec_engine_config(const struct nic_spec *spec);

#endif
