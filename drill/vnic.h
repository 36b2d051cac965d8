/* Between vnic.c and vnic_verbs.c: the NIC in memory, and the objects that a
 * drill's verbs made on it.
 */
#ifndef DRILL_VNIC_H
#define DRILL_VNIC_H

#include "drill/bench.h"
#include "nic/engine.h"
#include "nic/host/spec.h"
#include "nic/impair/impair.h"
#include "nic/srq.h"

#define OBJECTS_MAX  256u
#define OBJECT_NAME  32u
#define MEMORY_GUARD 64u

enum object_kind { O_PD, O_MR, O_MW, O_CQ, O_SRQ, O_XRCD, O_QP, O_N };

struct object {
	char name[OBJECT_NAME]; /* "": free */
	enum object_kind kind;
	union {
		struct gn_pd *pd;
		struct gn_mr *mr;
		struct gn_mw *mw;
		struct gn_cq *cq;
		struct gn_srq *srq;
		struct gn_xrcd *xrcd;
		struct gn_qp *qp;
	};
	uint8_t *memory; /* O_MR: guard, len bytes, guard */
	size_t len;
	bool held; /* O_CQ: nobody polls it */
};

struct vnic {
	struct bench b;
	struct nic_spec spec;
	struct engine engine;
	struct impair *faults;	   /* of the NIC's port */
	struct link *nic, *script; /* the two ends of the wire */
	struct port *tampers;	   /* at the script's end */
	struct counters counters;  /* the script's end */
	nsec_t now;
	struct object object[OBJECTS_MAX];
	unsigned nregion;	/* made so far */
	struct object *pd, *cq; /* those that are there from the start */
};

int vnic_verb(struct bench *b, const char *line, char reply[REPLY_MAX]);
/* Makes pd and cq; frees all that is left.  The latter: NULL, or what is wrong.
 */
int vnic_objects_init(struct vnic *v);
void vnic_objects_fini(struct vnic *v);
/* Moves completions to what is seen; false: there were none. */
bool vnic_poll(struct vnic *v);
/* The name of the object that an event is about. */
const char *vnic_name(const struct vnic *v, const void *object);

#endif
