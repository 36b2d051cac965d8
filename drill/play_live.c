/* What differs when the NIC is a real one: it takes its time, and so does the
 * script, whose machine may be busy.
 *
 * The script may be so late with an answer that the NIC sends the request
 * again, rightly.  Such a packet is the same, byte by byte, as one that a line
 * asked for, and it left before the answer can have arrived.
 */
#include "drill/player.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST	  (1 * SEC)
#define MOMENT	  (2 * MSEC)
#define IN_FLIGHT (100 * MSEC) /* no answer takes longer to take effect */

bool play_is_too_long(struct player *p, nsec_t time)
{
	if (!p->bench->live || time <= LONGEST)
		return false;
	play_skip(p, "only the NIC in memory is waited for that long");
	return true;
}

void play_settle(struct player *p)
{
	struct bench *b = p->bench;

	if (b->live && p->sent)
		b->ops->run(b, p->sent + MOMENT, false);
}

bool play_names_address(struct player *p)
{
	static const char *const keys[] = {"src", "dst", "dgid", "alt_dgid"};

	for (size_t i = 0; p->bench->live && i < sizeof(keys) / sizeof(*keys);
	     i++) {
		const char *text = words_get(&p->w, keys[i]);
		struct ip_addr a;

		if (!text || !ip_parse(&a, text) || ip_is_multicast(&a) ||
		    ip_equal(&a, &p->bench->own) ||
		    ip_equal(&a, &p->bench->nic))
			continue;
		play_skip(p, "only the NIC in memory has these addresses");
		return true;
	}
	return false;
}

/* FNV-1a; 0: no request. */
static uint64_t hash_of(const struct seen *s)
{
	uint64_t h = 0xcbf29ce484222325u;
	struct roce r = {0};

	if (s->kind != SEEN_PACKET ||
	    roce_decode(&r, (struct span){s->bytes, s->len}) ||
	    !(r.op->flags & IS_REQUEST))
		return 0;
	for (size_t i = 0; i < s->len; i++)
		h = (h ^ s->bytes[i]) * 0x100000001b3u;
	return h ? h : 1;
}

void play_note_taken(struct player *p, const struct seen *s)
{
	uint64_t h = p->bench->live ? hash_of(s) : 0;

	if (h)
		p->taken[p->ntaken++ % TAKEN_MAX] = (struct taken){h, s->since};
}

/* When it was taken last, or NULL. */
static const struct taken *taken_before(const struct player *p,
					const struct seen *s)
{
	uint64_t h = hash_of(s);

	for (unsigned i = p->ntaken; h && i && i + TAKEN_MAX > p->ntaken; i--)
		if (p->taken[(i - 1) % TAKEN_MAX].hash == h)
			return &p->taken[(i - 1) % TAKEN_MAX];
	return NULL;
}

static bool is_repeat(const struct player *p, const struct seen *s)
{
	return taken_before(p, s) != NULL;
}

nsec_t play_since(const struct player *p, const struct seen *s)
{
	const struct taken *t = taken_before(p, s);

	if (!t)
		return p->since;
	return t->since > p->sent_since ? t->since : p->sent_since;
}

bool play_is_late_repeat(const struct player *p, const struct seen *s)
{
	return p->bench->live && p->sent && s->since <= p->sent + IN_FLIGHT &&
	       is_repeat(p, s);
}

/* A request is sent again, or given up. */
static bool is_last_word(const struct player *p, const struct seen *s)
{
	const char *text = (const char *)s->bytes;

	if (s->kind == SEEN_WC)
		return strstr(text, "RETRY_EXC_ERR") ||
		       strstr(text, "WR_FLUSH_ERR");
	return s->kind == SEEN_PACKET && is_repeat(p, s);
}

static void drop(struct player *p,
		 bool (*which)(const struct player *p, const struct seen *s))
{
	struct list *n = p->bench->seen.next;

	while (p->bench->live && n != &p->bench->seen) {
		struct seen *s = list_entry(n, struct seen, node);

		n = n->next;
		if (!which(p, s))
			continue;
		list_del(&s->node);
		free(s);
	}
}

void play_drop_late_repeats(struct player *p)
{
	drop(p, play_is_late_repeat);
}

void play_drop_last_words(struct player *p)
{
	drop(p, is_last_word);
}

bool play_try_again(struct player *p, nsec_t until)
{
	struct bench *b = p->bench;
	nsec_t now = b->ops->now(b);

	if (!b->live || b->trouble[0] || now >= until)
		return false;
	b->ops->run(b, now + MOMENT, false);
	return true;
}
