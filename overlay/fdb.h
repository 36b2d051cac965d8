/* The forwarding table of one VXLAN segment: which tunnel endpoint (VTEP) a MAC
 * is behind.
 */
#ifndef OVERLAY_FDB_H
#define OVERLAY_FDB_H

#include <stdbool.h>
#include "nic/base/time.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define FDB_MAX 4096u

enum fdb_kind {
	FDB_FREE,
	FDB_LEARNED, /* from frames that arrived; ages */
	FDB_LOCAL,   /* on our side of the tunnel; ages */
	FDB_STATIC,  /* told; stays */
};

struct fdb_entry {
	struct mac mac;
	enum fdb_kind kind;
	struct ip_addr vtep; /* not of FDB_LOCAL */
	nsec_t until;	     /* not of FDB_STATIC */
};

struct fdb {
	nsec_t ageing;
	struct fdb_entry entry[FDB_MAX];
};

void fdb_init(struct fdb *f, nsec_t ageing);
/* The entry of @mac, if it is alive at @now, or NULL. */
const struct fdb_entry *fdb_find(const struct fdb *f, const struct mac *mac,
				 nsec_t now);
/* A frame of @mac came from @vtep.  Static and living local entries stay. */
void fdb_learn(struct fdb *f, const struct mac *mac, const struct ip_addr *vtep,
	       nsec_t now);
/* A frame of @mac came from our own side.  Static entries stay. */
void fdb_local(struct fdb *f, const struct mac *mac, nsec_t now);
/* -ENOSPC: too many static entries happen to share its place. */
int fdb_static(struct fdb *f, const struct mac *mac,
	       const struct ip_addr *vtep);

#endif
