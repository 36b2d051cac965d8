#include "nic/link/udp_train.h"

static bool fits(const struct udp_train *t, const struct pkt *p, uint32_t len)
{
	return t->n && t->n < TRAIN_SEGMENTS && !t->ended && len &&
	       len <= t->size && t->bytes + len <= TRAIN_BYTES &&
	       t->slot == p->slot && ip_equal(&t->dst, &p->dst);
}

bool udp_train_add(struct udp_train *t, const struct pkt *p, uint32_t len)
{
	if (!fits(t, p, len)) {
		*t = (struct udp_train){.dst = p->dst,
					.slot = p->slot,
					.size = len,
					.bytes = len,
					.n = 1};
		return false;
	}
	t->ended = len < t->size;
	t->bytes += len;
	t->n++;
	return true;
}
