/* Capture files that are odd as files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "trace/reader.h"
#include "wire/eth.h"

TestSuite(reader, .timeout = 120);

static uint8_t file[1000];
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

/* ---- sections and interfaces of all kinds ---- */

static bool swap; /* the section's byte order is not ours */

static void put_n(uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		file[len++] = (uint8_t)(v >> 8 * (swap ? n - 1 - i : i));
}

static void put_section(void)
{
	put_n(0x0a0d0d0a, 4);
	put_n(28, 4);
	put_n(0x1a2b3c4d, 4);
	put_n(1, 4);
	put_n(~0ull, 8);
	put_n(28, 4);
}

/* @resolution and @offset as the options if_tsresol and if_tsoffset. */
static void put_interface(uint16_t link, uint32_t snaplen, uint8_t resolution,
			  uint64_t offset)
{
	put_n(1, 4);
	put_n(44, 4);
	put_n(link, 2);
	put_n(0, 2);
	put_n(snaplen, 4);
	put_n(9, 2);
	put_n(1, 2);
	put_n(resolution, 1);
	put_n(0, 3);
	put_n(14, 2);
	put_n(8, 2);
	put_n(offset, 8);
	put_n(0, 4);
	put_n(44, 4);
}

static size_t least_rocev2(uint8_t *out, bool with_ethernet)
{
	struct eth eth = {.type = ETHERTYPE_IPV4};
	struct ip_header ip = {
		.version = 4, .protocol = IPPROTO_UDP_, .len = 24};
	struct udp udp = {1, ROCE_UDP_PORT, 24, 0};
	size_t n = with_ethernet ? eth_encode(&eth, out) : 0;

	n += ip_encode(&ip, out + n);
	udp_encode(&udp, out + n);
	memset(out + n + UDP_LEN, 0, 16);
	return n + UDP_LEN + 16;
}

static void put_enhanced(uint32_t interface, uint64_t time, bool with_ethernet)
{
	uint8_t frame[64];
	size_t n = least_rocev2(frame, with_ethernet), padded = (n + 3) & ~3ull;

	put_n(6, 4);
	put_n(32 + padded, 4);
	put_n(interface, 4);
	put_n(time >> 32, 4);
	put_n(time, 4);
	put_n(n, 4);
	put_n(n, 4);
	memcpy(file + len, frame, n);
	len += padded;
	put_n(32 + padded, 4);
}

/* The frame is longer than the interface's snaplen. */
static void put_simple(uint32_t wire_len, uint32_t snaplen)
{
	uint8_t frame[64];

	least_rocev2(frame, true);
	put_n(3, 4);
	put_n(16 + snaplen, 4);
	put_n(wire_len, 4);
	memcpy(file + len, frame, snaplen);
	len += snaplen;
	put_n(16 + snaplen, 4);
}

static void expect_time(struct reader *r, int64_t nsec)
{
	struct packet p;

	cr_assert_eq(reader_next(r, &p), 1, "%s", reader_error(r));
	cr_expect_eq(p.nsec, nsec, "%lld, not %lld", (long long)p.nsec,
		     (long long)nsec);
}

static void several_interfaces(void)
{
	len = 0;
	put_section();
	put_interface(1, 44, 6, 0);	       /* Ethernet, microseconds */
	put_interface(101, 0, 9, 100);	       /* IP, nanoseconds, an offset */
	put_interface(147, 65535, 6, 0);       /* who knows */
	put_interface(1, 65535, 0x80 | 10, 0); /* Ethernet, 1/1024 seconds */
	put_enhanced(1, 7000000001, false);
	put_enhanced(0, 7000001, true);
	put_enhanced(2, 0, true);
	put_enhanced(3, 1536, true);
	put_simple(58, 44);
}

static void expect_several(void)
{
	struct reader *r;
	struct packet p;
	int fd;

	r = open_it(&fd);
	expect_time(r, 107000000001);
	expect_time(r, 7000001000);
	expect_time(r, 1500000000);
	expect_time(r, 0);
	cr_expect_eq(reader_stats(r)->cut, 1);
	cr_expect_eq(reader_stats(r)->frames, 5);
	cr_expect_eq(reader_stats(r)->unread, 1);
	cr_expect_eq(reader_stats(r)->unread_link, 147);
	cr_assert_eq(reader_next(r, &p), 0, "%s", reader_error(r));
	reader_close(r);
	close(fd);
}

Test(reader, interfaces_differ)
{
	several_interfaces();
	expect_several();
}

Test(reader, the_other_byte_order)
{
	swap = true;
	several_interfaces();
	expect_several();
}

/* Interfaces are numbered anew. */
Test(reader, a_second_section)
{
	struct reader *r;
	struct packet p;
	int fd;

	len = 0;
	put_section();
	put_interface(101, 0, 6, 0);
	put_enhanced(0, 1, false);
	swap = true;
	put_section();
	put_interface(1, 0, 3, 0);
	put_enhanced(0, 2, true);
	put_enhanced(1, 2, true);
	r = open_it(&fd);
	expect_time(r, 1000);
	expect_time(r, 2000000);
	cr_expect_eq(reader_next(r, &p), -1);
	cr_expect(strstr(reader_error(r), "not described"), "%s",
		  reader_error(r));
	reader_close(r);
	close(fd);
}

/* Wherever it is cut, what is before is read. */
Test(reader, a_file_that_ends_early)
{
	size_t all;

	several_interfaces();
	all = len;
	for (len = 28; len <= all; len++) {
		struct reader *r;
		struct packet p;
		int fd, got;

		r = open_it(&fd);
		while ((got = reader_next(r, &p)) > 0)
			;
		cr_expect_eq(got, 0, "%zu bytes: %s", len, reader_error(r));
		reader_close(r);
		close(fd);
	}
}
