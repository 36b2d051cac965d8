/* Between vnic.c and vnic_verbs.c: the NIC in memory, and the objects that a
 * drill's verbs made on it.
 */
#ifndef DRILL_VNIC_H
#define DRILL_VNIC_H

#include "drill/bench.h"
#include "drill/call.h"
#include "nic/engine.h"
#include "nic/host/spec.h"
#include "nic/impair/impair.h"
#include "nic/srq.h"

struct vnic {
	struct bench b;
	struct nic_spec spec;
	struct engine engine;
	struct impair *faults;	   /* of the NIC's port */
	struct link *nic, *script; /* the two ends of the wire */
	struct port *tampers;	   /* at the script's end */
	struct counters counters;  /* the script's end */
	nsec_t now;
	struct tap *tap;    /* sees what passes the NIC's port; or NULL */
	uint64_t tapped_at; /* the time of the last frame that it saw */
	struct objects objects;
};

/* Whose verb it is.  Errnos are negative here. */
static inline struct vnic *vnic_of(const struct call *c)
{
	return c->side;
}

int vnic_verb(struct bench *b, const char *line, char reply[REPLY_MAX]);
/* Makes pd and cq; frees all that is left.  The latter: NULL, or what is wrong.
 */
int vnic_objects_init(struct vnic *v);
void vnic_objects_fini(struct vnic *v);
/* Moves completions to what is seen; false: there were none. */
bool vnic_poll(struct vnic *v);

#endif
