/* When a driver is called that waits for it, over rings of our own: what it
 * would hear is a datagram on a pair of sockets.
 */
#include <criterion/criterion.h>

#ifdef HAVE_XDP
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nic/port/xdp_rx.h"
#include "nic/port/xdp_tx.h"

#define CHUNKS (XDP_TX_CHUNKS + 64u)

/* What a kernel shares. */
struct ring {
	uint32_t producer, consumer, flags;
	struct xdp_desc entry[XDP_TX_CHUNKS];
};

static struct ring fill, tx, rx, completion;
static struct xdp_sock sock;
static struct counters counters;
static int kernel;

#define SHARED(r)                                                     \
	{                                                             \
		.mask = XDP_TX_CHUNKS - 1, .size = XDP_TX_CHUNKS,     \
		.producer = &(r).producer, .consumer = &(r).consumer, \
		.ring = (r).entry, .flags = &(r).flags                \
	}

static void start(void)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	sock = (struct xdp_sock){.counters = &counters,
				 .fd = pair[0],
				 .memory = calloc(CHUNKS, XDP_CHUNK),
				 .nrx = 64,
				 .fill = SHARED(fill),
				 .tx = SHARED(tx),
				 .rx = SHARED(rx),
				 .completion = SHARED(completion)};
	kernel = pair[1];
	cr_assert(sock.memory);
	/* So many are free: as libxdp leaves a new ring. */
	sock.tx.cached_cons = sock.fill.cached_cons = XDP_TX_CHUNKS;
	xdp_tx_init(&sock);
	cr_assert_eq(xdp_rx_init(&sock), 0);
}

static void stop(void)
{
	xdp_rx_fini(&sock);
	free(sock.memory);
	close(sock.fd);
	close(kernel);
}

TestSuite(xdp_wake, .init = start, .fini = stop, .timeout = 120);

/* How often the kernel was called to send. */
static unsigned called(void)
{
	unsigned n = 0;
	char byte;

	while (recv(kernel, &byte, 1, MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

static void send_one(nsec_t now)
{
	struct pkt p;

	pkt_reset(&p);
	memset(pkt_push(&p, 60), 0, 60);
	xdp_tx_send(&sock, &p, 1, now);
}

/* Takes all that is there to be sent. */
static void driver_takes(void)
{
	tx.consumer = tx.producer;
}

Test(xdp_wake, driver_is_called_when_it_asks)
{
	tx.flags = XDP_RING_NEED_WAKEUP;
	send_one(SEC);
	cr_assert_eq(called(), 1);
}

/* It begins to wait just after it was looked at. */
Test(xdp_wake, driver_that_asks_late_is_called)
{
	send_one(SEC);
	cr_assert_eq(called(), 0);
	cr_assert_neq(sock.retry_at, NSEC_NEVER);
	xdp_tx_retry(&sock, sock.retry_at);
	cr_assert_eq(called(), 0);
	tx.flags = XDP_RING_NEED_WAKEUP;
	xdp_tx_retry(&sock, sock.retry_at - 1);
	cr_assert_eq(called(), 0, "not before it is due");
	xdp_tx_retry(&sock, sock.retry_at);
	cr_assert_eq(called(), 1);
}

Test(xdp_wake, driver_that_has_taken_all_is_left_alone)
{
	send_one(SEC);
	driver_takes();
	tx.flags = XDP_RING_NEED_WAKEUP;
	xdp_tx_retry(&sock, sock.retry_at);
	cr_assert_eq(called(), 0);
	cr_assert_eq(sock.retry_at, NSEC_NEVER);
}

/* Was the kernel called to receive?  It then takes this datagram. */
static bool called_to_receive(void)
{
	char byte;

	cr_assert_eq(send(kernel, "x", 1, 0), 1);
	cr_assert_eq(xdp_rx_read(&sock, NULL, 64, SEC), 0);
	return recv(sock.fd, &byte, 1, MSG_DONTWAIT) < 0;
}

/* Though nothing came: that is why. */
Test(xdp_wake, driver_without_chunks_is_called)
{
	cr_assert_not(called_to_receive());
	fill.flags = XDP_RING_NEED_WAKEUP;
	cr_assert(called_to_receive());
}

#else

Test(xdp_wake, needs_a_build_with_af_xdp)
{
	cr_skip_test("built without AF_XDP");
}

#endif
