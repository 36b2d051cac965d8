#ifdef HAVE_JANSSON

#include "cmd/show_text.h"

#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nic/base/counters.h"

#define SPEC_COLUMNS	 (SHOW_COLUMNS - 11u)
#define IP_COLUMNS	 39u
#define RATES_IP_COLUMNS 20u
#define PEER_COLUMNS	 15u
#define CQS_MAX		 8u /* that are listed as text */

/* ---- what a view says; 0 or "?" for what it does not ---- */

static uint64_t number(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

static const char *string(const json_t *value)
{
	const char *s = json_string_value(value);

	return s ? s : "?";
}

static const char *text(const json_t *o, const char *key)
{
	return string(json_object_get(o, key));
}

static uint64_t counter(const json_t *view, enum counter c)
{
	return number(json_object_get(view, "counters"), counter_name(c));
}

static void print_part(const char *s, size_t n)
{
	for (; n; n--, s++)
		putchar(iscntrl((unsigned char)*s) ? '?' : *s);
}

/* Its beginning, in at most @max columns; a program's name may hold anything.
 */
static void print_head(const char *s, size_t max)
{
	size_t n = strlen(s);

	print_part(s, n > max ? max - 2 : n);
	if (n > max)
		fputs("..", stdout);
}

/* Its beginning, in a column of a table. */
static void print_cell(const char *s, size_t width)
{
	size_t n = strnlen(s, width);

	print_part(s, n);
	printf("%*s ", (int)(width - n), "");
}

/* Its end, which is what tells addresses apart. */
static void print_tail(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n <= max) {
		print_part(s, n);
		return;
	}
	fputs("..", stdout);
	print_part(s + n - (max - 2), max - 2);
}

/* ---- figures ---- */

#define FIGURE_MAX 8u

/* At most 6 columns: "123456", "1234k", "12.3M". */
static const char *figure(double n, char out[FIGURE_MAX])
{
	static const char units[] = " kMGTPE";
	unsigned u = 0;

	if (n < 999999.5) {
		snprintf(out, FIGURE_MAX, "%.0f", n);
		return out;
	}
	for (; n >= 999.5 && u + 2 < sizeof(units); u++)
		n /= 1000;
	snprintf(out, FIGURE_MAX, n < 99.95 ? "%.1f%c" : "%.0f%c", n, units[u]);
	return out;
}

/* How much more a second @c is than @before. */
static double rate(const json_t *view, const json_t *before, enum counter c)
{
	double usec = (double)number(view, "uptime_usec") -
		      (double)number(before, "uptime_usec");
	double more = (double)counter(view, c) - (double)counter(before, c);

	return before && usec > 0 && more > 0 ? more * 1e6 / usec : 0;
}

static const char *uptime(const json_t *view, char out[16])
{
	uint64_t sec = number(view, "uptime_usec") / 1000000;

	if (sec < 86400)
		snprintf(out, 16, "%u:%02u:%02u", (unsigned)(sec / 3600),
			 (unsigned)(sec / 60 % 60), (unsigned)(sec % 60));
	else
		snprintf(out, 16, "%ud %uh", (unsigned)(sec / 86400),
			 (unsigned)(sec / 3600 % 24));
	return out;
}

/* ---- the list ---- */

void show_list_head(bool rates)
{
	printf("%7s %-16s %-8s %-6s %6s %6s %6s %6s ", "PID", "PROGRAM", "NIC",
	       "PORT", "QPS", "SENT", "RCVD", "RETRIED");
	if (rates)
		printf("%6s %6s %6s ", "SENT/s", "RCVD/s", "RETR/s");
	printf("%8s ADDRESS\n", "UP");
}

void show_list_row(const json_t *view, const json_t *before, bool rates)
{
	static const enum counter kinds[] = {CNT_TX_PKTS, CNT_RX_PKTS,
					     CNT_RETRANSMIT};
	char fig[FIGURE_MAX], up[16];

	printf("%7d ", (int)number(view, "pid"));
	print_cell(text(view, "program"), 16);
	print_cell(text(view, "nic"), 8);
	print_cell(text(view, "port"), 6);
	printf("%6zu ", json_array_size(json_object_get(view, "qps")));
	for (size_t i = 0; i < 3; i++)
		printf("%*s ", i < 2 ? 6 : 7,
		       figure((double)counter(view, kinds[i]), fig));
	for (size_t i = 0; rates && i < 3; i++)
		printf("%6s ",
		       before ? figure(rate(view, before, kinds[i]), fig)
			      : "-");
	printf("%8s ", uptime(view, up));
	print_tail(text(view, "address"),
		   rates ? RATES_IP_COLUMNS : IP_COLUMNS);
	putchar('\n');
}

void show_silent_row(int pid, const char *nic)
{
	printf("%7d %-16s %-8.8s (is it stopped?)\n", pid, "does not answer",
	       nic);
}

/* ---- details ---- */

static void show_identity(const json_t *view)
{
	const json_t *gids = json_object_get(view, "gids");
	char up[16];

	print_head(text(view, "nic"), 40);
	fputs(" of ", stdout);
	print_head(text(view, "program"), 60);
	printf(", PID %d, up %s\n  spec     ", (int)number(view, "pid"),
	       uptime(view, up));
	print_head(text(view, "spec"), SPEC_COLUMNS);
	fputs("\n  port     ", stdout);
	print_head(text(view, "port"), 40);
	if (json_is_string(json_object_get(view, "runs_on"))) {
		fputs(" on ", stdout);
		print_head(text(view, "runs_on"), 60);
	}
	printf(", MTU %u, seed ", (unsigned)number(view, "mtu"));
	print_head(text(view, "seed"), 20);
	if (json_is_string(json_object_get(view, "capture"))) {
		fputs("\n  capture  ", stdout);
		print_head(text(view, "capture"), SPEC_COLUMNS);
	}
	fputs("\n  GIDs    ", stdout);
	for (size_t i = 0; i < json_array_size(gids); i++)
		printf(" %zu: %s", i,
		       json_string_value(json_array_get(gids, i)));
	putchar('\n');
}

static void show_queues(const json_t *view, const char *key,
			const char *count_key, const char *word)
{
	const json_t *list = json_object_get(view, key), *q;
	uint64_t count = number(view, count_key);

	printf("  %s     %u", word, (unsigned)count);
	for (size_t i = 0; i < json_array_size(list) && i < CQS_MAX; i++) {
		q = json_array_get(list, i);
		printf("%s%u/%u%s", i ? ", " : "; used/size ",
		       (unsigned)number(q, "used"), (unsigned)number(q, "size"),
		       json_is_true(json_object_get(q, "overrun")) ? " OVERRUN"
								   : "");
	}
	puts(count > CQS_MAX ? ", ..." : "");
}

static void show_memory(const json_t *view)
{
	const json_t *m = json_object_get(view, "memory");
	char fig[FIGURE_MAX];

	printf("  memory   %u regions of %s bytes, %u windows, %u protection "
	       "domains\n",
	       (unsigned)number(m, "regions"),
	       figure((double)number(m, "bytes"), fig),
	       (unsigned)number(m, "windows"), (unsigned)number(m, "domains"));
}

static void show_rates(const json_t *view, const json_t *before)
{
	char sent[FIGURE_MAX], rcvd[FIGURE_MAX], out[FIGURE_MAX];
	char in[FIGURE_MAX], again[FIGURE_MAX];

	printf("  rates    %s packets/s, %s bytes/s sent; %s packets/s, "
	       "%s bytes/s received; %s retransmissions/s\n",
	       figure(rate(view, before, CNT_TX_PKTS), sent),
	       figure(rate(view, before, CNT_TX_BYTES), out),
	       figure(rate(view, before, CNT_RX_PKTS), rcvd),
	       figure(rate(view, before, CNT_RX_BYTES), in),
	       figure(rate(view, before, CNT_RETRANSMIT), again));
}

/* Those that are not 0, two a line. */
static void show_counters(const json_t *view, const char *key,
			  const char *title)
{
	const json_t *all = json_object_get(view, key);
	unsigned n = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)all, name, value)
	{
		long long v = json_integer_value(value);

		if (!v)
			continue;
		fputs(n % 2 ? "     " : n ? "\n    " : title, stdout);
		print_cell(name, 26);
		printf("%20lld", v);
		n++;
	}
	if (n)
		putchar('\n');
}

/* ---- QPs ---- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = number(*(json_t *const *)a, "number");
	uint64_t y = number(*(json_t *const *)b, "number");

	return (x > y) - (x < y);
}

/* Its QPs by number; NULL: none, or no memory. */
static const json_t **sorted_qps(const json_t *view, size_t *n)
{
	const json_t *qps = json_object_get(view, "qps");
	const json_t **at;

	*n = json_array_size(qps);
	at = *n ? malloc(*n * sizeof(json_t *)) : NULL;
	for (size_t i = 0; at && i < *n; i++)
		at[i] = json_array_get(qps, i);
	if (at)
		qsort(at, *n, sizeof(json_t *), by_number);
	return at;
}

static void show_qp_head(void)
{
	printf("%-8s %-5s %-5s %8s %8s %6s %3s %-9s %8s %8s %-3s %6s %6s "
	       "PEER\n",
	       "QP", "TYPE", "STATE", "UNA", "NXT", "POSTED", "TRY",
	       "WAITS FOR", "EPSN", "MSN", "NAK", "FLIGHT", "WINDOW");
}

static void show_peer(const json_t *peer)
{
	char flight[FIGURE_MAX], window[FIGURE_MAX];

	if (!json_is_object(peer)) {
		printf("%6s %6s -\n", "-", "-");
		return;
	}
	printf("%6s %6s 0x%06x ",
	       figure((double)number(peer, "in_flight"), flight),
	       figure((double)number(peer, "window"), window),
	       (unsigned)number(peer, "qp"));
	print_tail(text(peer, "address"), PEER_COLUMNS);
	putchar('\n');
}

static void show_qp(const json_t *qp)
{
	const json_t *q = json_object_get(qp, "requester");
	const json_t *s = json_object_get(qp, "responder");
	char posted[FIGURE_MAX];

	printf("0x%06x ", (unsigned)number(qp, "number"));
	print_cell(text(qp, "type"), 5);
	print_cell(text(qp, "state"), 5);
	printf("%8u %8u %6s %u/%u ", (unsigned)number(q, "una"),
	       (unsigned)number(q, "nxt"),
	       figure((double)number(q, "posted"), posted),
	       (unsigned)number(q, "retry_left"),
	       (unsigned)number(q, "rnr_left"));
	print_cell(text(q, "waits_for"), 9);
	printf("%8u %8u ", (unsigned)number(s, "epsn"),
	       (unsigned)number(s, "msn"));
	print_cell(strcmp(text(s, "nak"), "none") ? text(s, "nak") : "-", 3);
	show_peer(json_object_get(qp, "peer"));
}

static void show_qps(const json_t *view, size_t max)
{
	size_t n;
	const json_t **qp = sorted_qps(view, &n);

	printf("  QPs      %zu\n", n);
	if (!qp)
		return;
	show_qp_head();
	for (size_t i = 0; i < n && i < max; i++)
		show_qp(qp[i]);
	if (n > max)
		printf("  and %zu more\n", n - max);
	free(qp);
}

void show_details(const json_t *view, const json_t *before, size_t max_qps)
{
	show_identity(view);
	show_memory(view);
	show_queues(view, "cqs", "cq_count", "CQs ");
	show_queues(view, "srqs", "srq_count", "SRQs");
	if (before)
		show_rates(view, before);
	show_counters(view, "counters", "  counted\n    ");
	show_counters(view, "drops", "  refused\n    ");
	show_qps(view, max_qps);
}

#endif
