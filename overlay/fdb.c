/* A hash of sets of WAYS entries, so that the table is bounded and nothing has
 * to be swept: a dead entry is simply not found, and its place is taken first.
 * When all of a set are alive, the learned entry nearest its end makes room,
 * then a local one.
 */
#include "overlay/fdb.h"

#include <errno.h>

#define WAYS 8u

void fdb_init(struct fdb *f, nsec_t ageing)
{
	memset(f, 0, sizeof(*f));
	f->ageing = ageing;
}

static unsigned set_of(const struct mac *mac)
{
	uint64_t key = (uint64_t)get_be16(mac->b) << 32 | get_be32(mac->b + 2);
	uint32_t hash = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32);

	return hash % (FDB_MAX / WAYS) * WAYS;
}

static bool alive(const struct fdb_entry *e, nsec_t now)
{
	return e->kind == FDB_STATIC || (e->kind != FDB_FREE && now < e->until);
}

const struct fdb_entry *fdb_find(const struct fdb *f, const struct mac *mac,
				 nsec_t now)
{
	const struct fdb_entry *set = &f->entry[set_of(mac)];

	for (unsigned i = 0; i < WAYS; i++)
		if (alive(&set[i], now) && mac_equal(&set[i].mac, mac))
			return &set[i];
	return NULL;
}

/* True if @a makes room before @b does. */
static bool worse(const struct fdb_entry *a, const struct fdb_entry *b,
		  nsec_t now)
{
	if (alive(a, now) != alive(b, now))
		return !alive(a, now);
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->until < b->until;
}

/* The entry of @mac, dead or alive, or one that makes room for it; NULL if the
 * set is full of static entries.
 */
static struct fdb_entry *place(struct fdb *f, const struct mac *mac, nsec_t now)
{
	struct fdb_entry *set = &f->entry[set_of(mac)], *worst = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].kind != FDB_FREE && mac_equal(&set[i].mac, mac))
			return &set[i];
		if (worse(&set[i], worst, now))
			worst = &set[i];
	}
	return worst->kind == FDB_STATIC ? NULL : worst;
}

void fdb_learn(struct fdb *f, const struct mac *mac, const struct ip_addr *vtep,
	       nsec_t now)
{
	const struct fdb_entry *known = fdb_find(f, mac, now);
	struct fdb_entry *e;

	if (known && known->kind != FDB_LEARNED)
		return;
	e = place(f, mac, now);
	if (e)
		*e = (struct fdb_entry){*mac, FDB_LEARNED, *vtep,
					now + f->ageing};
}

void fdb_local(struct fdb *f, const struct mac *mac, nsec_t now)
{
	const struct fdb_entry *known = fdb_find(f, mac, now);
	struct fdb_entry *e;

	if (known && known->kind == FDB_STATIC)
		return;
	e = place(f, mac, now);
	if (e)
		*e = (struct fdb_entry){.mac = *mac,
					.kind = FDB_LOCAL,
					.until = now + f->ageing};
}

int fdb_static(struct fdb *f, const struct mac *mac, const struct ip_addr *vtep)
{
	/* Whatever is there and not static may go: the time does not matter. */
	struct fdb_entry *e = place(f, mac, 0);

	if (!e)
		return -ENOSPC;
	*e = (struct fdb_entry){.mac = *mac, .kind = FDB_STATIC, .vtep = *vtep};
	return 0;
}
