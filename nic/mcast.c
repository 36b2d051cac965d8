#include "nic/mcast.h"

#include <errno.h>
#include <stdlib.h>

#include "nic/qp.h"

struct member {
	struct member *next;
	struct gn_qp *qp;
};

struct mcast_group {
	struct mcast_group *next;
	struct ip_addr addr;
	struct member *members;
	unsigned n;
};

/* An IPv4 group may be named as ::ffff:a.b.c.d, which is what it is on the wire. */
static struct mcast_group **find(struct engine *e, const struct ip_addr *addr)
{
	struct mcast_group **at = &e->groups;

	while (*at && !ip_equal(&(*at)->addr, addr))
		at = &(*at)->next;
	return at;
}

static struct member **find_member(struct mcast_group *g, const struct gn_qp *qp)
{
	struct member **at = &g->members;

	while (*at && (*at)->qp != qp)
		at = &(*at)->next;
	return at;
}

static unsigned count_groups(const struct engine *e)
{
	unsigned n = 0;

	for (const struct mcast_group *g = e->groups; g; g = g->next)
		n++;
	return n;
}

static int group_new(struct engine *e, const struct ip_addr *addr,
		     struct mcast_group **out)
{
	struct mcast_group *g;
	int rc;

	if (count_groups(e) >= e->cfg.limits.max_mcast_grp)
		return -ENOMEM;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	rc = e->link->ops->join(e->link, addr, true);
	if (rc) {
		free(g);
		return rc;
	}
	g->addr = *addr;
	g->next = e->groups;
	e->groups = g;
	*out = g;
	return 0;
}

static void group_free_if_empty(struct engine *e, struct mcast_group **at)
{
	struct mcast_group *g = *at;

	if (g->members)
		return;
	e->link->ops->join(e->link, &g->addr, false);
	*at = g->next;
	free(g);
}

int mcast_attach(struct gn_qp *qp, const struct ip_addr *addr)
{
	struct engine *e = qp->engine;
	struct mcast_group *g;
	struct member *m;
	int rc;

	if (qp->init.type != GN_QPT_UD || !ip_is_multicast(addr))
		return -EINVAL;
	g = *find(e, addr);
	if (g && *find_member(g, qp))
		return 0;
	if (g && g->n >= e->cfg.limits.max_mcast_qp_attach)
		return -ENOMEM;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	rc = g ? 0 : group_new(e, addr, &g);
	if (rc) {
		free(m);
		return rc;
	}
	m->qp = qp;
	m->next = g->members;
	g->members = m;
	g->n++;
	qp->groups++;
	return 0;
}

static bool leave(struct mcast_group **at, struct gn_qp *qp)
{
	struct mcast_group *g = *at;
	struct member **m = find_member(g, qp), *gone = *m;

	if (!gone)
		return false;
	*m = gone->next;
	free(gone);
	g->n--;
	qp->groups--;
	group_free_if_empty(qp->engine, at);
	return true;
}

int mcast_detach(struct gn_qp *qp, const struct ip_addr *addr)
{
	struct mcast_group **at = find(qp->engine, addr);

	return *at && leave(at, qp) ? 0 : -EINVAL;
}

void mcast_forget(struct gn_qp *qp)
{
	struct mcast_group **at = &qp->engine->groups;

	while (*at && qp->groups) {
		struct mcast_group *g = *at;

		leave(at, qp);
		if (*at == g)
			at = &g->next;
	}
}

enum drop mcast_deliver(struct engine *e, const struct roce *r,
			const struct dgram *d,
			enum drop (*deliver)(struct gn_qp *qp,
					     const struct roce *r,
					     const struct dgram *d))
{
	struct mcast_group *g = *find(e, &d->dst);
	enum drop best = DROP_MCAST;

	for (struct member *m = g ? g->members : NULL, *next; m; m = next) {
		enum drop v;

		next = m->next;
		v = deliver(m->qp, r, d);
		if (best == DROP_MCAST || v == DROP_NONE)
			best = v;
	}
	return best;
}
