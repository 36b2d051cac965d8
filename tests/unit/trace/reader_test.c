/* Capture files that are odd as files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "trace/reader.h"
#include "wire/eth.h"

TestSuite(reader, .timeout = 30);

static uint8_t file[400];
static size_t len;

static void put32(uint32_t v)
{
	memcpy(file + len, &v, 4);
	len += 4;
}

/* Section header; an interface of Ethernet whose clock counts seconds. */
static void put_head(void)
{
	const uint32_t section[] = {0x0a0d0d0a, 28,  0x1a2b3c4d, 1,
				    ~0u,	~0u, 28};
	/* Option 9 (if_tsresol) of one byte: 10^0; then the end of options. */
	const uint32_t interface[] = {1, 32, 1, 0, 9 | 1 << 16, 0, 0, 32};

	for (unsigned i = 0; i < 7; i++)
		put32(section[i]);
	for (unsigned i = 0; i < 8; i++)
		put32(interface[i]);
}

/* A frame with the least that is RoCEv2, at @sec. */
static void put_frame(uint64_t sec)
{
	uint8_t frame[64] = {0};
	struct eth eth = {.type = ETHERTYPE_IPV4};
	struct ip_header ip = {
		.version = 4, .protocol = IPPROTO_UDP_, .len = 24};
	struct udp udp = {1, ROCE_UDP_PORT, 24, 0};
	size_t n = eth_encode(&eth, frame);

	n += ip_encode(&ip, frame + n);
	udp_encode(&udp, frame + n);
	put32(6);
	put32(32 + 64);
	put32(0);
	put32((uint32_t)(sec >> 32));
	put32((uint32_t)sec);
	put32(58);
	put32(58);
	memcpy(file + len, frame, sizeof(frame));
	len += sizeof(frame);
	put32(32 + 64);
}

static struct reader *open_it(int *fd)
{
	char path[32], error[READER_ERROR_MAX] = "";
	struct reader *r;

	*fd = memfd_create("capture", 0);
	cr_assert(*fd >= 0 && write(*fd, file, len) == (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	r = reader_open(path, error);
	cr_assert(r, "%s", error);
	return r;
}

/* Times past what 64 bits of nanoseconds hold: no clock shows them, and they do
 * not wrap around.
 */
Test(reader, times_of_no_clock)
{
	const int64_t latest = 8000000000LL * 1000000000LL;
	struct reader *r;
	struct packet p;
	int fd;

	put_head();
	put_frame(1700000000);
	put_frame(9151314442816);
	put_frame(1ull << 62);
	r = open_it(&fd);
	cr_assert_eq(reader_next(r, &p), 1, "%s", reader_error(r));
	cr_assert_eq(p.nsec, 1700000000LL * 1000000000LL);
	cr_assert_eq(reader_next(r, &p), 1);
	cr_assert_eq(p.nsec, latest);
	cr_assert_eq(reader_next(r, &p), 1);
	cr_assert_eq(p.nsec, latest);
	cr_assert_eq(reader_next(r, &p), 0);
	reader_close(r);
	close(fd);
}
