#include "nic/link/share.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "nic/link/share_parts.h"

#define PREFIX	 "share-"
#define KEEP_SEC 3600u /* what the dead leave behind */

#define BIND_TRIES   200u /* of a millisecond */
#define ASIDE_RCVBUF (4u << 20)

/* ---- life ---- */

int share_open(const char *dir, const struct share_what *what, uint64_t seed,
	       struct share **out, char *why)
{
	char path[SHARE_PATH_MAX], ip[IP_TEXT_MAX];
	struct share *s = calloc(1, sizeof(*s));
	struct stat ns = {0};
	int rc;

	snprintf(why, 160, "out of memory");
	if (!s)
		return -ENOMEM;
	s->kind = what->kind;
	s->addr = what->addr;
	s->port = what->port;
	s->pid = getpid();
	s->random.state = seed;
	s->aside.fd = -1;
	s->learn_at = s->mend_at = NSEC_NEVER;
	/* Addresses belong to a network namespace, the folder need not. */
	stat("/proc/self/ns/net", &ns);
	share_table_sweep(dir, PREFIX, KEEP_SEC);
	snprintf(path, sizeof(path), "%s/" PREFIX "%lx-%s-%u%s", dir,
		 (unsigned long)ns.st_ino, ip_format(&s->addr, ip), s->port,
		 what->tag);
	rc = share_table_open(&s->table, path);
	if (rc) {
		snprintf(why, 160, "%.120s: %s", path, strerror(-rc));
		free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void share_free(struct share *s)
{
	if (!s)
		return;
	share_exit(s);
	udp_sock_close(&s->aside);
	share_table_close(&s->table);
	free(s);
}

/* ---- joining ---- */

/* Whoever is first binds as if to be alone, so that nobody else is in the group
 * who does not know this table.
 */
static int open_member(struct share *s, struct udp_sock *sock, unsigned ifindex,
		       bool first)
{
	int one = 1;
	int rc = udp_sock_open(sock, &s->addr, s->port,
			       first ? UDP_MAIN : UDP_SHARED, ifindex);

	if (!rc && first &&
	    setsockopt(sock->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one))) {
		rc = -errno;
		udp_sock_close(sock);
	}
	return rc;
}

/* An address may be taken for a moment only: by one who is dying, or by one who
 * looks for a free address.
 */
static int open_patiently(struct share *s, struct udp_sock *sock,
			  unsigned ifindex, bool first)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	int rc = open_member(s, sock, ifindex, first);

	for (unsigned i = 0; rc == -EADDRINUSE && i < BIND_TRIES; i++) {
		nanosleep(&nap, NULL);
		rc = open_member(s, sock, ifindex, first);
	}
	return rc;
}

static int open_aside(struct share *s, unsigned ifindex)
{
	union udp_name name;
	socklen_t len = sizeof(name);
	int rc = udp_sock_open(&s->aside, &s->addr, 0, UDP_MAIN, ifindex);

	if (rc)
		return rc;
	if (getsockname(s->aside.fd, &name.any, &len))
		return -errno;
	s->aside.port = ntohs(ip_is_v4(&s->addr) ? name.v4.sin_port
						 : name.v6.sin6_port);
	udp_sock_rcvbuf(&s->aside, ASIDE_RCVBUF);
	return 0;
}

int share_take_slot(struct share *s)
{
	uint64_t random = random_next(&s->random);
	unsigned slot =
		share_table_take(&s->table, (unsigned)(random % SHARE_SLOTS),
				 s->nslots ? share_first(s) : 0,
				 (uint16_t)(random >> 32 & (SHARE_LOCALS - 1)));

	if (!slot || s->nslots == SHARE_SLOTS_OWN)
		return -ENOSPC;
	s->slot[s->nslots++] = (uint16_t)slot;
	s->own[slot / 64] |= (uint64_t)1 << slot % 64;
	return 0;
}

static int take_place(struct share *s, unsigned index)
{
	int rc = share_take_slot(s);

	if (rc)
		return rc;
	s->table.row[share_first(s)].aside = s->aside.port;
	share_set_index(s, index);
	return 0;
}

static int join(struct share *s, struct udp_sock *sock, unsigned ifindex)
{
	struct share_table *t = &s->table;
	unsigned dead = share_table_prune(t, 0), n = share_table_holders(t);
	bool known = !dead && share_is_measured(t);
	int rc = open_patiently(s, sock, ifindex, !n);

	if (rc)
		return rc;
	rc = open_aside(s, ifindex);
	if (!rc)
		rc = take_place(s, n);
	if (rc) {
		udp_sock_close(sock);
		return rc;
	}
	s->sock = sock;
	if (known)
		share_attach(s);
	else
		share_measure(s);
	return 0;
}

int share_join(struct share *s, struct udp_sock *sock, unsigned ifindex,
	       struct counters *counters)
{
	int rc = share_table_lock(&s->table, JOIN_MSEC);

	if (rc)
		return rc;
	s->counters = counters;
	rc = join(s, sock, ifindex);
	share_table_unlock(&s->table);
	return rc;
}

/* ---- leaving ---- */

/* The kernel is told by the one who moves to our place: were it told now, what
 * is that one's would come here and be lost.
 */
static void leave(struct share *s)
{
	struct share_table *t = &s->table;
	unsigned moves = 0, mine, last;

	share_table_prune(t, share_first(s));
	mine = t->row[share_first(s)].index;
	last = share_table_holders(t) - 1;
	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (share_table_leads(t, i) && t->row[i].index == last)
			moves = i;
	share_table_leave(t, share_first(s));
	udp_sock_close(s->sock);
	if (!last) {
		unlink(t->path);
	} else if (mine != last) {
		t->head.stale = 1;
		share_table_put_head(t);
		share_nudge(s, t->row[moves].aside);
	}
}

void share_leave(struct share *s, struct udp_sock *sock)
{
	if (s->pid == getpid() && s->sock &&
	    !share_table_lock(&s->table, LEAVE_MSEC)) {
		leave(s);
		share_table_unlock(&s->table);
	}
	udp_sock_close(sock);
	s->sock = NULL;
	s->nslots = 0;
}

/* ---- numbers ---- */

/* A program of many QPs takes more slots, if the table is free and has some. */
static void take_another(struct share *s)
{
	bool took;

	if (share_table_lock(&s->table, 0))
		return;
	took = !share_take_slot(s);
	if (took && s->sock)
		share_attach(s);
	share_table_unlock(&s->table);
	if (took && s->tell)
		s->tell(s->tell_ctx);
}

uint32_t share_qpn(struct share *s, uint32_t in_use)
{
	unsigned slot;
	uint16_t next;

	if (in_use >= s->nslots * (SHARE_LOCALS / 4 * 3))
		take_another(s);
	if (in_use >= s->nslots * SHARE_LOCALS)
		return 0;
	slot = s->slot[s->turn++ % s->nslots];
	next = s->table.row[slot].next & (SHARE_LOCALS - 1);
	share_table_put_next(&s->table, slot, (next + 1) & (SHARE_LOCALS - 1));
	return (uint32_t)slot << QPN_LOCAL_BITS | next;
}
