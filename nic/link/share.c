/* What members send each other, in bytes:
 *
 *	probe	STEER_BY_INDEX, index, epoch, secret: to the group's own
 *address, where the kernel gives it to the socket with that index parcel
 *PARCEL, secret, source, its port, TOS, TTL, flow label, and a datagram that
 *went astray: to the aside socket of whose it is
 *
 * A parcel without a datagram asks its receiver to look after the order.
 */
#include "nic/link/share.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "nic/base/random.h"
#include "nic/link/share_table.h"
#include "wire/bth.h"

#define PREFIX	 "share-"
#define KEEP_SEC 3600u /* what the dead leave behind */

#define PROBE_LEN  20u
#define PARCEL	   0xff676c70u
#define PARCEL_LEN 36u

#define SLOTS_MAX     128u /* of one program */
#define JOIN_MSEC     5000u
#define LEAVE_MSEC    1000u
#define BIND_TRIES    200u /* of a millisecond */
#define TABLE_RETRY   (500 * USEC)
#define MEASURE_EVERY (20 * MSEC)
#define ASIDE_RCVBUF  (4u << 20)

struct share {
	struct share_table table;
	struct ip_addr addr;
	uint16_t port;
	pid_t pid; /* whose all this is: not a forked child's */
	struct random random;
	struct counters *counters;
	struct udp_sock *sock; /* in the group; NULL: has not joined */
	struct udp_sock aside;
	uint16_t slot[SLOTS_MAX];
	unsigned nslots, turn;
	uint64_t own[SHARE_SLOTS / 64]; /* bits: slot[] */
	/* What is to be done when the table is free. */
	nsec_t learn_at;
	uint32_t learn_index, learn_epoch;
	nsec_t mend_at, measured_at;
	uint32_t mend_epoch; /* what went astray did so in this one */
};

/* ---- life
 * ---------------------------------------------------------------------- */

int share_open(const char *dir, const struct ip_addr *addr, uint16_t port,
	       uint64_t seed, struct share **out, char *why)
{
	char path[SHARE_PATH_MAX], ip[IP_TEXT_MAX];
	struct share *s = calloc(1, sizeof(*s));
	struct stat ns = {0};
	int rc;

	snprintf(why, 160, "out of memory");
	if (!s)
		return -ENOMEM;
	s->addr = *addr;
	s->port = port;
	s->pid = getpid();
	s->random.state = seed;
	s->aside.fd = -1;
	s->learn_at = s->mend_at = NSEC_NEVER;
	/* Addresses belong to a network namespace, the folder need not. */
	stat("/proc/self/ns/net", &ns);
	share_table_sweep(dir, PREFIX, KEEP_SEC);
	snprintf(path, sizeof(path), "%s/" PREFIX "%lx-%s-%u", dir,
		 (unsigned long)ns.st_ino, ip_format(addr, ip), port);
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
	udp_sock_close(&s->aside);
	share_table_close(&s->table);
	free(s);
}

static unsigned me(const struct share *s)
{
	return s->slot[0];
}

static bool is_own(const struct share *s, unsigned slot)
{
	return s->own[slot / 64] >> slot % 64 & 1;
}

/* ---- the order of the group, with the table locked
 * ------------------------------ */

static void detach(const struct share *s)
{
	int none = 0;

	setsockopt(s->sock->fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none,
		   sizeof(none));
}

/* Tells the kernel the order as the table has it.  A program that the kernel
 * refuses (it is too long for net.core.optmem_max, with hundreds of members)
 * costs time, no datagrams: they are passed on.
 */
static void attach(struct share *s)
{
	struct share_table *t = &s->table;
	struct steer map[SHARE_SLOTS];
	struct sock_filter code[STEER_MAX];
	struct sock_fprog program = {.filter = code};
	unsigned n = 0;

	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (t->row[i].pid)
			map[n++] = (struct steer){
				(uint16_t)i, t->row[t->row[i].first].index};
	if (share_table_holders(t) < 2) {
		detach(s);
	} else {
		program.len = (unsigned short)steer_program(map, n, code);
		setsockopt(s->sock->fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
			   &program, sizeof(program));
	}
	if (t->head.stale) {
		t->head.stale = 0;
		share_table_put_head(t);
	}
}

static bool is_measured(const struct share_table *t)
{
	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (share_table_leads(t, i) && t->row[i].epoch != t->head.epoch)
			return false;
	return true;
}

static void send_probe(const struct share *s, unsigned index)
{
	uint8_t probe[PROBE_LEN];
	union udp_name to;
	socklen_t len = udp_name_of(&to, &s->addr, s->port, s->sock->scope);

	put_be32(probe, STEER_BY_INDEX);
	put_be32(probe + 4, index);
	put_be32(probe + 8, s->table.head.epoch);
	put_be64(probe + 12, s->table.head.secret);
	sendto(s->sock->fd, probe, sizeof(probe), MSG_DONTWAIT, &to.any, len);
}

static void set_index(struct share *s, unsigned index)
{
	struct share_row *r = &s->table.row[me(s)];

	r->index = (uint16_t)index;
	r->epoch = s->table.head.epoch;
	share_table_put(&s->table, me(s));
}

/* Begins a new epoch: until they have learnt better, all keep the index that
 * they are thought to have.
 */
static void measure(struct share *s)
{
	struct share_table *t = &s->table;
	unsigned n = share_table_holders(t);

	t->head.epoch++;
	share_table_put_head(t);
	if (n == 1)
		set_index(s, 0);
	attach(s);
	for (unsigned i = 0; n > 1 && i < n; i++)
		send_probe(s, i);
}

/* ---- joining
 * ---------------------------------------------------------------------- */

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

static int take_slot(struct share *s)
{
	uint64_t random = random_next(&s->random);
	unsigned slot =
		share_table_take(&s->table, (unsigned)(random % SHARE_SLOTS),
				 s->nslots ? me(s) : 0,
				 (uint16_t)(random >> 32 & (SHARE_LOCALS - 1)));

	if (!slot || s->nslots == SLOTS_MAX)
		return -ENOSPC;
	s->slot[s->nslots++] = (uint16_t)slot;
	s->own[slot / 64] |= (uint64_t)1 << slot % 64;
	return 0;
}

static int take_place(struct share *s, unsigned index)
{
	int rc = take_slot(s);

	if (rc)
		return rc;
	s->table.row[me(s)].aside = s->aside.port;
	set_index(s, index);
	return 0;
}

static int join(struct share *s, struct udp_sock *sock, unsigned ifindex)
{
	struct share_table *t = &s->table;
	unsigned dead = share_table_prune(t, 0), n = share_table_holders(t);
	bool known = !dead && is_measured(t);
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
		attach(s);
	else
		measure(s);
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

/* ---- parcels
 * ---------------------------------------------------------------------- */

static void send_parcel(const struct share *s, uint16_t aside,
			const struct ip_header *ip, uint16_t sport,
			struct span data)
{
	uint8_t head[PARCEL_LEN];
	struct iovec iov[2] = {{head, sizeof(head)},
			       {(void *)(uintptr_t)data.p, data.len}};
	union udp_name to;
	struct msghdr m = {.msg_name = &to, .msg_iov = iov, .msg_iovlen = 2};

	m.msg_namelen = udp_name_of(&to, &s->addr, aside, s->aside.scope);
	put_be32(head, PARCEL);
	put_be64(head + 4, s->table.head.secret);
	memcpy(head + 12, ip->src.b, 16);
	put_be16(head + 28, sport);
	head[30] = ip->tos;
	head[31] = ip->ttl;
	put_be32(head + 32, ip->flow_label);
	sendmsg(s->aside.fd, &m, MSG_DONTWAIT);
}

/* Only if the kernel does not know what the table does. */
static void mend_stale(struct share *s, nsec_t now)
{
	s->mend_at = now;
	s->mend_epoch = s->table.head.epoch - 1;
}

bool share_unpack(struct share *s, struct span *data, struct ip_header *ip,
		  uint16_t *sport, nsec_t now)
{
	const uint8_t *head = span_take(data, PARCEL_LEN);

	if (!head || get_be32(head) != PARCEL ||
	    get_be64(head + 4) != s->table.head.secret)
		return false;
	memcpy(ip->src.b, head + 12, 16);
	*sport = get_be16(head + 28);
	ip->tos = head[30];
	ip->ttl = head[31];
	ip->flow_label = get_be32(head + 32);
	if (!data->len)
		mend_stale(s, now);
	return data->len;
}

int share_aside(const struct share *s)
{
	return s->aside.fd;
}

/* ---- leaving
 * ---------------------------------------------------------------------- */

/* The kernel is told by the one who moves to our place: were it told now, what
 * is that one's would come here and be lost.
 */
static void leave(struct share *s)
{
	struct share_table *t = &s->table;
	unsigned moves = 0, mine, last;

	share_table_prune(t, me(s));
	mine = t->row[me(s)].index;
	last = share_table_holders(t) - 1;
	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (share_table_leads(t, i) && t->row[i].index == last)
			moves = i;
	share_table_leave(t, me(s));
	udp_sock_close(s->sock);
	if (!last) {
		unlink(t->path);
	} else if (mine != last) {
		t->head.stale = 1;
		share_table_put_head(t);
		send_parcel(s, t->row[moves].aside,
			    &(struct ip_header){.version = 4}, 0,
			    (struct span){NULL, 0});
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

/* ---- numbers
 * ---------------------------------------------------------------------- */

/* A program of many QPs takes more slots, if the table is free and has some. */
static void take_another(struct share *s)
{
	if (share_table_lock(&s->table, 0))
		return;
	if (!take_slot(s))
		attach(s);
	share_table_unlock(&s->table);
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
	return (uint32_t)slot << SHARE_LOCAL_BITS | next;
}

/* ---- what arrives
 * ------------------------------------------------------------------- */

static void take_probe(struct share *s, struct span data, nsec_t now)
{
	if (data.len != PROBE_LEN ||
	    get_be64(data.p + 12) != s->table.head.secret)
		return;
	/* An index past the end goes to anybody, but behind those that are not.
	 */
	if (s->learn_at != NSEC_NEVER && s->learn_epoch == get_be32(data.p + 8))
		return;
	s->learn_index = get_be32(data.p + 4);
	s->learn_epoch = get_be32(data.p + 8);
	s->learn_at = now;
}

static void mend_soon(struct share *s, nsec_t now)
{
	nsec_t at = s->measured_at + MEASURE_EVERY;

	if (s->mend_at != NSEC_NEVER)
		return;
	s->mend_at = at > now ? at : now;
	s->mend_epoch = s->table.head.epoch;
}

/* False if @slot is nobody's. */
static bool pass_on(struct share *s, unsigned slot, const struct ip_header *ip,
		    uint16_t sport, struct span data, nsec_t now)
{
	struct share_table *t = &s->table;
	unsigned first;

	if (!share_table_get(t, slot) || !t->row[slot].pid)
		return false;
	first = t->row[slot].first;
	if (!share_table_get(t, first) || !share_table_leads(t, first))
		return false;
	send_parcel(s, t->row[first].aside, ip, sport, data);
	count(s->counters, CNT_PASSED_ON);
	mend_soon(s, now);
	return true;
}

bool share_takes(struct share *s, const struct ip_header *ip, uint16_t sport,
		 struct span data, nsec_t now)
{
	unsigned slot;

	if (data.len < BTH_LEN)
		return false;
	slot = get_be24(data.p + 5) >> SHARE_LOCAL_BITS;
	if (is_own(s, slot))
		return false;
	if (get_be32(data.p) == STEER_BY_INDEX) {
		take_probe(s, data, now);
		return true;
	}
	return pass_on(s, slot, ip, sport, data, now);
}

/* ---- work on the table
 * ----------------------------------------------------------------- */

nsec_t share_deadline(const struct share *s)
{
	return s->learn_at < s->mend_at ? s->learn_at : s->mend_at;
}

static void learn(struct share *s)
{
	struct share_table *t = &s->table;
	const struct share_row *r = &t->row[me(s)];
	bool moved = r->index != s->learn_index;

	s->learn_at = NSEC_NEVER;
	if (s->learn_epoch != t->head.epoch || r->epoch == t->head.epoch ||
	    s->learn_index >= share_table_holders(t))
		return;
	set_index(s, s->learn_index);
	if (moved)
		attach(s);
}

/* Somebody else may have measured meanwhile; then it is seen what that brings.
 */
static void mend(struct share *s, nsec_t now)
{
	struct share_table *t = &s->table;
	unsigned dead = share_table_prune(t, me(s));

	s->mend_at = NSEC_NEVER;
	if (t->head.stale && !dead && is_measured(t)) {
		attach(s);
	} else if (dead || s->mend_epoch == t->head.epoch) {
		s->measured_at = now;
		measure(s);
	}
}

void share_tick(struct share *s, nsec_t now)
{
	if (share_deadline(s) > now)
		return;
	if (share_table_lock(&s->table, 0)) {
		if (s->learn_at <= now)
			s->learn_at = now + TABLE_RETRY;
		if (s->mend_at <= now)
			s->mend_at = now + TABLE_RETRY;
		return;
	}
	if (s->learn_at <= now)
		learn(s);
	if (s->mend_at <= now)
		mend(s, now);
	share_table_unlock(&s->table);
}
