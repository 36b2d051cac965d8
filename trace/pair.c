/* A packet names the QP that it goes to, never the one that it comes from.
 * So an answer to QP r of host A says that A's QP r asked, but which of the
 * streams from A that question is on must be found out.  The connection
 * manager may have said it (trace/cm.c).  Else each answer is compared with
 * what is asked on each stream: it fits one that has a request with its PSN,
 * and of its kind.  Of several, the one is taken whose UDP source port fits:
 * both directions use the same (Linux' rule), or each its own QPN (seen from
 * Huawei's NICs).
 *
 * Starting PSNs are random in practice, and then one answer decides.  But
 * there are programs that start all QPs at PSN 0.  So among several streams
 * an answer must fit the same one FITS_WANTED times, or once if they are the
 * only two between these hosts that have their source port; and until it did so
 * FITS_SURE times (with the port, FITS_WANTED), one that fits two streams at
 * once dissolves the pair.
 */
#include "trace/pair.h"

#define NEAR	    256
#define FITS_WANTED 4u
#define FITS_SURE   16u

/* The streams from @t's destination back to its source. */
static struct stream *first_back(const struct streams *all,
				 const struct stream *t)
{
	return streams_between(all, &t->key.dst, &t->key.src, t->key.vni);
}

static bool is_back(const struct stream *s, const struct stream *t)
{
	return s->key.transport == t->key.transport &&
	       s->key.vni == t->key.vni && ip_equal(&s->key.src, &t->key.dst) &&
	       ip_equal(&s->key.dst, &t->key.src);
}

/* From the same host to the same, as the same kind of QP. */
static bool same_way(const struct stream *a, const struct stream *b)
{
	return a->key.transport == b->key.transport &&
	       a->key.vni == b->key.vni && ip_equal(&a->key.src, &b->key.src) &&
	       ip_equal(&a->key.dst, &b->key.dst);
}

static unsigned count_back(const struct streams *all, const struct stream *t)
{
	unsigned n = 0;

	for (struct stream *s = first_back(all, t); s; s = s->host_next)
		n += is_back(s, t);
	return n;
}

/* No other connection between these two hosts is known. */
static bool alone(const struct streams *all, const struct stream *s,
		  const struct stream *t)
{
	bool to_itself = ip_equal(&t->key.src, &t->key.dst);

	return count_back(all, t) == (to_itself && s != t ? 2 : 1) &&
	       count_back(all, s) == (to_itself && s != t ? 2 : 1);
}

static bool same_kind(const struct req *r, const struct packet *p)
{
	uint32_t flags = p->roce.op->flags;

	if (flags & HAS_ATOMICACK)
		return r->flags & HAS_ATOMICETH;
	if (flags & IS_READ)
		return !(r->flags & (IS_SEND | IS_WRITE | HAS_ATOMICETH));
	if (p->roce.aeth.syndrome >> 5 == 0)
		return r->flags & (IS_SEND | IS_WRITE);
	return true; /* NAKs are for all */
}

bool pair_fits(const struct stream *s, const struct packet *p)
{
	uint32_t psn = p->roce.bth.psn;
	const struct req *r = reqlog_cover(&s->q.log, psn);

	if (r && same_kind(r, p))
		return true;
	return s->q.has_suspect && s->q.suspect.psn == psn &&
	       same_kind(&s->q.suspect, p);
}

static bool ports_are_own(const struct stream *s, const struct stream *t)
{
	return s->sport == t->key.dqpn && t->sport == s->key.dqpn;
}

static unsigned count_port(const struct stream *first,
			   const struct stream *like)
{
	unsigned n = 0;

	for (const struct stream *s = first; s; s = s->host_next)
		n += same_way(s, like) && s->sport == like->sport;
	return n;
}

/* No other stream has the ports of @s and @t, so it is these two that belong
 * together.
 */
static bool ports_tell(const struct streams *all, const struct stream *s,
		       const struct stream *t)
{
	if (ports_are_own(s, t))
		return true;
	return s->sport == t->sport && count_port(first_back(all, t), s) == 1 &&
	       count_port(first_back(all, s), t) == 1;
}

static bool ports_fit(const struct stream *s, const struct stream *t)
{
	return s->sport == t->sport || ports_are_own(s, t);
}

/* The stream that @p on @t fits; NULL: none, or several (then @several). */
static struct stream *fitting(const struct streams *all, const struct stream *t,
			      const struct packet *p, bool *several)
{
	struct stream *fit = NULL, *with_port = NULL;
	unsigned n = 0, n_ports = 0;

	for (struct stream *s = first_back(all, t); s; s = s->host_next) {
		if (!is_back(s, t) || (s->peer && s->peer != t) ||
		    !pair_fits(s, p))
			continue;
		fit = s;
		n++;
		if (ports_fit(s, t)) {
			with_port = s;
			n_ports++;
		}
	}
	*several = n > 1 && n_ports != 1;
	if (n == 1)
		return fit;
	return n_ports == 1 ? with_port : NULL;
}

/* The only stream back, if its PSNs are near @p's. */
static struct stream *only_back(const struct streams *all,
				const struct stream *t, const struct packet *p)
{
	struct stream *s = first_back(all, t);
	int32_t d;

	while (s && !is_back(s, t))
		s = s->host_next;
	if (!s || s->peer || s->q.log.n == 0 || !alone(all, s, t))
		return NULL;
	d = psn_diff(p->roce.bth.psn, reqlog_end(&s->q.log));
	return d > -NEAR && d < NEAR ? s : NULL;
}

/* Counts how often @t's answers fitted @s in a row. */
static void count_fit(const struct streams *all, struct stream *t,
		      struct stream *s)
{
	if (t->guess != s) {
		t->misfits |= t->fits > 0;
		t->fits = 0;
	}
	t->guess = s;
	t->fits++;
	if (t->peer == s && (t->fits >= FITS_SURE ||
			     (t->fits >= FITS_WANTED && ports_tell(all, s, t))))
		t->sure = s->sure = true;
}

struct stream *pair_find(const struct streams *all, struct stream *t,
			 const struct packet *p)
{
	struct stream *s;
	bool several;

	if (t->peer && t->sure)
		return t->peer;
	s = fitting(all, t, p, &several);
	if (several)
		stream_unpair(t);
	t->misfits |= !s && !several;
	if (s)
		count_fit(all, t, s);
	if (t->peer || several)
		return t->peer;
	if (!s)
		s = only_back(all, t, p);
	if (s && (t->fits >= FITS_WANTED || alone(all, s, t) ||
		  (t->fits > 0 && ports_tell(all, s, t))))
		stream_pair(s, t);
	return t->peer;
}

bool pair_is_sure(const struct streams *all, const struct stream *s)
{
	return s->peer && (s->sure || alone(all, s, s->peer));
}

static bool guesses(const struct stream *t, const struct stream *s)
{
	return !t->peer && t->fits > 0 && !t->misfits && t->guess == s;
}

struct stream *pair_guess(const struct streams *all, const struct stream *t)
{
	struct stream *s = t->guess;

	if (!s || s->peer || !guesses(t, s))
		return NULL;
	for (const struct stream *o = first_back(all, s); o; o = o->host_next)
		if (o != t && guesses(o, s))
			return NULL;
	return s;
}
