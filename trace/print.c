#include <inttypes.h>
#include <string.h>
#include "trace/cm.h"
#include "trace/field.h"
#include "trace/print.h"
#include "wire/aeth.h"
#include "wire/print.h"

enum ink packet_ink(const struct packet *p, enum note note)
{
	if (p->icrc == ICRC_BAD || p->drop)
		return INK_BAD;
	switch (note) {
	case NOTE_NONE: return INK_PLAIN;
	case NOTE_RETRANSMISSION: return INK_WARN;
	case NOTE_NAK: return INK_BAD;
	case NOTE_COPY: return INK_DIM;
	case NOTE_CNP: return INK_WARN;
	}
	return INK_PLAIN;
}

/* " [CM REQ id=0x14938abb qpn=0x56 psn=2105468 ...]" */
static void print_cm(const struct cm_msg *m, FILE *out)
{
	struct fields f = {0};

	fields_of_cm(&f, m);
	fprintf(out, " [CM %s", cm_kind_word(m->kind));
	for (size_t i = 1; i < f.n; i++) {
		fprintf(out, " %s=", f.v[i].name + strlen("cm_"));
		field_text(&f.v[i], out);
	}
	fputc(']', out);
}

static void print_oddities(const struct packet *p, enum note note, FILE *out)
{
	static const char *const notes[] = {
		[NOTE_NONE] = "", [NOTE_RETRANSMISSION] = " [again]",
		[NOTE_NAK] = "",  [NOTE_COPY] = " [copy]",
		[NOTE_CNP] = "",
	};

	struct cm_msg cm;

	fputs(notes[note], out);
	if (cm_find(p, &cm))
		print_cm(&cm, out);
	if (p->segments)
		fprintf(out, " [train %u/%u]", p->segment, p->segments);
	if (p->tunnelled)
		fprintf(out, " [vni %u]", p->vni);
	if (p->icrc == ICRC_CUT)
		fputs(" [cut by the sniffer]", out);
	if (p->drop)
		fprintf(out, " DOES NOT DECODE (%s)", drop_text(p->drop));
	if (p->icrc == ICRC_BAD && packet_has_bth(p))
		fputs(" ICRC BAD", out);
}

const char *print_seconds(int64_t nsec, char text[SECONDS_MAX])
{
	int64_t usec = nsec / 1000;
	uint64_t n = usec < 0 ? 0 - (uint64_t)usec : (uint64_t)usec;

	snprintf(text, SECONDS_MAX, "%s%" PRIu64 ".%06" PRIu64,
		 usec < 0 ? "-" : "", n / 1000000, n % 1000000);
	return text;
}

void packet_print(const struct packet *p, enum note note, int64_t start_nsec,
		  const struct paint *paint, FILE *out)
{
	char text[PACKET_TEXT_MAX] = "", src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
	char seconds[SECONDS_MAX];

	if (p->drop == DROP_NONE)
		roce_print(&p->roce, text, sizeof(text));
	else if (packet_has_bth(p))
		snprintf(text, sizeof(text), "opcode 0x%02x dqpn=0x%x psn=%u",
			 p->roce.bth.opcode, p->roce.bth.dqpn, p->roce.bth.psn);
	fprintf(out, "%s%5" PRIu64 " %11s %s -> %s  %s",
		paint_ink(paint, packet_ink(p, note)), p->frame,
		print_seconds(p->nsec - start_nsec, seconds),
		ip_format(&p->ip.src, src), ip_format(&p->ip.dst, dst), text);
	print_oddities(p, note, out);
	fprintf(out, "%s\n", paint_end(paint, packet_ink(p, note)));
}

static int brief_aeth(const struct aeth *a, uint32_t psn, char *text,
		      size_t size)
{
	unsigned value = aeth_value(a->syndrome);

	switch (aeth_kind(a->syndrome)) {
	case AETH_ACK:
		return snprintf(text, size, "ACK psn=%u msn=%u", psn, a->msn);
	case AETH_RNR:
		return snprintf(text, size, "RNR NAK psn=%u wait %u.%02u ms",
				psn, rnr_usec(value) / 1000,
				rnr_usec(value) / 10 % 100);
	case AETH_NAK:
		return snprintf(text, size, "NAK psn=%u %s", psn,
				nak_text(value));
	case AETH_RESERVED: break;
	}
	return snprintf(text, size, "AETH 0x%02x psn=%u", a->syndrome, psn);
}

static bool is_acknowledge(const struct roce *r)
{
	return opcode_operation(r->bth.opcode) == OP_ACKNOWLEDGE &&
	       r->op->flags & IS_RESPONSE;
}

/* Without the transport: "SEND_ONLY". */
static const char *short_name(const struct opcode *op)
{
	const char *name = strchr(op->name, '_');

	return name ? name + 1 : op->name;
}

/* Of the whole message where the packet says that, else of the packet. */
static size_t length_said(const struct roce *r)
{
	return r->op->flags & HAS_RETH ? r->reth.len : r->payload.len;
}

/* "CM REQ, QP 0x56, PSN 2105468" */
static const char *say_cm(const struct cm_msg *m, char *text, size_t size)
{
	const char *word = cm_kind_word(m->kind);

	if (m->kind == CM_REJ)
		snprintf(text, size, "CM %s: %s", word,
			 cm_reason_text((unsigned)cm_get(m, CM_REASON)));
	else if (cm_has(m->kind, CM_PSN))
		snprintf(text, size, "CM %s, QP 0x%" PRIx64 ", PSN %" PRIu64,
			 word, cm_get(m, CM_QPN), cm_get(m, CM_PSN));
	else
		snprintf(text, size, "CM %s", word);
	return text;
}

const char *packet_brief(const struct packet *p, char *text, size_t size)
{
	const struct roce *r = &p->roce;
	struct cm_msg cm;

	if (cm_find(p, &cm))
		return say_cm(&cm, text, size);
	if (p->drop)
		snprintf(text, size, "? (%s)", drop_text(p->drop));
	else if (is_acknowledge(r))
		brief_aeth(&r->aeth, r->bth.psn, text, size);
	else
		snprintf(text, size, "%s psn=%u len=%zu%s%s", short_name(r->op),
			 r->bth.psn, length_said(r), r->bth.ackreq ? " A" : "",
			 p->icrc == ICRC_BAD ? " ICRC BAD" : "");
	return text;
}

static void label_aeth(const struct aeth *a, char *text, size_t size)
{
	unsigned value = aeth_value(a->syndrome);

	switch (aeth_kind(a->syndrome)) {
	case AETH_ACK:
		if (value == CREDITS_UNLIMITED)
			snprintf(text, size, "ACK, MSN %u", a->msn);
		else
			snprintf(text, size, "ACK, MSN %u, %u credit%s", a->msn,
				 credits_from_code(value),
				 value == 1 ? "" : "s");
		return;
	case AETH_RNR:
		snprintf(text, size, "RNR NAK, wait %u.%02u ms",
			 rnr_usec(value) / 1000, rnr_usec(value) / 10 % 100);
		return;
	case AETH_NAK: snprintf(text, size, "NAK: %s", nak_text(value)); return;
	case AETH_RESERVED: break;
	}
	snprintf(text, size, "AETH 0x%02x", a->syndrome);
}

const char *packet_label(const struct packet *p, char *text, size_t size)
{
	const struct roce *r = &p->roce;
	struct cm_msg cm;

	if (cm_find(p, &cm))
		return say_cm(&cm, text, size);
	if (p->drop)
		snprintf(text, size, "? (%s)", drop_text(p->drop));
	else if (p->icrc == ICRC_BAD)
		snprintf(text, size, "%s, wrong ICRC", short_name(r->op));
	else if (is_acknowledge(r))
		label_aeth(&r->aeth, text, size);
	else if (r->bth.opcode == OPCODE_CNP)
		snprintf(text, size, "CNP");
	else if (length_said(r) == 0)
		snprintf(text, size, "%s", short_name(r->op));
	else
		snprintf(text, size, "%s, %zu bytes", short_name(r->op),
			 length_said(r));
	return text;
}
