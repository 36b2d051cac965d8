#include <stdlib.h>
#include <string.h>
#include "trace/stream.h"

#define BUCKETS	    4096u /* a power of two */
#define STREAMS_MAX 65536u

/* A copy on a wire or on a second interface comes at once. */
#define COPY_NSEC 20000
/* With an IPv4 identification of its own for each packet it may come late. */
#define COPY_LATE_NSEC 1000000000

struct streams {
	struct stream *by_key[BUCKETS];
	struct stream *by_hosts[BUCKETS];
	struct stream **all;
	uint32_t n, cap;
};

struct streams *streams_new(void)
{
	return calloc(1, sizeof(struct streams));
}

void streams_free(struct streams *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n; i++) {
		reqlog_fini(&t->all[i]->q.log);
		free(t->all[i]);
	}
	free(t->all);
	free(t);
}

/* FNV-1a. */
static uint32_t hash(uint32_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 16777619u;
	return h;
}

static uint32_t hash_hosts(const struct ip_addr *src, const struct ip_addr *dst,
			   uint32_t vni)
{
	uint32_t h = hash(2166136261u, src->b, 16);

	h = hash(h, dst->b, 16);
	return hash(h, &vni, sizeof(vni));
}

static uint32_t hash_key(const struct stream_key *k)
{
	uint32_t h = hash_hosts(&k->src, &k->dst, k->vni);

	h = hash(h, &k->dqpn, sizeof(k->dqpn));
	return hash(h, &k->sqpn, sizeof(k->sqpn));
}

static bool same_hosts(const struct stream_key *k, const struct ip_addr *src,
		       const struct ip_addr *dst, uint32_t vni)
{
	return ip_equal(&k->src, src) && ip_equal(&k->dst, dst) &&
	       k->vni == vni;
}

static bool same_key(const struct stream_key *a, const struct stream_key *b)
{
	return a->dqpn == b->dqpn && a->sqpn == b->sqpn &&
	       a->transport == b->transport &&
	       same_hosts(a, &b->src, &b->dst, b->vni);
}

static struct stream *add(struct streams *t, const struct stream_key *k)
{
	uint32_t cap = t->cap ? 2 * t->cap : 64;
	struct stream *s, **all;

	if (t->n >= STREAMS_MAX)
		return NULL;
	if (t->n == t->cap) {
		all = realloc(t->all, cap * sizeof(struct stream *));
		if (!all)
			return NULL;
		t->all = all;
		t->cap = cap;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = *k;
	t->all[t->n++] = s;
	s->number = t->n;
	return s;
}

struct stream *streams_get(struct streams *t, const struct stream_key *k)
{
	struct stream **head = &t->by_key[hash_key(k) % BUCKETS];
	struct stream **hosts =
		&t->by_hosts[hash_hosts(&k->src, &k->dst, k->vni) % BUCKETS];
	struct stream *s;

	for (s = *head; s; s = s->hash_next)
		if (same_key(&s->key, k))
			return s;
	s = add(t, k);
	if (!s)
		return NULL;
	s->hash_next = *head;
	*head = s;
	s->host_next = *hosts;
	*hosts = s;
	return s;
}

struct stream *streams_between(const struct streams *t,
			       const struct ip_addr *src,
			       const struct ip_addr *dst, uint32_t vni)
{
	return t->by_hosts[hash_hosts(src, dst, vni) % BUCKETS];
}

struct stream *streams_at(const struct streams *t, uint32_t i)
{
	return i >= 1 && i <= t->n ? t->all[i - 1] : NULL;
}

struct stream_key stream_key(const struct packet *p)
{
	enum transport transport = opcode_transport(p->roce.bth.opcode);

	return (struct stream_key){
		.src = p->ip.src,
		.dst = p->ip.dst,
		.vni = packet_vni(p),
		.dqpn = p->roce.bth.dqpn,
		.sqpn = transport == TRANSPORT_UD ? p->roce.deth.sqpn : 0,
		.transport = transport,
	};
}

static bool is_copy(const struct copies *c, const struct packet *p,
		    int64_t asked_nsec)
{
	unsigned kept = c->n < COPIES_KEPT ? c->n : COPIES_KEPT;
	bool numbered = c->rising && (c->n > 1 || p->ip.id != 0);
	int64_t limit = numbered ? COPY_LATE_NSEC : COPY_NSEC;

	for (unsigned i = 0; i < kept; i++)
		if (c->seen[i].icrc == p->icrc_received &&
		    c->seen[i].id == p->ip.id &&
		    p->nsec - c->seen[i].nsec <= limit &&
		    (numbered || c->seen[i].nsec >= asked_nsec))
			return true;
	return false;
}

bool copies_note(struct copies *c, const struct packet *p, int64_t asked_nsec)
{
	uint16_t last = c->seen[(c->n + COPIES_KEPT - 1) % COPIES_KEPT].id;

	if (p->icrc == ICRC_CUT)
		return false;
	if (is_copy(c, p, asked_nsec))
		return true;
	if (c->n == 0)
		c->rising = p->ip.version == 4;
	else if ((int16_t)(p->ip.id - last) <= 0)
		c->rising = false;
	c->seen[c->n % COPIES_KEPT].icrc = p->icrc_received;
	c->seen[c->n % COPIES_KEPT].id = p->ip.id;
	c->seen[c->n % COPIES_KEPT].nsec = p->nsec;
	c->n++;
	return false;
}

static void forget(struct stream *s)
{
	struct reqlog log = s->q.log;

	reqlog_clear(&log);
	s->q = (struct requester){.log = log};
	s->a = (struct responder){0};
	s->has_pkey = false;
	s->peer = s->guess = NULL;
	s->sure = false;
	s->fits = 0;
	s->misfits = false;
}

void stream_restart(struct stream *s)
{
	struct stream *peer = s->peer;

	forget(s);
	if (peer && peer != s)
		forget(peer);
}

void stream_unpair(struct stream *s)
{
	struct stream *peer = s->peer;

	if (!peer)
		return;
	s->a = (struct responder){0};
	peer->a = (struct responder){0};
	s->q.log.anchored = peer->q.log.anchored = false;
	s->peer = s->guess = NULL;
	peer->peer = peer->guess = NULL;
	s->fits = peer->fits = 0;
}

void stream_pair(struct stream *a, struct stream *b)
{
	a->peer = b;
	b->peer = a;
}
