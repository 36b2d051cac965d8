/* The ring of a hub: order, the way over its end, full, and lies. */
#include "nic/port/hub_ring.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

static struct hub_ctl ctl;
static uint8_t data[HUB_RING];
static struct hub_tx tx;
static struct hub_rx rx;
static uint8_t out[HUB_FRAME_MAX];

static void make_ring(void)
{
	hub_tx_init(&tx, &ctl, data);
	hub_rx_init(&rx, &ctl, data);
}

TestSuite(hub_ring, .init = make_ring, .timeout = 120);

/* Frame number @i: its length and bytes follow from the number. */
static uint32_t len_of(uint32_t i)
{
	return 14 + i * 2654435761u % (HUB_FRAME_MAX - 13);
}

static void fill(uint8_t *bytes, uint32_t i, uint32_t len)
{
	for (uint32_t n = 0; n < len; n++)
		bytes[n] = (uint8_t)(i * 7 + n * 13);
}

static bool put_bytes(const uint8_t *bytes, uint32_t len)
{
	struct pkt p;

	/* In three pieces. */
	pkt_reset(&p);
	memcpy(pkt_push(&p, 5), bytes, 5);
	pkt_add_span(&p, bytes + 5, len - 6);
	*pkt_add_tail(&p, 1) = bytes[len - 1];
	return hub_tx_put(&tx, &p);
}

static bool put(uint32_t i)
{
	uint8_t bytes[HUB_FRAME_MAX];

	fill(bytes, i, len_of(i));
	return put_bytes(bytes, len_of(i));
}

static void expect(uint32_t i)
{
	uint8_t bytes[HUB_FRAME_MAX];

	cr_assert_eq(hub_rx_take(&rx, out), (int)len_of(i), "frame %u", i);
	fill(bytes, i, len_of(i));
	cr_assert(!memcmp(out, bytes, len_of(i)), "frame %u", i);
}

Test(hub_ring, keeps_order_over_its_end_and_that_of_the_offsets)
{
	/* 32 bits of offset end on the way. */
	atomic_store(&ctl.tail, 0u - 3 * HUB_RING);
	hub_ctl_empty(&ctl);
	make_ring();
	for (uint32_t i = 0; i < 3000; i++) {
		cr_assert(put(i));
		if (i >= 5)
			expect(i - 5);
	}
	for (uint32_t i = 2995; i < 3000; i++)
		expect(i);
	cr_assert_eq(hub_rx_take(&rx, out), 0);
}

Test(hub_ring, full_refuses_and_goes_on)
{
	uint32_t n = 0;

	while (put(n))
		n++;
	cr_assert(n > HUB_RING / HUB_FRAME_MAX);
	cr_assert_not(put(n));
	expect(0);
	expect(1);
	expect(2);
	cr_assert(put_bytes(out, 14));
	for (uint32_t i = 3; i < n; i++)
		expect(i);
	cr_assert_eq(hub_rx_take(&rx, out), 14);
	cr_assert_eq(hub_rx_take(&rx, out), 0);
}

Test(hub_ring, what_was_not_published_is_not_there)
{
	put(1);
	memset(data + (tx.tail & (HUB_RING - 1)), 0xff, 5000);
	expect(1);
	cr_assert_eq(hub_rx_take(&rx, out), 0);
	/* Who goes on in its place writes over it. */
	hub_tx_init(&tx, &ctl, data);
	put(2);
	expect(2);
}

Test(hub_ring, a_new_reader_gets_nothing_of_the_old_one)
{
	put(1);
	hub_ctl_empty(&ctl);
	hub_rx_init(&rx, &ctl, data);
	cr_assert_eq(hub_rx_take(&rx, out), 0);
	put(2);
	expect(2);
}

static void expect_bad(void)
{
	cr_assert_eq(hub_rx_take(&rx, out), HUB_RX_BAD);
	cr_assert_eq(hub_rx_take(&rx, out), 0, "it forgets what is there");
}

Test(hub_ring, impossible_lengths_are_no_frames)
{
	const uint32_t lies[] = {0, HUB_FRAME_MAX + 1, 1u << 31, UINT32_MAX,
				 UINT32_MAX - 7};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint32_t at = tx.tail & (HUB_RING - 1);

		put(1);
		memcpy(data + at, &lies[i], sizeof(lies[i]));
		expect_bad();
	}
	put(2);
	expect(2);
}

Test(hub_ring, a_frame_must_end_where_the_writer_did)
{
	uint32_t at = tx.tail & (HUB_RING - 1), more = 400;

	put_bytes(out, 14);
	memcpy(data + at, &more, sizeof(more));
	expect_bad();
}

Test(hub_ring, impossible_offsets_cost_frames_only)
{
	const uint32_t lies[] = {1, 4, HUB_RING + 8, 1u << 31, UINT32_MAX};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		atomic_store(&ctl.tail, rx.head + lies[i]);
		expect_bad();
	}
	hub_tx_init(&tx, &ctl, data);
	put(1);
	cr_assert_eq(hub_rx_take(&rx, out), HUB_RX_BAD, "it is at odds");
	put(2);
	expect(2);
	/* A reader that lies about how far it is. */
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint32_t n = 0;

		hub_tx_init(&tx, &ctl, data);
		atomic_store(&ctl.head, tx.tail + lies[i]);
		tx.head = tx.tail + lies[i];
		while (n < 1000 && put(n))
			n++;
		cr_assert(n < 1000, "the ring has an end");
	}
}

Test(hub_ring, any_bytes_and_offsets_are_survived)
{
	uint32_t seed = 1;

	for (uint32_t i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		if (i % 3 == 0)
			atomic_store(&ctl.tail, seed >> (seed & 15));
		if (i % 5 == 0)
			memcpy(data + (seed & (HUB_RING - 8)), &seed, 4);
		if (i % 7 == 0)
			atomic_store(&ctl.head, seed);
		cr_assert(hub_rx_take(&rx, out) <= (int)HUB_FRAME_MAX);
		put(i & 3);
	}
}

#define MANY 20000u

static void *write_many(void *arg)
{
	for (uint32_t i = 0; i < MANY;)
		if (put(i))
			i++;
		else
			sched_yield();
	return NULL;
}

Test(hub_ring, two_threads)
{
	pthread_t writer;

	pthread_create(&writer, NULL, write_many, NULL);
	for (uint32_t i = 0; i < MANY; i++) {
		while (atomic_load(&ctl.tail) == rx.head)
			sched_yield();
		expect(i);
	}
	pthread_join(writer, NULL);
}
