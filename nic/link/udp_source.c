/* A port that is taken is not asked for again and again: what a port led to is
 * remembered in a small cache, and after FAILED_MAX failures no more ports are
 * tried.  Such QPs send from a port that is already open, which costs nothing
 * but variety: receivers do not look at the source port.
 */
#include "nic/link/udp_source.h"

#include <stddef.h>

#define FAILED_MAX 64u

void udp_sources_init(struct udp_sources *s, struct udp_sock *own,
		      unsigned nown)
{
	*s = (struct udp_sources){.own = own, .nown = nown};
}

void udp_sources_fini(struct udp_sources *s)
{
	for (unsigned i = 0; i < s->nsock; i++)
		udp_sock_close(&s->sock[i]);
	s->nsock = 0;
}

/* The main socket of @src, or else the first of @dst's family. */
static struct udp_sock *own_socket(const struct udp_sources *s,
				   const struct ip_addr *src,
				   const struct ip_addr *dst)
{
	struct udp_sock *family = NULL;
	bool v4 = ip_is_v4(dst);

	for (unsigned i = 0; i < s->nown; i++) {
		struct udp_sock *own = &s->own[i];

		if (ip_is_v4(&own->addr) != v4)
			continue;
		if (ip_equal(&own->addr, src))
			return own;
		if (!family)
			family = own;
	}
	return family;
}

static struct udp_sock *already_open(struct udp_sources *s,
				     const struct udp_sock *own, uint16_t sport)
{
	for (unsigned i = 0; i < s->nsock; i++)
		if (s->sock[i].port == sport &&
		    ip_equal(&s->sock[i].addr, &own->addr))
			return &s->sock[i];
	return NULL;
}

static struct udp_sock *open_another(struct udp_sources *s,
				     const struct udp_sock *own, uint16_t sport)
{
	struct udp_sock *sock = &s->sock[s->nsock];

	if (s->nsock == UDP_SOURCES || s->failed == FAILED_MAX)
		return NULL;
	if (udp_sock_open(sock, &own->addr, sport, UDP_SEND, own->scope)) {
		s->failed++;
		return NULL;
	}
	s->nsock++;
	return sock;
}

static struct udp_sock *any_open(struct udp_sources *s,
				 const struct udp_sock *own, uint16_t sport)
{
	for (unsigned i = 0; i < s->nsock; i++) {
		struct udp_sock *sock = &s->sock[(sport + i) % s->nsock];

		if (ip_equal(&sock->addr, &own->addr))
			return sock;
	}
	return NULL;
}

static struct udp_sock *choose(struct udp_sources *s, struct udp_sock *own,
			       uint16_t sport)
{
	struct udp_sock *sock;

	if (!sport || sport == own->port)
		return own;
	sock = already_open(s, own, sport);
	if (!sock)
		sock = open_another(s, own, sport);
	if (!sock)
		sock = any_open(s, own, sport);
	return sock ? sock : own;
}

struct udp_sock *udp_source(struct udp_sources *s, const struct ip_addr *src,
			    uint16_t sport, const struct ip_addr *dst)
{
	struct udp_sock *own = own_socket(s, src, dst);
	struct udp_alias *a;

	if (!own)
		return NULL;
	a = &s->alias[((unsigned)(own - s->own) * 97 + sport) &
		      (UDP_ALIASES - 1)];
	if (!a->sock || a->own != own || a->sport != sport)
		*a = (struct udp_alias){choose(s, own, sport), own, sport};
	return a->sock;
}
