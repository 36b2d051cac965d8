/* A probe is STEER_BY_INDEX, an index, an epoch and the secret: sent to the
 * group's own address, it comes to the socket that has the index.
 */
#include <sys/socket.h>
#include "nic/link/share_parts.h"

#define TABLE_RETRY   (500 * USEC)
#define MEASURE_EVERY (20 * MSEC)

/* ---- the order of the group, with the table locked ---- */

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
void share_attach(struct share *s)
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
		program.len =
			(unsigned short)steer_program(s->kind, map, n, code);
		setsockopt(s->sock->fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
			   &program, sizeof(program));
	}
	if (t->head.stale) {
		t->head.stale = 0;
		share_table_put_head(t);
	}
}

bool share_is_measured(const struct share_table *t)
{
	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (share_table_leads(t, i) && t->row[i].epoch != t->head.epoch)
			return false;
	return true;
}

static void send_probe(const struct share *s, unsigned index)
{
	uint8_t probe[SHARE_PROBE_LEN];
	union udp_name to;
	socklen_t len = udp_name_of(&to, &s->addr, s->port, s->sock->scope);

	put_be32(probe, STEER_BY_INDEX);
	put_be32(probe + 4, index);
	put_be32(probe + 8, s->table.head.epoch);
	put_be64(probe + 12, s->table.head.secret);
	sendto(s->sock->fd, probe, sizeof(probe), MSG_DONTWAIT, &to.any, len);
}

void share_set_index(struct share *s, unsigned index)
{
	struct share_row *r = &s->table.row[share_first(s)];

	r->index = (uint16_t)index;
	r->epoch = s->table.head.epoch;
	share_table_put(&s->table, share_first(s));
}

/* Begins a new epoch: until they have learnt better, all keep the index that
 * they are thought to have.
 */
void share_measure(struct share *s)
{
	struct share_table *t = &s->table;
	unsigned n = share_table_holders(t);

	t->head.epoch++;
	share_table_put_head(t);
	if (n == 1)
		share_set_index(s, 0);
	share_attach(s);
	for (unsigned i = 0; n > 1 && i < n; i++)
		send_probe(s, i);
}

/* ---- what makes it necessary to look at the table ---- */

void share_probe(struct share *s, struct span data, nsec_t now)
{
	if (data.len != SHARE_PROBE_LEN ||
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

void share_mend(struct share *s, nsec_t now)
{
	nsec_t at = s->measured_at + MEASURE_EVERY;

	if (s->mend_at != NSEC_NEVER)
		return;
	s->mend_at = at > now ? at : now;
	s->mend_epoch = s->table.head.epoch;
}

/* Only if the kernel does not know what the table does. */
void share_mend_stale(struct share *s, nsec_t now)
{
	s->mend_at = now;
	s->mend_epoch = s->table.head.epoch - 1;
}

/* ---- work on the table ---- */

nsec_t share_deadline(const struct share *s)
{
	return s->learn_at < s->mend_at ? s->learn_at : s->mend_at;
}

static void learn(struct share *s)
{
	struct share_table *t = &s->table;
	const struct share_row *r = &t->row[share_first(s)];
	bool moved = r->index != s->learn_index;

	s->learn_at = NSEC_NEVER;
	if (s->learn_epoch != t->head.epoch || r->epoch == t->head.epoch ||
	    s->learn_index >= share_table_holders(t))
		return;
	share_set_index(s, s->learn_index);
	if (moved)
		share_attach(s);
}

/* Somebody else may have measured meanwhile; then it is seen what that brings.
 */
static void mend(struct share *s, nsec_t now)
{
	struct share_table *t = &s->table;
	unsigned dead = share_table_prune(t, share_first(s));

	s->mend_at = NSEC_NEVER;
	if (t->head.stale && !dead && share_is_measured(t)) {
		share_attach(s);
	} else if (dead || s->mend_epoch == t->head.epoch) {
		s->measured_at = now;
		share_measure(s);
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
