/* The small things under nic/base: log lines, counters' names, packets. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "nic/base/counters.h"
#include "nic/base/log.h"
#include "nic/base/note.h"
#include "nic/base/pkt.h"

/* What @level's line "x" of a program with GLASSNIC_LOG=@want looks like. */
static const char *logged(const char *want, enum log_level level)
{
	static char out[2000];
	int pipe_fd[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	if (want)
		setenv("GLASSNIC_LOG", want, 1);
	else
		unsetenv("GLASSNIC_LOG");
	cr_assert_eq(pipe(pipe_fd), 0);
	dup2(pipe_fd[1], STDERR_FILENO);
	errno = ENOENT;
	log_at(level, "%s", "x");
	cr_assert_eq(errno, ENOENT);
	dup2(saved, STDERR_FILENO);
	close(pipe_fd[1]);
	n = read(pipe_fd[0], out, sizeof(out) - 1);
	out[n > 0 ? n : 0] = 0;
	return out;
}

Test(log, warn_is_the_default)
{
	cr_assert_str_eq(logged(NULL, LOG_WARN), "glassnic: x\n");
	cr_assert_str_eq(logged(NULL, LOG_INFO), "");
}

Test(log, debug_shows_all)
{
	cr_assert_str_eq(logged("debug", LOG_DEBUG), "glassnic: x\n");
	cr_assert(log_on(LOG_ERROR));
}

Test(log, error_hides_warnings)
{
	cr_assert_str_eq(logged("error", LOG_WARN), "");
	cr_assert_str_eq(logged("error", LOG_ERROR), "glassnic: x\n");
}

Test(log, unknown_level_is_explained)
{
	const char *out = logged("loud", LOG_WARN);

	cr_assert_eq(strncmp(out, "glassnic: GLASSNIC_LOG=loud: unknown", 36),
		     0, "%s", out);
	cr_assert_not_null(strstr(out, "\nglassnic: x\n"), "%s", out);
	cr_assert_str_eq(logged("loud", LOG_WARN), "glassnic: x\n", "once");
}

Test(log, control_characters_reach_no_terminal)
{
	cr_assert_str_eq(logged("\x1b[2J\n", LOG_WARN),
			 "glassnic: GLASSNIC_LOG=?[2J?: unknown level, warn is "
			 "used; choose error, warn, info or debug\n"
			 "glassnic: x\n");
}

Test(counters, every_one_has_a_name_of_its_own)
{
	for (unsigned i = 0; i < CNT_N; i++) {
		cr_assert_gt(strlen(counter_text((enum counter)i)), 0);
		for (unsigned j = 0; j < i; j++)
			cr_assert_str_neq(counter_name((enum counter)i),
					  counter_name((enum counter)j));
	}
	cr_assert_str_eq(counter_name(CNT_TX_ERROR), "send_err");
}

Test(note, refusal_speaks_when_nobody_else_did)
{
	struct note quiet = {""}, said = {"said"}, none = {""};

	cr_assert_str_eq(note_text(&quiet, DROP_ICRC),
			 "drop: icrc: wrong ICRC");
	cr_assert_str_eq(note_text(&said, DROP_ICRC), "said");
	cr_assert_null(note_text(&none, DROP_NONE));
}

static void make(struct pkt *p)
{
	pkt_reset(p);
	memcpy(pkt_push(p, 3), "abc", 3);
	memcpy(pkt_push(p, 2), "XY", 2);
	pkt_add_span(p, "defg", 4);
	pkt_add_span(p, "", 0);
	pkt_add_span(p, "hi", 2);
	memcpy(pkt_add_tail(p, 1), "j", 1);
}

Test(pkt, flatten_and_peek)
{
	struct span piece[PKT_PIECES];
	uint8_t out[20] = {0};
	struct pkt p;

	make(&p);
	cr_assert_eq(p.len, 12);
	cr_assert_eq(pkt_pieces(&p, piece), 4);
	pkt_flatten(&p, out);
	cr_assert_arr_eq(out, "XYabcdefghij", 13);
	for (size_t n = 0; n < 20; n++) {
		size_t want = n < 12 ? n : 12;

		memset(out, 0, sizeof(out));
		cr_assert_eq(pkt_peek(&p, out, n), want);
		cr_assert_arr_eq(out, "XYabcdefghij", want);
		cr_assert_eq(out[want], 0);
	}
}
