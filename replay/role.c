#include "replay/role.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include "wire/print.h"

#define SHOWN_MAX   10u /* of a kind and play */
#define OUTSTANDING 128u
#define ROOM_MIN    UINT64_C(0x100000)
#define BESIDE	    UINT64_C(0x10000)
#define PACKET_MAX  400u

const char *side_word(enum side s)
{
	static const char *const words[SIDE_N] = {
		[SIDE_RESPONDER] = "responder",
		[SIDE_REQUESTER] = "requester",
	};

	return words[s];
}

uint64_t role_room(const struct flow *f)
{
	uint64_t longest = f->longest_memory > f->longest_send
				   ? f->longest_memory
				   : f->longest_send;
	uint64_t room = OUTSTANDING * longest;

	if (longest > STAGE_REGION_MAX - BESIDE)
		return 0;
	if (room < ROOM_MIN)
		return ROOM_MIN;
	return room < STAGE_REGION_MAX ? room : STAGE_REGION_MAX;
}

const char *role_qp_type(const struct role *p)
{
	switch (p->flow->key.transport) {
	case TRANSPORT_UC: return "UC";
	case TRANSPORT_UD: return "UD";
	case TRANSPORT_XRC:
		return p->side == SIDE_RESPONDER ? "XRC_RECV" : "XRC_SEND";
	case TRANSPORT_RC:
	case TRANSPORT_CNP: break;
	}
	return "RC";
}

/* ---- what differs ---- */

static void show_packet(FILE *out, const char *who, const struct roce *r)
{
	char text[PACKET_MAX];

	if (r)
		fprintf(out, "  %s %s\n", who,
			roce_print(r, text, sizeof(text)));
}

/* "flow 1: 10.0.0.2 as responder" */
static void show_side(FILE *out, const struct role *p)
{
	const struct stream_key *k = &p->flow->key;
	bool answers = p->side == SIDE_RESPONDER;
	char addr[IP_TEXT_MAX];

	fprintf(out, "flow %u: %s as %s", p->flow->number,
		ip_format(answers ? &k->dst : &k->src, addr),
		side_word(p->side));
}

static void note(struct role *p, enum diff kind, uint64_t frame,
		 const struct roce *want, const struct roce *got,
		 const char *fmt, va_list ap)
{
	enum diff_class class = diff_class(kind);
	FILE *out = p->o->out;

	p->tally.n[kind]++;
	stage_say(&p->stage, "frame %" PRIu64 ": %s (%s)", frame,
		  diff_word(kind), diff_class_word(class));
	if ((class != CLASS_VIOLATION && !p->o->verbose) ||
	    p->shown[kind]++ >= SHOWN_MAX)
		return;
	fprintf(out, "frame %" PRIu64 ": %s (%s): ", frame, diff_word(kind),
		diff_class_word(class));
	show_side(out, p);
	fputs(": ", out);
	vfprintf(out, fmt, ap);
	fputc('\n', out);
	show_packet(out, "captured:", want);
	show_packet(out, p->o->bench ? "the NIC:" : "glassnic:", got);
}

void role_note(struct role *p, enum diff kind, uint64_t frame,
	       const struct roce *want, const struct roce *got, const char *fmt,
	       ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(p, kind, frame, want, got, fmt, ap);
	va_end(ap);
}

/* The first violation at @frame, in a sorted report, or NULL. */
static const struct violation *violation_at(const struct report *r,
					    uint64_t frame)
{
	size_t low = 0, high = report_stored(r);

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (report_get(r, at)->frame < frame)
			low = at + 1;
		else
			high = at;
	}
	if (low == report_stored(r) || report_get(r, low)->frame != frame)
		return NULL;
	return report_get(r, low);
}

bool role_is_blamed(const struct role *p, uint64_t frame)
{
	return violation_at(p->o->report, frame);
}

void role_blame(struct role *p, enum diff kind, uint64_t frame, uint64_t cause,
		const struct roce *want, const struct roce *got,
		const char *fmt, ...)
{
	const struct violation *v = violation_at(p->o->report, frame);
	va_list ap;

	if (!v && cause)
		v = violation_at(p->o->report, cause);
	if (v) {
		role_note(p, DIFF_RULE, v->frame, want, got, "%s: %s",
			  rule_word(v->rule), v->text);
		return;
	}
	va_start(ap, fmt);
	note(p, kind, frame, want, got, fmt, ap);
	va_end(ap);
}

/* ---- playing ---- */

static const struct role_ops *ops_of(const struct role *p)
{
	if (p->side == SIDE_REQUESTER)
		return &asker_ops;
	return role_is_answered(p) ? &answerer_ops : &listener_ops;
}

struct role *role_new(const struct flow *f, enum side side, int64_t now,
		      const struct role_setting *o, char *why)
{
	struct role *p = calloc(1, sizeof(*p));

	snprintf(why, WORDS_WHY_MAX, "no memory");
	if (!p)
		return NULL;
	p->flow = f;
	p->side = side;
	p->o = o;
	p->ops = ops_of(p);
	queue_init(&p->queue);
	if (!stage_init(&p->stage, o->spec, o->bench, o->bench_ctx, now,
			o->drill, why)) {
		free(p);
		return NULL;
	}
	stage_say(&p->stage, "flow %u, as %s", f->number, side_word(side));
	if (!role_room(f))
		snprintf(p->stage.trouble, sizeof(p->stage.trouble),
			 "a message of more than %" PRIu64
			 " bytes is too long to be played",
			 STAGE_REGION_MAX - BESIDE);
	else if (p->ops->begin(p))
		return p;
	if (p->stage.trouble[0])
		snprintf(why, WORDS_WHY_MAX, "%s", p->stage.trouble);
	role_free(p);
	return NULL;
}

void role_take(struct role *p, const struct packet *packet, bool answer)
{
	struct item *i;

	if (p->stage.trouble[0])
		return;
	i = queue_add(&p->queue, packet, answer);
	if (!i) {
		snprintf(p->stage.trouble, sizeof(p->stage.trouble),
			 "no memory");
		return;
	}
	if (p->ops->enter)
		p->ops->enter(p, i);
	p->ops->go_on(p, false);
}

void role_end_flow(struct role *p)
{
	if (!p->stage.trouble[0])
		p->ops->go_on(p, true);
	if (p->stage.malformed)
		role_note(p, DIFF_DIFFERS, p->flow->last_frame, NULL, NULL,
			  "glassnic sent what does not decode");
}

void role_free(struct role *p)
{
	if (!p)
		return;
	p->ops->end(p);
	queue_fini(&p->queue);
	stage_fini(&p->stage);
	free(p);
}
