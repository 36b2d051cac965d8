#include "nic/port/hub_ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#define HEAD 8u
#define MASK (HUB_RING - 1)

static uint32_t padded(uint32_t n)
{
	return (n + 7) & ~7u;
}

void hub_tx_init(struct hub_tx *t, struct hub_ctl *ctl, uint8_t *data)
{
	t->ctl = ctl;
	t->data = data;
	t->tail =
		padded(atomic_load_explicit(&ctl->tail, memory_order_relaxed));
	t->head = atomic_load_explicit(&ctl->head, memory_order_acquire);
}

static bool fits(const struct hub_tx *t, uint32_t need)
{
	uint32_t used = t->tail - t->head;

	return used <= HUB_RING && need <= HUB_RING - used;
}

/* Returns the offset behind. */
static uint32_t write_at(uint8_t *data, uint32_t at, const void *from,
			 size_t len)
{
	size_t first = HUB_RING - (at & MASK);

	if (first > len)
		first = len;
	memcpy(data + (at & MASK), from, first);
	memcpy(data, (const uint8_t *)from + first, len - first);
	return at + (uint32_t)len;
}

bool hub_tx_put(struct hub_tx *t, const struct pkt *p)
{
	uint32_t need = HEAD + padded(p->len), at;
	struct span piece[PKT_PIECES];
	unsigned n = pkt_pieces(p, piece);

	assert(p->len <= HUB_FRAME_MAX);
	if (!fits(t, need)) {
		t->head = atomic_load_explicit(&t->ctl->head,
					       memory_order_acquire);
		if (!fits(t, need))
			return false;
	}
	write_at(t->data, t->tail, &p->len, sizeof(p->len));
	at = t->tail + HEAD;
	for (unsigned i = 0; i < n; i++)
		at = write_at(t->data, at, piece[i].p, piece[i].len);
	t->tail += need;
	atomic_store_explicit(&t->ctl->tail, t->tail, memory_order_release);
	return true;
}

void hub_ctl_empty(struct hub_ctl *ctl)
{
	atomic_store(&ctl->head, padded(atomic_load(&ctl->tail)));
}

static uint32_t seen_tail(const struct hub_rx *r)
{
	return atomic_load_explicit(&r->ctl->tail, memory_order_acquire);
}

static void pass(struct hub_rx *r, uint32_t head)
{
	r->head = head;
	atomic_store_explicit(&r->ctl->head, head, memory_order_release);
}

void hub_rx_init(struct hub_rx *r, struct hub_ctl *ctl, const uint8_t *data)
{
	r->ctl = ctl;
	r->data = data;
	r->head =
		padded(atomic_load_explicit(&ctl->head, memory_order_relaxed));
}

int hub_rx_take(struct hub_rx *r, uint8_t *out)
{
	uint32_t tail = seen_tail(r), there = tail - r->head, len, at, first;

	if (!there)
		return 0;
	if (there > HUB_RING || there % 8 || r->head % 8)
		goto bad;
	memcpy(&len, r->data + (r->head & MASK), sizeof(len));
	/* From here on only the copy of the length counts. */
	atomic_signal_fence(memory_order_seq_cst);
	if (!len || len > HUB_FRAME_MAX || HEAD + padded(len) > there)
		goto bad;
	at = (r->head + HEAD) & MASK;
	first = HUB_RING - at < len ? HUB_RING - at : len;
	memcpy(out, r->data + at, first);
	memcpy(out + first, r->data, len - first);
	pass(r, r->head + HEAD + padded(len));
	return (int)len;
bad:
	pass(r, tail);
	return HUB_RX_BAD;
}
