#include <assert.h>
#include <inttypes.h>
#include "trace/cm.h"
#include "trace/field.h"
#include "trace/kind.h"
#include "wire/aeth.h"

/* ---- making the list ---- */

static struct field *add(struct fields *f, const char *name,
			 enum field_type type)
{
	struct field *v = &f->v[f->n++];

	assert(f->n <= FIELDS_MAX);
	v->name = name;
	v->type = type;
	return v;
}

static void add_n(struct fields *f, const char *name, enum field_type type,
		  uint64_t n)
{
	add(f, name, type)->n = n;
}

static void add_number(struct fields *f, const char *name, uint64_t n)
{
	add_n(f, name, FIELD_NUMBER, n);
}

static void add_hex(struct fields *f, const char *name, uint32_t n)
{
	add_n(f, name, FIELD_HEX, n);
}

static void add_wide(struct fields *f, const char *name, uint64_t n)
{
	add_n(f, name, FIELD_WIDE, n);
}

static void add_flag(struct fields *f, const char *name, bool on)
{
	add_n(f, name, FIELD_FLAG, on);
}

static void add_text(struct fields *f, const char *name, const char *text)
{
	add(f, name, FIELD_TEXT)->text = text;
}

static void add_addr(struct fields *f, const char *name,
		     const struct ip_addr *addr)
{
	add(f, name, FIELD_ADDR)->addr = *addr;
}

static void add_outer(struct fields *f, const struct packet *p)
{
	if (!p->tunnelled)
		return;
	add_number(f, "vni", p->vni);
	add_addr(f, "outer_src", &p->outer_src);
	add_addr(f, "outer_dst", &p->outer_dst);
}

static void add_ip(struct fields *f, const struct packet *p)
{
	static const char *const ecn[] = {"not-ect", "ect1", "ect0", "ce"};

	add_outer(f, p);
	add_addr(f, "src", &p->ip.src);
	add_addr(f, "dst", &p->ip.dst);
	add_number(f, "dscp", p->ip.tos >> 2);
	add_text(f, "ecn", ecn[p->ip.tos & 3]);
	add_number(f, "ttl", p->ip.ttl);
	add_number(f, "sport", p->udp.sport);
}

static void add_bth(struct fields *f, const struct bth *h)
{
	const struct opcode *op = opcode_find(h->opcode);

	add_text(f, "opcode", op ? op->name : "unknown");
	add_hex(f, "opcode_number", h->opcode);
	add_hex(f, "dqpn", h->dqpn);
	add_number(f, "psn", h->psn);
	add_flag(f, "ackreq", h->ackreq);
	add_flag(f, "se", h->se);
	add_flag(f, "fecn", h->fecn);
	add_flag(f, "becn", h->becn);
	add_flag(f, "migreq", h->migreq);
	add_hex(f, "pkey", h->pkey);
	add_number(f, "pad", h->pad);
}

static void add_xrceth(struct fields *f, const struct roce *r)
{
	add_hex(f, "srqn", r->srqn);
}

static void add_deth(struct fields *f, const struct roce *r)
{
	add_hex(f, "qkey", r->deth.qkey);
	add_hex(f, "sqpn", r->deth.sqpn);
}

static void add_feth(struct fields *f, const struct roce *r)
{
	add_number(f, "flush_type", r->feth.type);
	add_number(f, "selectivity", r->feth.selectivity);
}

static void add_reth(struct fields *f, const struct roce *r)
{
	add_wide(f, "va", r->reth.va);
	add_hex(f, "rkey", r->reth.rkey);
	add_number(f, "dma_len", r->reth.len);
}

static void add_atomiceth(struct fields *f, const struct roce *r)
{
	add_wide(f, "va", r->atomic.va);
	add_hex(f, "rkey", r->atomic.rkey);
	add_wide(f, "swap_add", r->atomic.swap_add);
	add_wide(f, "compare", r->atomic.compare);
}

static void add_aeth(struct fields *f, const struct roce *r)
{
	unsigned value = aeth_value(r->aeth.syndrome);

	switch (aeth_kind(r->aeth.syndrome)) {
	case AETH_ACK:
		add_text(f, "aeth", "ack");
		add_number(f, "credit_code", value);
		if (value != CREDITS_UNLIMITED)
			add_number(f, "credits", credits_from_code(value));
		break;
	case AETH_RNR:
		add_text(f, "aeth", "rnr");
		add_number(f, "rnr_code", value);
		add_number(f, "rnr_usec", rnr_usec(value));
		break;
	case AETH_NAK:
		add_text(f, "aeth", "nak");
		add_number(f, "nak_code", value);
		add_text(f, "nak", nak_text(value));
		break;
	case AETH_RESERVED:
		add_text(f, "aeth", "reserved");
		add_hex(f, "syndrome", r->aeth.syndrome);
		break;
	}
	add_number(f, "msn", r->aeth.msn);
}

static void add_atomicack(struct fields *f, const struct roce *r)
{
	add_wide(f, "orig", r->orig);
}

static void add_imm(struct fields *f, const struct roce *r)
{
	add_hex(f, "imm", r->imm);
}

static void add_ieth(struct fields *f, const struct roce *r)
{
	add_hex(f, "inv_rkey", r->inv_rkey);
}

static void add_payload(struct fields *f, const struct roce *r)
{
	add_number(f, "payload", r->payload.len);
}

/* In wire order. */
static const struct {
	uint32_t has;
	void (*add)(struct fields *f, const struct roce *r);
} parts[] = {
	{HAS_XRCETH, add_xrceth},	{HAS_DETH, add_deth},
	{HAS_FETH, add_feth},		{HAS_RETH, add_reth},
	{HAS_ATOMICETH, add_atomiceth}, {HAS_AETH, add_aeth},
	{HAS_ATOMICACK, add_atomicack}, {HAS_IMM, add_imm},
	{HAS_IETH, add_ieth},		{HAS_PAYLOAD, add_payload},
};

static void add_extensions(struct fields *f, const struct roce *r)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (r->op->flags & parts[i].has)
			parts[i].add(f, r);
}

static void add_cm(struct fields *f, const struct cm_msg *m, enum cm_key key,
		   const char *name, enum field_type type)
{
	if (cm_has(m->kind, key))
		add_n(f, name, type, cm_get(m, key));
}

static void add_cm_words(struct fields *f, const struct cm_msg *m)
{
	static const char *const transport[] = {"RC", "UC", "RD", "other"};
	static const char *const subject[] = {"REQ", "REP", "other", "other"};

	if (cm_has(m->kind, CM_TRANSPORT))
		add_text(f, "cm_transport", transport[cm_get(m, CM_TRANSPORT)]);
	if (cm_has(m->kind, CM_SUBJECT))
		add_text(f, "cm_about", subject[cm_get(m, CM_SUBJECT)]);
	if (cm_has(m->kind, CM_REASON))
		add_text(f, "cm_reason",
			 cm_reason_text((unsigned)cm_get(m, CM_REASON)));
	if (cm_has(m->kind, CM_SIDR_STATUS))
		add_text(f, "cm_status",
			 cm_sidr_text((unsigned)cm_get(m, CM_SIDR_STATUS)));
}

static void add_cm_address(struct fields *f, const struct cm_msg *m)
{
	struct cm_address a;

	if (!cm_address(m, &a))
		return;
	add_text(f, "cm_space",
		 a.space == 6	 ? "tcp"
		 : a.space == 17 ? "udp"
				 : "other");
	add_addr(f, "cm_src", &a.src);
	add_number(f, "cm_sport", a.sport);
	add_addr(f, "cm_dst", &a.dst);
	add_number(f, "cm_dport", a.dport);
}

/* In bytes; 0: reserved. */
static unsigned cm_mtu(uint64_t code)
{
	return code >= 1 && code <= 5 ? 128u << code : 0;
}

void fields_of_cm(struct fields *f, const struct cm_msg *m)
{
	add_text(f, "cm", cm_kind_word(m->kind));
	add_cm(f, m, CM_LOCAL_ID, "cm_id", FIELD_HEX);
	add_cm(f, m, CM_REMOTE_ID, "cm_remote_id", FIELD_HEX);
	add_cm(f, m, CM_QPN, "cm_qpn", FIELD_HEX);
	add_cm(f, m, CM_PSN, "cm_psn", FIELD_NUMBER);
	add_cm(f, m, CM_QKEY, "cm_qkey", FIELD_HEX);
	add_cm(f, m, CM_RESOURCES, "cm_resources", FIELD_NUMBER);
	add_cm(f, m, CM_DEPTH, "cm_depth", FIELD_NUMBER);
	add_cm(f, m, CM_RETRY, "cm_retry", FIELD_NUMBER);
	add_cm(f, m, CM_RNR_RETRY, "cm_rnr_retry", FIELD_NUMBER);
	add_cm(f, m, CM_ACK_TIMEOUT, "cm_ack_timeout", FIELD_NUMBER);
	add_cm(f, m, CM_SERVICE_TIMEOUT, "cm_service_timeout", FIELD_NUMBER);
	if (cm_has(m->kind, CM_PATH_MTU))
		add_number(f, "cm_mtu", cm_mtu(cm_get(m, CM_PATH_MTU)));
	add_cm_words(f, m);
	add_cm(f, m, CM_SERVICE_ID, "cm_service", FIELD_WIDE);
	add_cm_address(f, m);
}

void fields_of(struct fields *f, const struct packet *p, enum note note,
	       int64_t start_nsec)
{
	static const char *const icrc[] = {
		[ICRC_OK] = "ok", [ICRC_BAD] = "bad", [ICRC_CUT] = "cut"};
	struct cm_msg cm;

	f->n = 0;
	add_number(f, "frame", p->frame);
	add(f, "time", FIELD_TIME)->nsec = p->nsec - start_nsec;
	add_text(f, "kind", kind_word(kind_of(p, note)));
	if (p->segments) {
		add_number(f, "segment", p->segment);
		add_number(f, "segments", p->segments);
	}
	add_ip(f, p);
	if (packet_has_bth(p))
		add_bth(f, &p->roce.bth);
	if (p->drop)
		add_text(f, "undecodable", drop_word(p->drop));
	else
		add_extensions(f, &p->roce);
	if (cm_find(p, &cm))
		fields_of_cm(f, &cm);
	add_text(f, "icrc", icrc[p->icrc]);
	if (packet_has_bth(p))
		add_hex(f, "icrc_value", p->icrc_received);
}

/* ---- writing it ---- */

/* Seconds, to the nanosecond. */
static void write_time(int64_t nsec, FILE *out)
{
	uint64_t n = nsec < 0 ? 0 - (uint64_t)nsec : (uint64_t)nsec;

	fprintf(out, "%s%" PRIu64 ".%09" PRIu64, nsec < 0 ? "-" : "",
		n / 1000000000, n % 1000000000);
}

static void json_value(const struct field *v, FILE *out)
{
	char addr[IP_TEXT_MAX];

	switch (v->type) {
	case FIELD_NUMBER:
	case FIELD_HEX: fprintf(out, "%" PRIu64, v->n); break;
	case FIELD_WIDE: fprintf(out, "\"0x%" PRIx64 "\"", v->n); break;
	case FIELD_FLAG: fputs(v->n ? "true" : "false", out); break;
	case FIELD_TEXT: fprintf(out, "\"%s\"", v->text); break;
	case FIELD_ADDR:
		fprintf(out, "\"%s\"", ip_format(&v->addr, addr));
		break;
	case FIELD_TIME: write_time(v->nsec, out); break;
	}
}

void fields_json(const struct fields *f, FILE *out)
{
	for (size_t i = 0; i < f->n; i++) {
		fprintf(out, "%s\"%s\":", i ? "," : "{", f->v[i].name);
		json_value(&f->v[i], out);
	}
	fputs("}\n", out);
}

void field_text(const struct field *v, FILE *out)
{
	char addr[IP_TEXT_MAX];

	switch (v->type) {
	case FIELD_NUMBER: fprintf(out, "%" PRIu64, v->n); break;
	case FIELD_HEX:
	case FIELD_WIDE: fprintf(out, "0x%" PRIx64, v->n); break;
	case FIELD_FLAG: fputs(v->n ? "yes" : "no", out); break;
	case FIELD_TEXT: fputs(v->text, out); break;
	case FIELD_ADDR: fputs(ip_format(&v->addr, addr), out); break;
	case FIELD_TIME: write_time(v->nsec, out); break;
	}
}

void fields_text(const struct fields *f, FILE *out)
{
	for (size_t i = 0; i < f->n; i++) {
		fprintf(out, "%s%s ", i ? "\n" : "", f->v[i].name);
		field_text(&f->v[i], out);
	}
}
