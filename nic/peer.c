#include "nic/peer.h"

#include <stdlib.h>

#define WINDOW_MIN (16u * 1024)
#define WINDOW_MAX (1024u * 1024)
#define SLOW_STEP  512u /* bytes that it then grows each time it is used up */

static struct peer **bucket_of(struct peer_table *t, const struct ip_addr *a)
{
	uint32_t h = 0;

	for (unsigned i = 0; i < 16; i++)
		h = h * 31 + a->b[i];
	return &t->bucket[h % PEER_BUCKETS];
}

struct peer *peer_get(struct peer_table *t, const struct ip_addr *addr,
		      uint32_t window)
{
	struct peer **at = bucket_of(t, addr), *p;

	for (p = *at; p; p = p->next)
		if (ip_equal(&p->addr, addr))
			break;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
		p->addr = *addr;
		p->window = window;
		p->slow_from = WINDOW_MAX;
		list_init(&p->waiting);
		p->next = *at;
		*at = p;
	}
	p->users++;
	return p;
}

void peer_put(struct peer_table *t, struct peer *p)
{
	struct peer **at = bucket_of(t, &p->addr);

	if (--p->users)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
}

void peer_grow(struct peer *p, uint32_t bytes)
{
	uint32_t more = bytes / 8;

	if (p->window >= p->slow_from)
		more = (uint32_t)((uint64_t)bytes * SLOW_STEP / p->window);
	p->window = p->window + more < WINDOW_MAX ? p->window + more
						  : WINDOW_MAX;
}

void peer_shrink(struct peer *p, nsec_t now)
{
	if (p->last_loss && now - p->last_loss < MSEC)
		return;
	p->last_loss = now;
	p->window = p->window / 2 > WINDOW_MIN ? p->window / 2 : WINDOW_MIN;
	p->slow_from = p->window;
}
