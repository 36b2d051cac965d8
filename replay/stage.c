#include "replay/stage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "replay/writer.h"
#include "wire/bth.h"

#define OWN_QPN_FIRST 0x100u /* as drills number them */
#define STEP_MAX      (10 * SEC)
#define STEP_MAX_LIVE (1 * SEC)
#define PATIENCE_LIVE (2 * SEC)
#define WRITE_MAX     512u /* bytes in a line */
#define PAYLOAD_MAX   8192u
#define SPORT	      50000u
#define TTL	      64u

/* ---- what the NIC does ---- */

static void take_packet(struct stage *s, const struct seen *seen)
{
	struct out *o = calloc(1, sizeof(*o) + seen->len);

	if (!o)
		return;
	memcpy(o->bytes, seen->bytes, seen->len);
	if (roce_decode(&o->roce, (struct span){o->bytes, seen->len})) {
		s->malformed = true;
		free(o);
		return;
	}
	o->frame = s->frame;
	list_add_tail(&s->out, &o->node);
	s->nout++;
	if (s->drill)
		writer_packet(s->drill, s, '<', &o->roce, NULL);
}

struct out *stage_next(const struct stage *s, const struct out *o)
{
	const struct list *at = o ? o->node.next : s->out.next;

	return at == &s->out ? NULL : list_entry(at, struct out, node);
}

void stage_drop(struct stage *s, struct out *o)
{
	list_del(&o->node);
	s->nout--;
	free(o);
}

static void take_completion(struct stage *s, const char *text)
{
	if (s->drill)
		writer_completion(s->drill, text);
	if (strstr(text, "status=SUCCESS ") ||
	    strstr(text, "status=WR_FLUSH_ERR "))
		return;
	s->failed++;
	snprintf(s->failure, sizeof(s->failure), "%.150s", text);
}

static void take_seen(struct stage *s)
{
	while (!list_empty(&s->bench->seen)) {
		struct seen *seen =
			list_entry(s->bench->seen.next, struct seen, node);

		list_del(&seen->node);
		switch (seen->kind) {
		case SEEN_PACKET: take_packet(s, seen); break;
		case SEEN_WC:
			take_completion(s, (const char *)seen->bytes);
			break;
		case SEEN_EVENT:
			if (s->drill)
				fprintf(s->drill, "event %s\n", seen->bytes);
			break;
		}
		free(seen);
	}
}

/* ---- time ---- */

static void say_time(struct stage *s)
{
	if (s->drill && s->unsaid)
		fprintf(s->drill, "wait %" PRIu64 "ns\n", s->unsaid);
	s->unsaid = 0;
}

bool stage_step(struct stage *s, nsec_t deadline)
{
	nsec_t now = s->bench->ops->now(s->bench);
	bool some = s->bench->ops->run(s->bench, deadline, true);

	s->unsaid += s->bench->ops->now(s->bench) - now;
	if (!some)
		return false;
	say_time(s);
	take_seen(s);
	return true;
}

void stage_wait(struct stage *s, nsec_t time)
{
	nsec_t deadline = s->bench->ops->now(s->bench) + time;

	/* The drill is to see each thing when it happens. */
	while (stage_step(s, deadline))
		;
}

nsec_t stage_deadline(const struct stage *s)
{
	return s->bench->ops->now(s->bench) +
	       (s->bench->live ? PATIENCE_LIVE : STAGE_SETTLE);
}

void stage_clock(struct stage *s, int64_t nsec)
{
	nsec_t now = s->bench->ops->now(s->bench), at;
	nsec_t most = s->bench->live ? STEP_MAX_LIVE : STEP_MAX;

	if (nsec <= s->origin)
		return;
	at = s->zero + (nsec_t)(nsec - s->origin);
	if (at <= now)
		return;
	if (at - now <= most) {
		stage_wait(s, at - now);
		return;
	}
	/* Nothing is due so late. */
	stage_wait(s, most);
	s->zero -= at - now - most;
}

/* ---- lines ---- */

void stage_say(struct stage *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->drill)
		return;
	fputs("# ", s->drill);
	va_start(ap, fmt);
	vfprintf(s->drill, fmt, ap);
	va_end(ap);
	fputc('\n', s->drill);
}

static bool do_line(struct stage *s, const char *line, char reply[REPLY_MAX])
{
	int rc;

	if (s->trouble[0])
		return false;
	rc = s->bench->ops->verb(s->bench, line, reply);
	take_seen(s);
	if (rc == VERB_OK)
		return true;
	if (rc == VERB_REFUSED || rc == VERB_LOST)
		snprintf(s->trouble, sizeof(s->trouble), "%.60s: %.400s", line,
			 reply);
	else
		snprintf(s->trouble, sizeof(s->trouble), "%.60s: %s", line,
			 strerror(rc < 0 ? -rc : rc));
	return false;
}

/* @line as the drill has it; @more: what its player would add. */
static bool play_line(struct stage *s, const char *line, const char *more,
		      char reply[REPLY_MAX])
{
	char whole[WORDS_LINE / 2 + 96];

	say_time(s);
	if (s->drill)
		fprintf(s->drill, "%s\n", line);
	snprintf(whole, sizeof(whole), "%s%s", line, more);
	return do_line(s, whole, reply);
}

bool stage_do(struct stage *s, const char *fmt, ...)
{
	char line[WORDS_LINE / 2], reply[REPLY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return play_line(s, line, "", reply);
}

bool stage_do_to(struct stage *s, const char *fmt, ...)
{
	char line[WORDS_LINE / 2], reply[REPLY_MAX], to[64], ip[IP_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	snprintf(to, sizeof(to), " dgid=%s", ip_format(&s->bench->own, ip));
	return play_line(s, line, to, reply);
}

/* ---- objects ---- */

static uint64_t learnt(const char *reply, const char *attr)
{
	struct words w;
	char why[WORDS_WHY_MAX];
	const char *text;
	uint64_t v = 0;

	if (!words_split(&w, reply, why))
		return 0;
	text = words_get(&w, attr);
	return text && words_number(text, &v) ? v : 0;
}

/* A new one: no receive request is left from before. */
static bool make_srq(struct stage *s)
{
	char reply[REPLY_MAX];

	if (!s->has_xrcd && !stage_do(s, "xrcd x"))
		return false;
	s->has_xrcd = true;
	if (s->srqn && !stage_do(s, "free s"))
		return false;
	if (!play_line(s, "srq s xrcd=x max_wr=64 max_sge=32", "", reply))
		return false;
	s->srqn = (uint32_t)learnt(reply, "srqn");
	return true;
}

bool stage_qp(struct stage *s, const char *type, const char *attrs)
{
	char line[512], peer[96], ip[IP_TEXT_MAX], reply[REPLY_MAX];
	bool xrc = !strcmp(type, "XRC_RECV");

	if (s->qps && !stage_do(s, "free %s", s->qp))
		return false;
	if (xrc && !make_srq(s))
		return false;
	s->own = OWN_QPN_FIRST + s->qps++;
	snprintf(s->qp, sizeof(s->qp), "q%u", s->qps);
	snprintf(s->recvs, sizeof(s->recvs), "%s", xrc ? "s" : s->qp);
	snprintf(line, sizeof(line), "qp %s %s %s%s", s->qp, type,
		 xrc ? "xrcd=x " : "", attrs);
	snprintf(peer, sizeof(peer), " dqpn=0x%x dgid=%s", s->own,
		 ip_format(&s->bench->own, ip));
	if (!play_line(s, line, peer, reply))
		return false;
	s->qpn = (uint32_t)learnt(reply, "qpn");
	return true;
}

/* Others cannot do what is newer, or refuse all if it is asked for. */
const char *stage_access(const struct stage *s)
{
	return s->bench->live ? "remote_write,remote_read,remote_atomic"
			      : "remote_write,remote_read,remote_atomic,"
				"flush_global,flush_persistent";
}

bool stage_region(struct stage *s, const char *name, uint64_t len)
{
	char line[256], reply[REPLY_MAX];

	snprintf(line, sizeof(line),
		 "mr %s %" PRIu64 " access=local_write,mw_bind,%s", name, len,
		 stage_access(s));
	if (!play_line(s, line, "", reply))
		return false;
	if (strcmp(name, "buf"))
		return true;
	s->va = learnt(reply, "va");
	s->rkey = (uint32_t)learnt(reply, "rkey");
	s->bytes = len;
	return true;
}

bool stage_forget_region(struct stage *s)
{
	if (s->has_window && !stage_do(s, "free w"))
		return false;
	s->has_window = false;
	s->rkey = 0;
	return stage_do(s, "free buf");
}

bool stage_window(struct stage *s)
{
	char line[96], reply[REPLY_MAX];

	if (!s->has_window && !stage_do(s, "mw w"))
		return false;
	s->has_window = true;
	snprintf(line, sizeof(line),
		 "post_send %s BIND_MW mw=w mr=buf unsignaled", s->qp);
	if (!play_line(s, line, "", reply))
		return false;
	s->window_key = (uint32_t)learnt(reply, "rkey");
	stage_wait(s, 0);
	return true;
}

/* @text has room for 2 * @len + 1 characters. */
static void hex(const uint8_t *p, size_t len, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*text++ = digits[p[i] >> 4];
		*text++ = digits[p[i] & 15];
	}
	*text = '\0';
}

bool stage_write(struct stage *s, const char *name, uint64_t offset,
		 struct span data)
{
	bool show = s->drill && data.len <= WRITER_DATA_MAX;
	char line[64 + 2 * WRITE_MAX], reply[REPLY_MAX];

	while (data.len) {
		size_t len = data.len < WRITE_MAX ? data.len : WRITE_MAX;
		const uint8_t *p = span_take(&data, len);
		int n = snprintf(line, sizeof(line),
				 "write %s+%" PRIu64 ":%zu ", name, offset,
				 len);

		hex(p, len, line + n);
		if (show ? !play_line(s, line, "", reply)
			 : !do_line(s, line, reply))
			return false;
		offset += len;
	}
	return true;
}

/* ---- packets ---- */

static void encode(const struct bench *b, const struct roce *r, struct pkt *pkt)
{
	uint8_t head[ROCE_HEAD_MAX];
	size_t n = roce_encode_head(r, head);

	pkt_reset(pkt);
	pkt->src = b->own;
	pkt->dst = b->nic;
	pkt->sport = SPORT;
	pkt->tos = 0;
	pkt->ttl = TTL;
	memcpy(pkt_push(pkt, n), head, n);
	pkt_add_span(pkt, r->payload.p, r->payload.len);
	memset(pkt_add_tail(pkt, r->bth.pad), 0, r->bth.pad);
}

enum drop stage_send(struct stage *s, struct roce *r, uint64_t frame)
{
	struct pkt pkt;
	enum drop word;

	if (s->trouble[0] || r->payload.len > PAYLOAD_MAX)
		return DROP_LENGTH;
	s->frame = frame;
	r->bth.dqpn = s->qpn;
	r->srqn = s->srqn;
	r->bth.migreq = true;
	r->bth.pkey = PKEY_DEFAULT;
	encode(s->bench, r, &pkt);
	say_time(s);
	word = s->bench->ops->send(s->bench, &pkt, NULL);
	if (s->bench->trouble[0])
		snprintf(s->trouble, sizeof(s->trouble), "%.500s",
			 s->bench->trouble);
	if (s->drill)
		writer_packet(s->drill, s, '>', r,
			      word == DROP_NONE || word == DROP_N
				      ? NULL
				      : drop_word(word));
	take_seen(s);
	return word;
}

/* ---- making it ---- */

bool stage_init(struct stage *s, const char *spec, stage_bench make, void *ctx,
		int64_t origin, FILE *drill, char *why)
{
	bool skip = false;

	*s = (struct stage){.drill = drill, .origin = origin};
	list_init(&s->out);
	s->bench = make ? make(ctx, spec, why, &skip) : vnic_new(spec, NULL, why);
	if (!s->bench)
		return false;
	s->zero = s->bench->ops->now(s->bench);
	if (drill && *spec)
		fprintf(drill, "nic %s\n", spec);
	return true;
}

void stage_fini(struct stage *s)
{
	while (!list_empty(&s->out))
		stage_drop(s, stage_next(s, NULL));
	if (s->bench)
		s->bench->ops->free(s->bench);
	s->bench = NULL;
}
