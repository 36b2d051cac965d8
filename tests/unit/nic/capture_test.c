/* Captures, read back by a walk over the file's blocks and by tshark. */
#include "nic/port/capture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "nic/port/pcapng.h"

#define FRAME_LEN 60

static char path[] = "/tmp/glassnic-capture-XXXXXX";
static char why[200];

static void make_path(void)
{
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
}

static void remove_path(void)
{
	unlink(path);
}

TestSuite(capture, .init = make_path, .fini = remove_path, .timeout = 60);

static struct tap *open_capture(void)
{
	struct tap *tap = NULL;

	cr_assert_eq(capture_new(path, "glass0", &tap, why), 0, "%s", why);
	return tap;
}

/* A frame whose fifteenth byte is @mark, in three pieces. */
static void show(struct tap *tap, enum tap_dir dir, uint8_t mark,
		 const char *note)
{
	uint8_t bytes[FRAME_LEN] = {[12] = 0x88, [13] = 0xb5, [14] = mark};
	struct span piece[] = {
		{bytes, 14}, {bytes + 14, 3}, {bytes + 17, FRAME_LEN - 17}};

	tap_frame(tap, dir, piece, 3, note);
}

/* A clock for capture_set_clock. */
static uint64_t told(void *ctx)
{
	return *(uint64_t *)ctx;
}

static uint32_t le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Marks of all frames in the file, in order; -1 if a block is not whole. */
static int marks(uint8_t *out, int max)
{
	static uint8_t file[16 << 20];
	FILE *f = fopen(path, "rb");
	size_t len = fread(file, 1, sizeof(file), f), at = 0;
	int n = 0;

	fclose(f);
	while (at < len) {
		uint32_t block = at + 12 <= len ? le32(file + at + 4) : 0;

		if (block < 12 || block % 4 || at + block > len ||
		    le32(file + at + block - 4) != block)
			return -1;
		if (le32(file + at) == 6 && n < max)
			out[n++] = file[at + 28 + 14];
		at += block;
	}
	return n;
}

/* What tshark says of the file; hexadecimal numbers without their zeros, in
 * which its versions differ.
 */
static void tshark(const char *fields, char *out, size_t size)
{
	char cmd[400], *hex;
	int status;
	FILE *p;
	size_t n;

	snprintf(cmd, sizeof(cmd), "tshark -r %s -T fields %s", path, fields);
	p = popen(cmd, "r");
	cr_assert_not_null(p);
	n = fread(out, 1, size - 1, p);
	out[n] = 0;
	status = pclose(p);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		fprintf(stderr, "skipped: tshark is not installed\n");
		cr_skip_test("tshark is not installed");
	}
	cr_assert_eq(status, 0, "tshark complains");
	while ((hex = strstr(out, "0x")) != NULL) {
		size_t zeros = 2 + strspn(hex + 2, "0");

		memmove(hex, hex + zeros, strlen(hex + zeros) + 1);
	}
}

Test(capture, tshark_reads_it)
{
	struct tap *tap = open_capture();
	char out[1000];

	show(tap, TAP_OUT, 1, "retransmission");
	show(tap, TAP_IN, 2, NULL);
	show(tap, TAP_IN, 3, "drop: icrc: wrong ICRC");
	capture_free(tap);
	tshark("-e frame.len -e frame.packet_flags_direction "
	       "-e frame.interface_name -e frame.comment",
	       out, sizeof(out));
	cr_assert_str_eq(out, "60\t2\tglass0\tretransmission\n"
			      "60\t1\tglass0\t\n"
			      "60\t1\tglass0\tdrop: icrc: wrong ICRC\n");
}

Test(capture, nanoseconds_since_1970)
{
	struct tap *tap = open_capture();
	time_t before = time(NULL);
	char out[100];
	double at;

	show(tap, TAP_OUT, 1, NULL);
	capture_free(tap);
	tshark("-e frame.time_epoch", out, sizeof(out));
	at = atof(out);
	cr_assert(at >= (double)before && at <= (double)time(NULL) + 1, "%s",
		  out);
	cr_assert_eq(strlen(strchr(out, '.') + 1), 10, "not 9 digits: %s", out);
}

/* An answer that goes out while the question is being handled. */
Test(capture, question_before_answer)
{
	struct tap *tap = open_capture();
	uint8_t m[4];

	tap_arrive(tap);
	show(tap, TAP_OUT, 2, NULL);
	show(tap, TAP_OUT, 3, NULL);
	show(tap, TAP_IN, 1, NULL);
	show(tap, TAP_OUT, 4, NULL);
	capture_free(tap);
	cr_assert_eq(marks(m, 4), 4);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(m[i], i + 1);
}

/* So many that the held frames fill a buffer: none is lost. */
Test(capture, more_answers_than_a_buffer)
{
	struct tap *tap = open_capture();
	static uint8_t m[10000];

	tap_arrive(tap);
	for (int i = 0; i < 9000; i++)
		show(tap, TAP_OUT, 2, NULL);
	show(tap, TAP_IN, 1, NULL);
	capture_free(tap);
	cr_assert_eq(marks(m, 10000), 9001);
}

Test(capture, many_frames_in_order)
{
	struct tap *tap = open_capture();
	static uint8_t m[20001];

	for (int i = 0; i < 20000; i++)
		show(tap, TAP_OUT, (uint8_t)i, i % 3 ? NULL : "every third");
	capture_free(tap);
	cr_assert_eq(marks(m, 20001), 20000);
	for (int i = 0; i < 20000; i++)
		cr_assert_eq(m[i], (uint8_t)i, "frame %d", i);
}

/* What was flushed survives SIGKILL, and so does nothing by halves. */
Test(capture, killed_program)
{
	pid_t child = fork();
	static uint8_t m[100];
	char out[1000];
	int status;

	if (!child) {
		struct tap *tap = open_capture();

		for (uint8_t i = 0; i < 10; i++)
			show(tap, TAP_OUT, i, NULL);
		capture_flush(tap);
		show(tap, TAP_OUT, 10, NULL);
		kill(getpid(), SIGKILL);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status));
	cr_assert_geq(marks(m, 100), 10);
	tshark("-e frame.number", out, sizeof(out));
}

/* A busy NIC is not flushed by its owner: old blocks go out by themselves. */
Test(capture, old_blocks_are_written_without_a_flush)
{
	struct tap *tap = open_capture();
	const struct timespec ten_msec = {.tv_nsec = 10000000};
	uint8_t m[4];

	nanosleep(&ten_msec, NULL); /* what is tested is the passing of time */
	show(tap, TAP_OUT, 1, NULL);
	cr_assert_eq(marks(m, 4), 1);
	capture_free(tap);
}

/* Of an owner that looks in all the time, what is old is written, not each. */
Test(capture, what_is_old_is_written_when_looked_at)
{
	struct tap *tap = open_capture();
	uint64_t now = SEC;
	uint8_t m[4];

	capture_set_clock(tap, told, &now);
	show(tap, TAP_OUT, 1, NULL); /* the first is late, as of 0 */
	now += MSEC;
	show(tap, TAP_OUT, 2, NULL);
	capture_flush_old(tap);
	cr_assert_eq(marks(m, 4), 1);
	now += 10 * MSEC;
	capture_flush_old(tap);
	cr_assert_eq(marks(m, 4), 2);
	capture_free(tap);
}

Test(capture, unbuffered)
{
	struct tap *tap = open_capture();
	uint8_t m[4];

	show(tap, TAP_OUT, 1, NULL);
	capture_unbuffer(tap);
	cr_assert_eq(marks(m, 4), 1);
	show(tap, TAP_OUT, 2, NULL);
	cr_assert_eq(marks(m, 4), 2);
	capture_free(tap);
}

/* A file that may not grow stands for a full disk. */
Test(capture, full_disk_leaves_whole_blocks)
{
	const struct rlimit small = {100001, 100001};
	struct tap *tap = open_capture();
	uint64_t now = 0; /* and stays: nothing is written for being old */
	static uint8_t m[2000];

	capture_set_clock(tap, told, &now);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 500; i++)
			show(tap, TAP_OUT, 7, NULL);
		capture_flush(tap);
	}
	capture_free(tap);
	cr_assert_eq(marks(m, 2000), 500,
		     "the first flush fits, the second does not");
}

Test(capture, errors_are_explained)
{
	struct tap *tap;

	cr_assert_eq(capture_new("/nonexistent/x", "a", &tap, why), -ENOENT);
	cr_assert_str_eq(why, "/nonexistent/x: cannot create the capture: "
			      "No such file or directory");
	cr_assert_lt(capture_new("/dev/full", "a", &tap, why), 0);
	cr_assert_not_null(strstr(why, "/dev/full"));
}

Test(capture, long_texts_are_cut)
{
	struct tap *tap;
	static char name[500], note[1000], out[2000];

	memset(name, 'n', sizeof(name) - 1);
	memset(note, 'c', sizeof(note) - 1);
	cr_assert_eq(capture_new(path, name, &tap, why), 0);
	show(tap, TAP_OUT, 1, note);
	capture_free(tap);
	tshark("-e frame.interface_name -e frame.comment", out, sizeof(out));
	cr_assert_eq(strlen(out), PCAPNG_NAME_MAX + 1 + PCAPNG_COMMENT_MAX + 1);
}

/* capture_port: what passes is shown, with what the upper layer remarked. */
static enum drop refuse(void *ctx, struct span frame, struct note *note,
			nsec_t now)
{
	cr_assert_not_null(note);
	if (frame.p[14] == 1)
		return DROP_PKEY;
	snprintf(note->text, sizeof(note->text), "so it was");
	return DROP_NONE;
}

Test(capture, port_shows_both_directions)
{
	static struct counters c;
	static struct pkt p;
	struct tap *tap = open_capture();
	struct port *end[2], *port;
	const uint8_t type[2] = {0x88, 0xb5};
	char out[1000];

	cr_assert_eq(port_pair_new(1500, &c, end), 0);
	cr_assert_eq(capture_port_new(end[1], tap, &port), 0);
	port_set_up(port, refuse, NULL);
	for (uint8_t i = 1; i < 3; i++) {
		pkt_reset(&p);
		memset(pkt_push(&p, 14), 0, 14);
		memcpy(p.room + p.head_off + 12, type, 2);
		pkt_add_span(&p, &i, 1);
		p.note = "going";
		if (i == 1)
			port_send(port, &p, 1, 0);
		port_send(end[0], &p, 1, 0);
	}
	cr_assert_eq(port_receive(port, 10, 0), 2);
	cr_assert_eq(c.drop[DROP_PKEY], 1);
	port_free(port);
	port_free(end[0]);
	capture_free(tap);
	tshark("-e frame.packet_flags_direction -e frame.comment", out,
	       sizeof(out));
	cr_assert_str_eq(out, "2\tgoing\n1\tdrop: pkey: P_Key mismatch\n"
			      "1\tso it was\n");
}
