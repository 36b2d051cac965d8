#include "trace/flow.h"
#include <inttypes.h>
#include <string.h>

#define NSEC_OF_SEC 1e9
#define COLUMN	    22 /* characters, at least */

static const struct flow nothing;

/* What is counted: the word in JSON, and what people read. */
static const struct count {
	const char *word, *text;
	size_t offset;
} counts[] = {
#define COUNT(field, text)                                 \
	{                                                  \
#field, text, offsetof(struct flow, field) \
	}
	COUNT(packets, "packets"),
	COUNT(bytes, "payload bytes"),
	COUNT(new_bytes, "of these new"),
	COUNT(messages, "messages"),
	COUNT(requests, "requests"),
	COUNT(retransmissions, "retransmissions"),
	COUNT(out_of_order, "out of order"),
	COUNT(answers, "answers"),
	COUNT(acks, "ACKs"),
	COUNT(sequence_naks, "sequence NAKs"),
	COUNT(fatal_naks, "other NAKs"),
	COUNT(rnr_naks, "RNR NAKs"),
	COUNT(cnps, "CNPs"),
	COUNT(ce, "marked CE"),
	COUNT(copies, "copies"),
#undef COUNT
};

static uint64_t count_of(const struct flow *f, const struct count *c)
{
	return *(const uint64_t *)((const char *)f + c->offset);
}

static const char *transport_word(enum transport t)
{
	switch (t) {
	case TRANSPORT_RC: return "RC";
	case TRANSPORT_UC: return "UC";
	case TRANSPORT_UD: return "UD";
	case TRANSPORT_XRC: return "XRC";
	case TRANSPORT_CNP: break;
	}
	return "?";
}

/* From the first packet of either to the last. */
static double seconds(const struct flow *a, const struct flow *b)
{
	int64_t first = a->first_nsec, last = a->last_nsec;

	if (b->packets && (!a->packets || b->first_nsec < first))
		first = b->first_nsec;
	if (b->packets && (!a->packets || b->last_nsec > last))
		last = b->last_nsec;
	return (double)(last - first) / NSEC_OF_SEC;
}

/* Bits per second; 0: it took no time. */
static double goodput(const struct flow *f, double sec)
{
	return sec > 0 ? (double)f->new_bytes * 8 / sec : 0;
}

/* The QP that sends; false: nobody has said which. */
static bool own_qpn(const struct flow *f, const struct flow *back,
		    uint32_t *qpn)
{
	bool is_ud = f->key.transport == TRANSPORT_UD;

	*qpn = is_ud ? f->key.sqpn : back ? back->key.dqpn : 0;
	return is_ud || back;
}

/* ---- for people ---- */

static void print_bits(double bits, char text[32])
{
	static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s",
					    "Gbit/s"};
	unsigned i = 0;

	while (bits >= 1000 && i < 3) {
		bits /= 1000;
		i++;
	}
	snprintf(text, 32, "%.3g %s", bits, units[i]);
}

static void print_usec(int64_t nsec, char text[32])
{
	if (nsec < 10000000)
		snprintf(text, 32, "%.1f us", (double)nsec / 1e3);
	else
		snprintf(text, 32, "%.1f ms", (double)nsec / 1e6);
}

struct table {
	FILE *out;
	int width; /* of a column: the addresses above it fit */
};

static struct table table_for(const struct flow *a, FILE *out)
{
	char addr[IP_TEXT_MAX];
	size_t src = strlen(ip_format(&a->key.src, addr));
	size_t dst = strlen(ip_format(&a->key.dst, addr));
	size_t most = src > dst ? src : dst;

	return (struct table){out, most > COLUMN ? (int)most : COLUMN};
}

static void print_row(const struct table *t, const char *name, const char *left,
		      const char *right)
{
	fprintf(t->out, "  %-17s %*s", name, t->width, left);
	if (right)
		fprintf(t->out, " %*s", t->width, right);
	fputc('\n', t->out);
}

static void print_head(const struct table *t, const struct flow *a,
		       const struct flow *b, double sec)
{
	FILE *out = t->out;
	char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
	uint32_t qpn;

	ip_format(&a->key.src, src);
	ip_format(&a->key.dst, dst);
	fprintf(out, "%s %s", transport_word(a->key.transport), src);
	if (own_qpn(a, b, &qpn))
		fprintf(out, " QP 0x%x", qpn);
	fprintf(out, " %s %s QP 0x%x", b ? "and" : "to", dst, a->key.dqpn);
	if (a->key.vni != VNI_NONE)
		fprintf(out, ", VNI %u", a->key.vni);
	fprintf(out, ", %.6f s\n", sec);
	if (b)
		print_row(t, "from", src, dst);
}

static void print_counts(const struct table *t, const struct flow *a,
			 const struct flow *b)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		uint64_t left = count_of(a, &counts[i]);
		uint64_t right = b ? count_of(b, &counts[i]) : 0;
		char l[32], r[32];

		if (!left && !right)
			continue;
		snprintf(l, sizeof(l), "%" PRIu64, left);
		snprintf(r, sizeof(r), "%" PRIu64, right);
		print_row(t, counts[i].text, l, b ? r : NULL);
	}
}

static void print_goodput(const struct table *t, const struct flow *a,
			  const struct flow *b, double sec)
{
	char left[32], right[32];

	if (sec <= 0)
		return;
	print_bits(goodput(a, sec), left);
	print_bits(goodput(b ? b : &nothing, sec), right);
	print_row(t, "goodput", left, b ? right : NULL);
}

static void print_rtt(const struct table *t, const char *name, int64_t left,
		      int64_t right, const struct flow *a, const struct flow *b)
{
	char l[32] = "-", r[32] = "-";

	if (a->rtts)
		print_usec(left, l);
	if (b && b->rtts)
		print_usec(right, r);
	print_row(t, name, l, b ? r : NULL);
}

static int64_t rtt_mean(const struct flow *f)
{
	return f->rtts ? (int64_t)(f->rtt_sum / (double)f->rtts) : 0;
}

void connection_print(const struct flow *a, const struct flow *b, FILE *out)
{
	const struct flow *back = b ? b : &nothing;
	struct table t = table_for(a, out);
	double sec = seconds(a, back);

	print_head(&t, a, b, sec);
	print_counts(&t, a, b);
	print_goodput(&t, a, b, sec);
	if (a->rtts || back->rtts) {
		print_rtt(&t, "answered in, min", a->rtt_min, back->rtt_min, a,
			  b);
		print_rtt(&t, "  mean", rtt_mean(a), rtt_mean(back), a, b);
		print_rtt(&t, "  max", a->rtt_max, back->rtt_max, a, b);
	}
	fputc('\n', out);
}

/* ---- for machines ---- */

/* The direction @f: who sends, and what. */
static void json_flow(const struct flow *f, const struct flow *back, double sec,
		      FILE *out)
{
	char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
	uint32_t qpn;

	fprintf(out, "{\"src\":\"%s\",\"dst\":\"%s\",\"sqpn\":",
		ip_format(&f->key.src, src), ip_format(&f->key.dst, dst));
	if (own_qpn(f, back, &qpn))
		fprintf(out, "%u", qpn);
	else
		fputs("null", out);
	fprintf(out, ",\"dqpn\":%u", f->key.dqpn);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		fprintf(out, ",\"%s\":%" PRIu64, counts[i].word,
			count_of(f, &counts[i]));
	fprintf(out, ",\"goodput_bps\":%.0f,\"rtts\":%" PRIu64, goodput(f, sec),
		f->rtts);
	if (f->rtts)
		fprintf(out,
			",\"rtt_min_nsec\":%" PRId64
			",\"rtt_mean_nsec\":%" PRId64
			",\"rtt_max_nsec\":%" PRId64,
			f->rtt_min, rtt_mean(f), f->rtt_max);
	fputc('}', out);
}

void connection_json(const struct flow *a, const struct flow *b, FILE *out)
{
	double sec = seconds(a, b ? b : &nothing);

	fprintf(out, "{\"transport\":\"%s\",\"seconds\":%.9f",
		transport_word(a->key.transport), sec);
	if (a->key.vni != VNI_NONE)
		fprintf(out, ",\"vni\":%u", a->key.vni);
	fputs(",\"flows\":[", out);
	json_flow(a, b, sec, out);
	if (b) {
		fputc(',', out);
		json_flow(b, a, sec, out);
	}
	fputs("]}\n", out);
}
