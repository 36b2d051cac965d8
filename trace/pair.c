/* A packet names the QP that it goes to, never the one that it comes from.
 * So an answer to QP r of host A says that A's QP r asked, but which of the
 * streams from A that question is on must be found out:
 *
 *   1. the connection manager said (trace/cm.c pairs the streams), else
 *   2. the stream that has a request with the answer's PSN, if only one has,
 *   3. of several such, the one whose UDP source port fits: either both
 *      directions use the same one (Linux' rule), or each uses its own QPN
 *      (seen from Huawei's NICs), if it fits for one only,
 *   4. the only stream there is, if this is the only one that answers, and
 *      the PSN is near.
 *
 * Starting PSNs are random in practice, so 2 nearly always decides.  What
 * stays open stays unpaired, and no rule about answers is applied to it.
 */
#include "trace/pair.h"

#define NEAR 256

struct candidates {
	struct stream *s;
	unsigned n;
};

static void add(struct candidates *c, struct stream *s)
{
	c->s = s;
	c->n++;
}

static bool answers(const struct stream *s, const struct stream *t)
{
	return s->key.transport == t->key.transport &&
	       s->key.vni == t->key.vni && s->q.log.n > 0 &&
	       ip_equal(&s->key.src, &t->key.dst) &&
	       ip_equal(&s->key.dst, &t->key.src);
}

static bool has_request(const struct stream *s, uint32_t psn)
{
	if (reqlog_cover(&s->q.log, psn))
		return true;
	return s->q.has_suspect && s->q.suspect.psn == psn;
}

static bool ports_fit(const struct stream *s, const struct stream *t)
{
	return s->sport == t->sport ||
	       (s->sport == t->key.dqpn && t->sport == s->key.dqpn);
}

static bool only_unpaired(const struct streams *all, const struct stream *t)
{
	const struct stream *s = streams_between(all, &t->key.src, &t->key.dst,
						 t->key.vni);

	for (; s; s = s->host_next)
		if (s != t && !s->peer && s->key.transport == t->key.transport &&
		    ip_equal(&s->key.src, &t->key.src) &&
		    ip_equal(&s->key.dst, &t->key.dst))
			return false;
	return true;
}

static bool near(const struct stream *s, uint32_t psn)
{
	int32_t d = psn_diff(psn, reqlog_end(&s->q.log));

	return d > -NEAR && d < NEAR;
}

static struct stream *choose(const struct streams *all,
			     const struct stream *t, uint32_t psn)
{
	struct candidates with_psn = {0}, with_port = {0}, any = {0};
	struct stream *s = streams_between(all, &t->key.dst, &t->key.src,
					   t->key.vni);

	for (; s; s = s->host_next) {
		if (s->peer || !answers(s, t))
			continue;
		add(&any, s);
		if (!has_request(s, psn))
			continue;
		add(&with_psn, s);
		if (ports_fit(s, t))
			add(&with_port, s);
	}
	if (with_psn.n == 1)
		return with_psn.s;
	if (with_psn.n > 1)
		return with_port.n == 1 ? with_port.s : NULL;
	if (any.n == 1 && only_unpaired(all, t) && near(any.s, psn))
		return any.s;
	return NULL;
}

struct stream *pair_find(struct streams *all, struct stream *t,
			 const struct packet *p)
{
	struct stream *s = t->peer;

	if (s)
		return s;
	s = choose(all, t, p->roce.bth.psn);
	if (s)
		stream_pair(s, t);
	return s;
}
