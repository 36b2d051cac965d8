/* A port between files, on a clock of the test's own. */
#include "nic/port/port_pcap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "nic/port/capfile.h"
#include "nic/port/pcapng.h"

static char out[] = "/tmp/glassnic-pcap-out-XXXXXX";
static char in[] = "/tmp/glassnic-pcap-in-XXXXXX";
static char why[PCAP_WHY_MAX];
static struct counters counters;
static unsigned got;
static uint8_t last;

static void make_paths(void)
{
	close(mkstemp(out));
	close(mkstemp(in));
}

static void remove_paths(void)
{
	unlink(out);
	unlink(in);
}

TestSuite(port_pcap, .init = make_paths, .fini = remove_paths, .timeout = 60);

static enum drop take(void *ctx, struct span frame, struct note *note,
		      nsec_t at)
{
	got++;
	last = frame.p[0];
	return got == 2 ? DROP_NOT_OURS : DROP_NONE;
}

/* Frames 1, 2, 3 at these milliseconds. */
static void write_input(const unsigned msec[3])
{
	uint8_t block[PCAPNG_START_MAX + 1000], frame[60] = {0};
	struct span piece = {frame, sizeof(frame)};
	FILE *f = fopen(in, "w");

	fwrite(block, 1, pcapng_start("x", block), f);
	for (uint8_t i = 0; i < 3; i++) {
		struct pcapng_packet p = {TAP_IN, SEC + msec[i] * MSEC, &piece,
					  1, NULL};

		frame[0] = i + 1;
		pcapng_packet(&p, block);
		fwrite(block, 1, pcapng_packet_len(&p), f);
	}
	fclose(f);
}

static struct port *open_port(const char *input, nsec_t after, bool fast)
{
	struct pcap_config cfg = {out, "glass0", input, after, fast, &counters};
	struct port *port;

	cr_assert_eq(port_pcap_new(&cfg, &port, why), 0, "%s", why);
	port_set_up(port, take, NULL);
	return port;
}

static void expect_at(struct port *port, nsec_t now, uint8_t frame)
{
	unsigned before = got;

	cr_assert_eq(port->ops->deadline(port), now);
	cr_assert_eq(port_receive(port, 64, now - 1), 0);
	cr_assert_eq(port_receive(port, 64, now), 1);
	cr_assert(got == before + 1 && last == frame);
}

Test(port_pcap, frames_arrive_as_they_did)
{
	const unsigned msec[] = {100, 107, 105}; /* time may go backwards */
	struct port *port;

	write_input(msec);
	port = open_port(in, 3 * MSEC, false);
	cr_assert_eq(port->ops->deadline(port), 0, "it wants to begin");
	cr_assert_eq(port_receive(port, 64, 50 * SEC), 0);
	expect_at(port, 50 * SEC + 3 * MSEC, 1);
	cr_assert_eq(port->ops->deadline(port), 50 * SEC + 10 * MSEC);
	cr_assert_eq(port_receive(port, 64, 50 * SEC + 10 * MSEC), 2);
	cr_assert_eq(last, 3);
	cr_assert_eq(port->ops->deadline(port), NSEC_NEVER);
	cr_assert_eq(counters.drop[DROP_NOT_OURS], 1);
	port_free(port);
}

Test(port_pcap, or_as_fast_as_possible_within_the_budget)
{
	const unsigned msec[] = {100, 10700, 90000};
	struct port *port;

	write_input(msec);
	port = open_port(in, 0, true);
	cr_assert_eq(port_receive(port, 2, 50 * SEC), 2);
	cr_assert_eq(port_receive(port, 2, 50 * SEC), 1);
	cr_assert_eq(port->ops->deadline(port), NSEC_NEVER);
	port_free(port);
}

/* Frames in the output: all, and those that capfile takes for received. */
static unsigned received_in_output(void)
{
	struct capfile_frame f;
	struct capfile *c;
	unsigned n = 0;

	cr_assert_eq(capfile_open(out, &c, why), 0, "%s", why);
	while (capfile_next(c, &f, why) > 0)
		n++;
	capfile_close(c);
	return n;
}

static off_t output_len(void)
{
	struct stat st;

	return stat(out, &st) ? -1 : st.st_size;
}

Test(port_pcap, the_output_has_both_ways)
{
	const unsigned msec[] = {1, 2, 3};
	static const uint8_t frame[60] = {9};
	struct port *port;
	struct pkt p;
	off_t len;

	write_input(msec);
	port = open_port(in, 0, true);
	port_receive(port, 64, 1);
	cr_assert_eq(received_in_output(), 3, "written when it looked");
	len = output_len();
	pkt_reset(&p);
	pkt_add_span(&p, frame, sizeof(frame));
	port_send(port, &p, 1, 1);
	port_receive(port, 64, 1);
	cr_assert(output_len() > len);
	port_free(port);
	cr_assert_eq(received_in_output(), 3);
}

Test(port_pcap, mistakes_are_refused_and_cost_no_file)
{
	struct pcap_config cfg = {out, "x", "/nowhere", 0, false, &counters};
	struct port *port, *other;
	FILE *f = fopen(out, "w");

	fputs("precious", f);
	fclose(f);
	cr_assert_eq(port_pcap_new(&cfg, &port, why), -ENOENT);
	cr_assert(strstr(why, "/nowhere: cannot read"), "%s", why);
	cfg.in = out;
	cr_assert_eq(port_pcap_new(&cfg, &port, why), -EINVAL);
	cr_assert(strstr(why, "would be overwritten"), "%s", why);
	cr_assert_eq(output_len(), 8);
	port = open_port(NULL, 0, false);
	cfg.in = NULL;
	cr_assert_eq(port_pcap_new(&cfg, &other, why), -EBUSY);
	cr_assert(strstr(why, "another NIC writes this file"), "%s", why);
	port_free(port);
	cfg.out = "/nowhere/x";
	cr_assert_eq(port_pcap_new(&cfg, &other, why), -ENOENT);
}

Test(port_pcap, a_forked_child_writes_nothing)
{
	static const uint8_t frame[60] = {9};
	struct port *port = open_port(NULL, 0, false);
	struct pkt p;
	off_t len;

	pkt_reset(&p);
	pkt_add_span(&p, frame, sizeof(frame));
	do { /* until one is held back: what comes late is written at once */
		len = output_len();
		port_send(port, &p, 1, 1);
	} while (output_len() != len);
	if (!fork()) {
		port_free(port);
		_exit(0);
	}
	wait(NULL);
	cr_assert_eq(output_len(), len);
	port_free(port);
	cr_assert(output_len() > len);
}
