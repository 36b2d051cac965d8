/* A ring of a hub between two who lie: offsets and bytes change at any time. No
 * frame is longer than frames are, and whoever keeps to the rules afterwards is
 * understood.
 */
#include <stdatomic.h>

#include "nic/port/hub_ring.h"
#include "tests/fuzz/fuzz.h"

static struct hub_ctl ctl;
static uint8_t data[HUB_RING], out[HUB_FRAME_MAX];

static bool put(struct hub_tx *tx, uint8_t mark, size_t len)
{
	static uint8_t bytes[HUB_FRAME_MAX];
	struct pkt p;

	memset(bytes, mark, len);
	pkt_reset(&p);
	pkt_add_span(&p, bytes, len);
	return hub_tx_put(tx, &p);
}

static void step(struct fuzz *f, struct hub_tx *tx, struct hub_rx *rx)
{
	uint32_t at;
	int got;

	switch (fuzz_below(f, 6)) {
	case 0: atomic_store(&ctl.tail, rx->head + fuzz_u32(f)); break;
	case 1: atomic_store(&ctl.head, tx->tail - fuzz_u32(f)); break;
	case 2:
		at = (rx->head + fuzz_u8(f)) & (HUB_RING - 1);
		data[at] = fuzz_u8(f);
		break;
	case 3:
		put(tx, fuzz_u8(f), 14 + fuzz_u16(f) % (HUB_FRAME_MAX - 13));
		break;
	case 4: hub_tx_init(tx, &ctl, data); break;
	default:
		got = hub_rx_take(rx, out);
		FUZZ_CHECK(got >= HUB_RX_BAD && got <= (int)HUB_FRAME_MAX);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz f = {bytes, size};
	struct hub_tx tx;
	struct hub_rx rx;

	atomic_store(&ctl.tail, fuzz_u32(&f));
	hub_ctl_empty(&ctl);
	hub_tx_init(&tx, &ctl, data);
	hub_rx_init(&rx, &ctl, data);
	while (f.len)
		step(&f, &tx, &rx);
	/* Both start anew. */
	hub_ctl_empty(&ctl);
	hub_tx_init(&tx, &ctl, data);
	hub_rx_init(&rx, &ctl, data);
	while (hub_rx_take(&rx, out))
		;
	FUZZ_CHECK(put(&tx, 7, 100));
	if (hub_rx_take(&rx, out) == HUB_RX_BAD) /* at odds: once */
		FUZZ_CHECK(put(&tx, 7, 100) && hub_rx_take(&rx, out) == 100);
	FUZZ_CHECK(out[99] == 7);
	return 0;
}
