/* Captures of all kinds, whole, cut and damaged. */
#include "nic/port/capfile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nic/base/time.h"
#include "nic/port/capture.h"

static char path[] = "/tmp/glassnic-capfile-XXXXXX";
static char why[CAPFILE_WHY_MAX];
static uint8_t file[4096];
static size_t len;
static bool big;

static void make_path(void)
{
	close(mkstemp(path));
}

static void remove_path(void)
{
	unlink(path);
}

TestSuite(capfile, .init = make_path, .fini = remove_path, .timeout = 600);

static void put32(uint32_t v)
{
	for (int i = 0; i < 4; i++)
		file[len++] = (uint8_t)(v >> (big ? 24 - 8 * i : 8 * i));
}

static void put16(uint32_t v)
{
	file[len++] = (uint8_t)(big ? v >> 8 : v);
	file[len++] = (uint8_t)(big ? v : v >> 8);
}

static void put_bytes(uint8_t mark, size_t n)
{
	memset(file + len, mark, n);
	len += n;
}

static void pcap_header(uint32_t magic, uint32_t linktype)
{
	len = 0;
	put32(magic);
	put16(2);
	put16(4);
	put32(0);
	put32(0);
	put32(65535);
	put32(linktype);
}

static void pcap_frame(uint32_t sec, uint32_t part, uint32_t n, uint32_t orig)
{
	put32(sec);
	put32(part);
	put32(n);
	put32(orig);
	put_bytes((uint8_t)n, n);
}

static void ng_section(void)
{
	put32(0x0a0d0d0a);
	put32(28);
	put32(0x1a2b3c4d);
	put16(1);
	put16(0);
	put32(UINT32_MAX);
	put32(UINT32_MAX);
	put32(28);
}

/* @resol: the option if_tsresol; 6 is left out. */
static void ng_interface(uint32_t linktype, uint8_t resol)
{
	uint32_t n = resol == 6 ? 20 : 32;

	put32(1);
	put32(n);
	put16(linktype);
	put16(0);
	put32(0);
	if (resol != 6) {
		put16(9);
		put16(1);
		put_bytes(resol, 1);
		put_bytes(0, 3);
		put32(0);
	}
	put32(n);
}

static void ng_frame(uint32_t interface, uint64_t t, uint32_t n, uint32_t flags)
{
	uint32_t padded = (n + 3) & ~3u, total = 32 + padded + 12;

	put32(6);
	put32(total);
	put32(interface);
	put32((uint32_t)(t >> 32));
	put32((uint32_t)t);
	put32(n);
	put32(n);
	put_bytes((uint8_t)n, n);
	put_bytes(0, padded - n);
	put16(2);
	put16(4);
	put32(flags);
	put32(0);
	put32(total);
}

static void ng_other(uint32_t type, uint32_t body)
{
	put32(type);
	put32(body + 12);
	put_bytes(0xee, body);
	put32(body + 12);
}

static void write_file(size_t n)
{
	FILE *f = fopen(path, "w");

	cr_assert(f && fwrite(file, 1, n, f) == n && !fclose(f));
}

static struct capfile *open_it(void)
{
	struct capfile *c = NULL;

	write_file(len);
	cr_assert_eq(capfile_open(path, &c, why), 0, "%s", why);
	return c;
}

static void expect(struct capfile *c, uint32_t n, uint64_t nsec)
{
	struct capfile_frame f;

	cr_assert_eq(capfile_next(c, &f, why), 1, "%s", why);
	cr_assert_eq(f.bytes.len, n);
	cr_assert(f.bytes.p[0] == n && f.bytes.p[n - 1] == n);
	cr_assert_eq(f.realtime_nsec, nsec, "%lu", f.realtime_nsec);
}

static void expect_end(struct capfile *c)
{
	struct capfile_frame f;

	cr_assert_eq(capfile_next(c, &f, why), 0);
	capfile_close(c);
}

Test(capfile, pcap_of_both_orders_and_clocks)
{
	for (int i = 0; i < 4; i++) {
		struct capfile *c;

		big = i & 1;
		pcap_header(i & 2 ? 0xa1b23c4d : 0xa1b2c3d4, 1);
		pcap_frame(1700000000, 5, 60, 60);
		pcap_frame(1700000001, 7, 20, 100); /* was cut */
		pcap_frame(1700000002, 9, 61, 61);
		c = open_it();
		expect(c, 60, 1700000000 * SEC + (i & 2 ? 5 : 5000));
		expect(c, 61, 1700000002 * SEC + (i & 2 ? 9 : 9000));
		expect_end(c);
	}
}

Test(capfile, pcapng_of_both_orders)
{
	for (int i = 0; i < 2; i++) {
		struct capfile *c;

		big = i;
		len = 0;
		ng_section();
		ng_other(0x0bad, 40);
		ng_interface(1, 6);
		ng_interface(1, 9);
		ng_interface(1, 0x80 | 1);
		ng_frame(0, 3, 61, 0);
		ng_frame(1, 3, 62, 1);
		ng_frame(1, 3, 63, 2); /* outbound */
		ng_other(4, 100);
		ng_frame(2, 3, 64, 0);
		big = !big; /* another section, written by somebody else */
		ng_section();
		ng_interface(1, 9);
		ng_frame(0, 77, 65, 0);
		c = open_it();
		expect(c, 61, 3000);
		expect(c, 62, 3);
		expect(c, 64, SEC + SEC / 2);
		expect(c, 65, 77);
		expect_end(c);
	}
}

Test(capfile, what_a_nic_captured_is_read_without_what_it_sent)
{
	static uint8_t frame[60] = {60};
	struct span piece = {frame, sizeof(frame)};
	struct capfile_frame f;
	struct capfile *c;
	struct tap *tap;

	frame[59] = 60;
	cr_assert_eq(capture_new(path, "glass0", &tap, why), 0);
	tap_frame(tap, TAP_OUT, &piece, 1, "note");
	tap_frame(tap, TAP_IN, &piece, 1, "note");
	tap_frame(tap, TAP_IN, &piece, 1, NULL);
	capture_free(tap);
	cr_assert_eq(capfile_open(path, &c, why), 0, "%s", why);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(capfile_next(c, &f, why), 1);
		cr_assert(f.bytes.len == 60 && f.bytes.p[59] == 60);
	}
	expect_end(c);
}

static void expect_refused(const char *want)
{
	struct capfile *c = NULL;

	write_file(len);
	cr_assert_eq(capfile_open(path, &c, why), -EINVAL);
	cr_assert(strstr(why, want), "%s", why);
}

Test(capfile, what_is_no_capture_is_refused)
{
	struct capfile *c;

	len = 0;
	expect_refused("it is empty");
	strcpy((char *)file, "not a capture at all");
	len = 20;
	expect_refused("neither pcap nor pcapng");
	pcap_header(0xa1b2c3d4, 113);
	expect_refused("not a capture of Ethernet frames");
	unlink(path);
	cr_assert_eq(capfile_open(path, &c, why), -ENOENT);
	cr_assert(strstr(why, "cannot read: No such file"), "%s", why);
}

static void read_all(void)
{
	struct capfile_frame f;
	struct capfile *c;
	unsigned sum = 0;

	if (capfile_open(path, &c, why))
		return;
	for (unsigned n = 0; n < 1000 && capfile_next(c, &f, why) > 0; n++)
		for (size_t i = 0; i < f.bytes.len; i++)
			sum += f.bytes.p[i];
	cr_assert(sum < UINT32_MAX);
	capfile_close(c);
}

/* Every cut, and every byte wrong in several ways. */
Test(capfile, damage_is_survived)
{
	for (int kind = 0; kind < 2; kind++) {
		len = 0;
		if (kind) {
			ng_section();
			ng_interface(1, 9);
			ng_frame(0, 3, 61, 1);
			ng_other(3, 64);
			ng_frame(0, 4, 30, 0);
		} else {
			pcap_header(0xa1b2c3d4, 1);
			pcap_frame(1, 2, 60, 60);
			pcap_frame(1, 2, 33, 33);
		}
		for (size_t n = 0; n < len; n++) {
			const uint8_t was = file[n];

			write_file(n);
			read_all();
			for (unsigned bit = 0; bit < 8; bit++) {
				file[n] = was ^ (uint8_t)(1 << bit);
				write_file(len);
				read_all();
			}
			file[n] = 0xff;
			write_file(len);
			read_all();
			file[n] = was;
		}
	}
}
