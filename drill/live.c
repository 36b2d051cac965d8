/* One main loop for three things: packets on the link, lines of the peer, and
 * the clock.  It runs whenever the player lets time pass, asks for a verb or
 * sends, so that ARP is answered and everything is stamped when it arrives.
 *
 * Real time has two ends.  A packet was read at some moment, but may have lain
 * in the socket before: what is certain is that it came after the socket was
 * last found empty (seen.since).  The player measures from that moment, so that
 * a script that was late never finds the NIC to be early.
 */
#include "drill/live.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "drill/line.h"
#include "nic/host/spec.h"
#include "nic/host/spec_link.h"
#include "nic/link/link.h"
#include "nic/port/capture.h"
#include "wire/bth.h"
#include "wire/ext.h"
#include "wire/opcode.h"

#define BUDGET	    64u
#define LOOK_NSEC   (1 * MSEC) /* the socket is looked at so often */
#define ANSWER_NSEC (10 * SEC) /* a peer takes no longer */
#define MEET_NSEC   (2 * MSEC)
#define NOBODY	    0xfffffeu /* a QPN that no NIC has */
#define GREETING    "glassnic-peer 1 "

struct live {
	struct nic_spec spec;
	int claim;
	char where[300];
	struct tap *tap; /* or NULL */
	struct line line;
	bool fresh;	    /* connected, and no drill has had it */
	char greeting[512]; /* of that connection */
};

struct live_one {
	struct bench b;
	struct live *l;
	struct link *link;
	struct counters counters;
	nsec_t start;
	nsec_t empty; /* when the link was last found so */
	char answer[REPLY_MAX];
	bool answered;
	bool met; /* packets have been exchanged */
};

static struct live_one *of(struct bench *b)
{
	return (struct live_one *)b;
}

/* ---- time ---- */

static nsec_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (nsec_t)ts.tv_sec * SEC + (nsec_t)ts.tv_nsec;
}

/* Begins at one second, as on the NIC in memory. */
static nsec_t live_now(struct bench *b)
{
	return clock_now() - of(b)->start + SEC;
}

/* ---- packets ---- */

static enum drop on_packet(void *ctx, const struct dgram *d, nsec_t now)
{
	struct live_one *o = ctx;
	struct seen *s = bench_see_packet(&o->b, live_now(&o->b), d);

	if (s)
		s->since = o->empty;
	return DROP_NONE;
}

static void trouble(struct live_one *o, const char *what)
{
	if (!o->b.trouble[0])
		snprintf(o->b.trouble, sizeof(o->b.trouble), "%s: %s",
			 o->l->where, what);
}

/* What no NIC may send.  (Strays of other hosts are no trouble.) */
static void look_for_bad_packets(struct live_one *o)
{
	static const enum drop bad[] = {DROP_ICRC,	 DROP_SHORT,
					DROP_IP_HEADER,	 DROP_IP_CHECKSUM,
					DROP_UDP_LENGTH, DROP_UDP_CHECKSUM,
					DROP_VXLAN_FLAGS};
	char text[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (!o->counters.drop[bad[i]])
			continue;
		snprintf(text, sizeof(text),
			 "a packet came that is refused: %s",
			 drop_text(bad[i]));
		trouble(o, text);
	}
}

static void take_packets(struct live_one *o)
{
	nsec_t before = live_now(&o->b);

	while (link_receive(o->link, BUDGET, before))
		before = live_now(&o->b);
	o->empty = before;
	if (link_deadline(o->link) <= before)
		link_tick(o->link, before);
	look_for_bad_packets(o);
}

/* ---- lines of the peer ---- */

static void take_line(struct live_one *o, const char *text)
{
	nsec_t now = live_now(&o->b);

	if (!strncmp(text, "wc ", 3))
		bench_see(&o->b, SEEN_WC, now, text + 3, strlen(text + 3));
	else if (!strncmp(text, "event ", 6))
		bench_see(&o->b, SEEN_EVENT, now, text + 6, strlen(text + 6));
	else if (!o->answered) {
		snprintf(o->answer, sizeof(o->answer), "%s", text);
		o->answered = true;
	} else {
		trouble(o, "the peer says what nobody asked for");
	}
}

static void take_lines(struct live_one *o)
{
	static char text[REPLY_MAX];
	bool there = line_read(&o->l->line);

	while (line_take(&o->l->line, text, sizeof(text)))
		take_line(o, text);
	if (!there)
		trouble(o, "the peer has closed the connection");
}

/* ---- the loop ---- */

static void work(struct live_one *o)
{
	take_packets(o);
	if (!o->b.trouble[0])
		take_lines(o);
}

/* Until @until, or until there may be something to do. */
static void sleep_until(struct live_one *o, nsec_t until)
{
	nsec_t now = live_now(&o->b), due = link_deadline(o->link), wait;
	struct pollfd p[LINK_FDS + 1];
	int fd[LINK_FDS];
	unsigned n = link_fds(o->link, fd);
	struct timespec ts;

	if (due < until)
		until = due;
	wait = until > now ? until - now : 0;
	ts = (struct timespec){0, (long)(wait < LOOK_NSEC ? wait : LOOK_NSEC)};
	for (unsigned i = 0; i < n; i++)
		p[i] = (struct pollfd){fd[i], POLLIN, 0};
	p[n] = (struct pollfd){o->l->line.fd, POLLIN, 0};
	ppoll(p, n + 1, &ts, NULL);
}

static bool live_run(struct bench *b, nsec_t until, bool stop)
{
	struct live_one *o = of(b);
	uint64_t before = b->nseen;

	for (;;) {
		work(o);
		if ((stop && b->nseen != before) || b->trouble[0] ||
		    live_now(b) >= until)
			return b->nseen != before;
		sleep_until(o, until);
	}
}

static enum drop live_send(struct bench *b, struct pkt *p,
			   const struct tamper *tamper)
{
	struct live_one *o = of(b);

	link_send(o->link, p, 1, live_now(b));
	work(o);
	return DROP_N;
}

static bool live_counter(struct bench *b, const char *name, uint64_t *value)
{
	return false;
}

/* ---- verbs ---- */

/* Waits for the peer's answer; false: there is none. */
static bool await_answer(struct live_one *o)
{
	nsec_t until = live_now(&o->b) + ANSWER_NSEC;

	for (;;) {
		work(o);
		if (o->answered)
			return true;
		if (live_now(&o->b) >= until)
			trouble(o, "the peer does not answer");
		if (o->b.trouble[0])
			return false;
		sleep_until(o, until);
	}
}

static int errno_of(const char *name)
{
	uint64_t n;

	if (words_number(name, &n) && n && n < 4096)
		return (int)n;
	for (int i = 1; i < 256; i++) {
		const char *is = strerrorname_np(i);

		if (is && !strcmp(is, name))
			return i;
	}
	return EIO;
}

static int ask(struct bench *b, const char *line, char reply[REPLY_MAX])
{
	struct live_one *o = of(b);
	const char *text;

	o->answered = false;
	if (!line_put(&o->l->line, line))
		trouble(o, "the peer has closed the connection");
	if (b->trouble[0] || !await_answer(o)) {
		snprintf(reply, REPLY_MAX, "%s", b->trouble);
		return VERB_LOST;
	}
	text = strchr(o->answer, ' ');
	text = text ? text + 1 : "";
	snprintf(reply, REPLY_MAX, "%s", text);
	if (!strncmp(o->answer, "ok", 2))
		return VERB_OK;
	if (!strncmp(o->answer, "errno ", 6))
		return -errno_of(text);
	return VERB_REFUSED;
}

/* A packet to nobody: both sides learn where the other is (ARP) before a QP is
 * connected, when a kernel waits but a second for that.
 */
static void call(struct live_one *o)
{
	struct bth bth = {.opcode = TRANSPORT_RC | OP_ACKNOWLEDGE,
			  .dqpn = NOBODY,
			  .pkey = PKEY_DEFAULT};
	struct pkt *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	pkt_reset(p);
	p->src = o->b.own;
	p->dst = o->b.nic;
	p->sport = 0xc000;
	p->ttl = 64;
	memset(pkt_push(p, AETH_LEN), 0, AETH_LEN);
	bth_encode(&bth, pkt_push(p, BTH_LEN));
	live_send(&o->b, p, NULL);
	free(p);
}

/* A question gives them time for it, before the first packet that is timed. */
static void meet(struct live_one *o, const char *line)
{
	char query[64], reply[REPLY_MAX];

	snprintf(query, sizeof(query), "query %.*s",
		 (int)strcspn(line + 3, " "), line + 3);
	ask(&o->b, query, reply);
	live_run(&o->b, live_now(&o->b) + MEET_NSEC, false);
}

static int live_verb(struct bench *b, const char *line, char reply[REPLY_MAX])
{
	struct live_one *o = of(b);
	bool first = !o->met && !strncmp(line, "qp ", 3);
	int rc;

	if (first)
		call(o);
	rc = ask(b, line, reply);
	if (first && rc == VERB_OK) {
		o->met = true;
		meet(o, line);
	}
	return rc;
}

/* ---- hello ---- */

/* The line that the peer begins with. */
static bool greet(struct live *l, char *why)
{
	nsec_t until = clock_now() + ANSWER_NSEC;

	while (!line_take(&l->line, l->greeting, sizeof(l->greeting))) {
		struct pollfd p = {l->line.fd, POLLIN, 0};
		nsec_t now = clock_now();

		if (now < until &&
		    poll(&p, 1, (int)((until - now) / MSEC) + 1) > 0 &&
		    line_read(&l->line))
			continue;
		snprintf(why, WORDS_WHY_MAX, "%s: %s", l->where,
			 now < until ? "it hangs up without a greeting; is it "
				       "`glassnic peer'?"
				     : "it does not greet; is another drill "
				       "being played there?");
		return false;
	}
	if (!strncmp(l->greeting, GREETING, strlen(GREETING)))
		return true;
	snprintf(why, WORDS_WHY_MAX, "%s: it says \"%.200s\"", l->where,
		 l->greeting);
	return false;
}

static bool connect_peer(struct live *l, char *why)
{
	if (l->fresh)
		return true;
	line_close(&l->line);
	l->fresh = line_open(&l->line, l->where, why) && greet(l, why);
	return l->fresh;
}

/* Who the peer is, by its greeting. */
static bool take_greeting(struct live *l, struct ip_addr *nic, bool *foreign,
			  char *why)
{
	char own[IP_TEXT_MAX];
	const char *gid, *library;
	struct words w;

	if (!words_split(&w, l->greeting, why))
		return false;
	gid = words_get(&w, "gid");
	library = words_get(&w, "library");
	if (!gid || !ip_parse(nic, gid)) {
		snprintf(why, WORDS_WHY_MAX,
			 "%s: its greeting has no gid=", l->where);
		return false;
	}
	*foreign = !library || strcmp(library, "glassnic");
	if (ip_is_v4(nic) == ip_is_v4(&l->spec.ip))
		return true;
	snprintf(why, WORDS_WHY_MAX,
		 "the peer is %s and the script %s: give --live an ip= of the "
		 "peer's kind, or the peer another --gid-index",
		 gid, ip_format(&l->spec.ip, own));
	return false;
}

/* ---- making and freeing ---- */

static void live_free_one(struct bench *b)
{
	struct live_one *o = of(b);

	link_free(o->link);
	if (o->l->tap)
		capture_flush(o->l->tap);
	line_close(&o->l->line); /* the peer destroys what the drill made */
	o->l->fresh = false;
	bench_forget(b);
	free(o);
}

static const struct bench_ops ops = {
	.now = live_now,
	.run = live_run,
	.verb = live_verb,
	.send = live_send,
	.counter = live_counter,
	.free = live_free_one,
};

/* A drill may ask for a kind of address; what else it asks for cannot be had.
 */
static bool can_be(const struct live *l, const char *text, char *why,
		   bool *skip)
{
	char text_a[SPEC_TEXT_MAX], text_b[SPEC_TEXT_MAX];
	struct nic_spec want, plain;

	if (!*text)
		return true;
	if (spec_parse(text, &want, why) || spec_parse("", &plain, why))
		return false;
	plain.has_ip = want.has_ip;
	plain.ip = want.ip;
	plain.prefix_len = want.prefix_len;
	*skip = strcmp(spec_format(&want, text_a),
		       spec_format(&plain, text_b)) ||
		(want.has_ip && ip_is_v4(&want.ip) != ip_is_v4(&l->spec.ip));
	if (*skip)
		snprintf(why, WORDS_WHY_MAX,
			 "nic %.200s: a peer cannot be made to be that", text);
	return !*skip;
}

struct bench *live_bench(void *ctx, const char *spec, char *why, bool *skip)
{
	struct live *l = ctx;
	struct nic_spec own = l->spec;
	struct live_one *o;
	bool foreign;

	if (!can_be(l, spec, why, skip) || !connect_peer(l, why))
		return NULL;
	snprintf(why, WORDS_WHY_MAX, "no memory");
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->b.ops = &ops;
	o->b.live = true;
	o->b.own = own.ip;
	o->l = l;
	o->start = clock_now();
	o->empty = live_now(&o->b);
	list_init(&o->b.seen);
	if (!take_greeting(l, &o->b.nic, &foreign, why)) {
		free(o);
		return NULL;
	}
	own.foreign |= foreign;
	if (spec_link_new(&own, l->tap, NULL, NULL, &o->counters, &o->link, why)) {
		free(o);
		return NULL;
	}
	link_set_up(o->link, on_packet, o);
	return &o->b;
}

struct live *live_new(const char *spec, const char *peer, const char *capture,
		      char *why)
{
	struct live *l = calloc(1, sizeof(*l));
	struct ip_addr nic;
	bool foreign;

	snprintf(why, WORDS_WHY_MAX, "no memory");
	if (!l)
		return NULL;
	l->claim = CLAIM_NONE;
	l->line.fd = -1;
	snprintf(l->where, sizeof(l->where), "%s", peer);
	if (spec_parse(spec, &l->spec, why) ||
	    spec_claim(&l->spec, &l->claim, why) || !connect_peer(l, why) ||
	    !take_greeting(l, &nic, &foreign, why) ||
	    (capture && capture_new(capture, "script", &l->tap, why))) {
		live_free(l);
		return NULL;
	}
	return l;
}

void live_free(struct live *l)
{
	line_close(&l->line);
	if (l->tap)
		capture_free(l->tap);
	if (l->claim != CLAIM_NONE)
		close(l->claim);
	free(l);
}
