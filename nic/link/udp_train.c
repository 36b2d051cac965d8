#include "nic/link/udp_train.h"

static bool fits(const struct udp_train *t, const struct ip_addr *dst,
		 uint32_t len)
{
	return t->n && t->n < TRAIN_SEGMENTS && !t->ended && len &&
	       len <= t->size && t->bytes + len <= TRAIN_BYTES &&
	       ip_equal(&t->dst, dst);
}

bool udp_train_add(struct udp_train *t, const struct ip_addr *dst, uint32_t len)
{
	if (!fits(t, dst, len)) {
		*t = (struct udp_train){
			.dst = *dst, .size = len, .bytes = len, .n = 1};
		return false;
	}
	t->ended = len < t->size;
	t->bytes += len;
	t->n++;
	return true;
}
