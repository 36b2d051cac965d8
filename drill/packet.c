#include "drill/packet.h"

#include <stdio.h>
#include <string.h>
#include "nic/base/nearest.h"
#include "wire/aeth.h"

/* ---- the table ---- */

#define HEX true
#define DEC false

#define MAD_LEN 256u

static const struct row {
	const char *name;
	uint32_t has;	  /* flags of opcodes that have it; 0: all */
	const char *attr; /* what the name of an object stands for */
	bool hex;
	uint8_t mad_at, mad_len; /* bytes of the payload */
	uint8_t bits;
} rows[F_N] = {
	[F_DQPN] = {"dqpn", 0, "qpn", HEX, 0, 0, 24},
	[F_PSN] = {"psn", 0, "psn", DEC, 0, 0, 24},
	[F_ACKREQ] = {"ackreq", 0, "", DEC, 0, 0, 1},
	[F_SE] = {"se", 0, "", DEC, 0, 0, 1},
	[F_FECN] = {"fecn", 0, "", DEC, 0, 0, 1},
	[F_BECN] = {"becn", 0, "", DEC, 0, 0, 1},
	[F_MIGREQ] = {"migreq", 0, "", DEC, 0, 0, 1},
	[F_PKEY] = {"pkey", 0, "", HEX, 0, 0, 16},
	[F_PAD] = {"pad", 0, "", DEC, 0, 0, 2},
	[F_TVER] = {"tver", 0, "", DEC, 0, 0, 4},
	[F_RESV6] = {"resv6", 0, "", HEX, 0, 0, 6},
	[F_RESV7] = {"resv7", 0, "", HEX, 0, 0, 7},
	[F_SRQN] = {"srqn", HAS_XRCETH, "srqn", HEX, 0, 0, 24},
	[F_QKEY] = {"qkey", HAS_DETH, "qkey", HEX, 0, 0, 32},
	[F_SQPN] = {"sqpn", HAS_DETH, "sqpn", HEX, 0, 0, 24},
	[F_TYPE] = {"type", HAS_FETH, "", DEC, 0, 0, 4},
	[F_SELECTIVITY] = {"selectivity", HAS_FETH, "", DEC, 0, 0, 2},
	[F_VA] = {"va", HAS_RETH | HAS_ATOMICETH, "va", HEX, 0, 0, 64},
	[F_RKEY] = {"rkey", HAS_RETH | HAS_ATOMICETH, "rkey", HEX, 0, 0, 32},
	[F_LEN] = {"len", HAS_RETH, "len", DEC, 0, 0, 32},
	[F_SWAP_ADD] = {"swap_add", HAS_ATOMICETH, "", HEX, 0, 0, 64},
	[F_COMPARE] = {"compare", HAS_ATOMICETH, "", HEX, 0, 0, 64},
	[F_KIND] = {"syndrome", HAS_AETH, "", DEC, 0, 0, 2},
	[F_VALUE] = {"syndrome value", HAS_AETH, "", DEC, 0, 0, 5},
	[F_MSN] = {"msn", HAS_AETH, "", DEC, 0, 0, 24},
	[F_ORIG] = {"orig", HAS_ATOMICACK, "", HEX, 0, 0, 64},
	[F_IMM] = {"imm", HAS_IMM, "", HEX, 0, 0, 32},
	[F_INV_RKEY] = {"inv_rkey", HAS_IETH, "rkey", HEX, 0, 0, 32},
	[F_MAD_CLASS] = {"mad_class", HAS_PAYLOAD, "", HEX, 1, 1, 8},
	[F_MAD_METHOD] = {"mad_method", HAS_PAYLOAD, "", HEX, 3, 1, 8},
	[F_MAD_STATUS] = {"mad_status", HAS_PAYLOAD, "", HEX, 4, 2, 16},
	[F_MAD_TID] = {"mad_tid", HAS_PAYLOAD, "", HEX, 8, 8, 64},
	[F_MAD_ATTR] = {"mad_attr", HAS_PAYLOAD, "", HEX, 16, 2, 16},
	[F_PAYLOAD] = {"payload", HAS_PAYLOAD, "len", DEC, 0, 0, 32},
	[F_TOS] = {"tos", 0, "", HEX, 0, 0, 8},
	[F_TTL] = {"ttl", 0, "", DEC, 0, 0, 8},
	[F_SPORT] = {"sport", 0, "", DEC, 0, 0, 16},
};

_Static_assert(F_N <= 64, "fields given are bits of a uint64_t");

/* Words that stand for a field and its value. */
static const struct {
	const char *word;
	enum field field;
	uint64_t value;
} flags[] = {
	{"ackreq", F_ACKREQ, 1},   {"noackreq", F_ACKREQ, 0},
	{"se", F_SE, 1},	   {"nose", F_SE, 0},
	{"fecn", F_FECN, 1},	   {"nofecn", F_FECN, 0},
	{"becn", F_BECN, 1},	   {"nobecn", F_BECN, 0},
	{"migreq", F_MIGREQ, 1},   {"nomigreq", F_MIGREQ, 0},
	{"ack", F_KIND, AETH_ACK}, {"rnr", F_KIND, AETH_RNR},
};

/* Keys that say what kind of syndrome it is, too. */
static const struct {
	const char *key;
	enum aeth_kind kind;
} syndromes[] = {
	{"credits", AETH_ACK},
	{"timer", AETH_RNR},
	{"reserved", AETH_RESERVED},
	{"nak", AETH_NAK},
};

static const char *const nak_names[NAK_N] = {
	[NAK_PSN_SEQUENCE] = "psn_sequence",
	[NAK_INVALID_REQUEST] = "invalid_request",
	[NAK_REMOTE_ACCESS] = "remote_access",
	[NAK_REMOTE_OPERATIONAL] = "remote_operational",
	[NAK_INVALID_RD] = "invalid_rd",
};

const char *packet_field_name(unsigned i)
{
	return i < F_N ? rows[i].name : NULL;
}

bool packet_has(uint8_t opcode, enum field f)
{
	const struct opcode *op = opcode_find(opcode);

	return !rows[f].has || (op && op->flags & rows[f].has);
}

/* ---- text to fields ---- */

static bool take_flag(struct packet_text *p, const char *word)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (!strcmp(flags[i].word, word)) {
			packet_set(p, flags[i].field, flags[i].value);
			return true;
		}
	return false;
}

static bool nak_number(const char *text, uint64_t *value)
{
	for (unsigned i = 0; i < NAK_N; i++)
		if (!strcmp(nak_names[i], text)) {
			*value = i;
			return true;
		}
	return words_number(text, value);
}

static int take_syndrome(struct packet_text *p, const struct word *w, char *why)
{
	uint64_t v;

	for (size_t i = 0; i < sizeof(syndromes) / sizeof(*syndromes); i++) {
		if (strcmp(syndromes[i].key, w->text))
			continue;
		if (!nak_number(w->value, &v) || v > 31) {
			snprintf(why, WORDS_WHY_MAX, "%s=%.40s: not in 0 to 31",
				 w->text, w->value);
			return -1;
		}
		packet_set(p, F_KIND, syndromes[i].kind);
		packet_set(p, F_VALUE, v);
		return 1;
	}
	return 0;
}

static int take_data(struct packet_text *p, const char *text, char *why)
{
	size_t len = packet_gives(p, F_PAYLOAD) ? p->v[F_PAYLOAD] : 0;

	if (!len &&
	    (!strncmp(text, "count", 5) || !strncmp(text, "fill@", 5))) {
		snprintf(why, WORDS_WHY_MAX,
			 "%.40s: of how many bytes? write payload=N before it",
			 text);
		return -1;
	}
	if (!words_bytes(text, p->data, sizeof(p->data), &len, why))
		return -1;
	packet_set(p, F_PAYLOAD, len);
	p->has_data = p->exact = true;
	return 1;
}

static void set_mad(struct packet_text *p, const struct row *row, uint64_t v)
{
	if (!p->has_data || p->v[F_PAYLOAD] < MAD_LEN) {
		static const uint8_t head[] = {1, 0,
					       2}; /* base, class version */

		memset(p->data, 0, MAD_LEN);
		memcpy(p->data, head, sizeof(head));
		p->has_data = true;
		packet_set(p, F_PAYLOAD, MAD_LEN);
	}
	for (unsigned i = 0; i < row->mad_len; i++)
		p->data[row->mad_at + i] =
			(uint8_t)(v >> 8 * (row->mad_len - 1 - i));
}

static bool fits(const struct row *row, const char *text, uint64_t v, char *why)
{
	if (row->bits == 64 || !(v >> row->bits))
		return true;
	snprintf(why, WORDS_WHY_MAX, "%.40s: more than %u bits", text,
		 row->bits);
	return false;
}

int packet_take(struct packet_text *p, const struct word *w,
		packet_lookup lookup, void *ctx, char *why)
{
	uint64_t v;
	int took;

	if (!w->value)
		return take_flag(p, w->text);
	took = take_syndrome(p, w, why);
	if (took)
		return took;
	if (!strcmp(w->text, "data"))
		return take_data(p, w->value, why);
	for (unsigned i = 0; i < F_N; i++) {
		if (strcmp(rows[i].name, w->text))
			continue;
		if (!lookup(ctx, w->value, rows[i].attr, &v, why) ||
		    !fits(&rows[i], w->value, v, why))
			return -1;
		packet_set(p, (enum field)i, v);
		if (rows[i].mad_len)
			set_mad(p, &rows[i], v);
		return 1;
	}
	return 0;
}

static const char *const prefixes[] = {"RC_", "UC_", "UD_", "XRC_"};

/* What a drill may call opcode @n: by its whole name, or within transport @t
 * without that.  NULL: it may not.
 */
static const char *opcode_name(unsigned n, enum transport t, bool whole)
{
	const struct opcode *op = opcode_find((uint8_t)n);
	const char *rest;

	if (!op || whole)
		return op ? op->name : NULL;
	rest = strchr(op->name, '_');
	return opcode_transport((uint8_t)n) == t && rest ? rest + 1 : NULL;
}

static bool is_whole_name(const char *name)
{
	bool whole = !strcmp(name, "CNP");

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		whole |= !strncmp(name, prefixes[i], strlen(prefixes[i]));
	return whole;
}

bool packet_opcode(const char *name, enum transport t, uint8_t *opcode,
		   char *why)
{
	bool whole = is_whole_name(name);
	struct nearest near;
	uint64_t v;

	if (!strncmp(name, "OPCODE_0x", 9) && words_number(name + 7, &v) &&
	    v < 256) {
		*opcode = (uint8_t)v;
		return true;
	}
	nearest_init(&near, name);
	for (unsigned n = 0; n < 256; n++) {
		const char *called = opcode_name(n, t, whole);

		if (called && !strcmp(called, name)) {
			*opcode = (uint8_t)n;
			return true;
		}
		if (called)
			nearest_offer(&near, called);
	}
	snprintf(why, WORDS_WHY_MAX, "%.40s: no such opcode%s%s%s%s", name,
		 whole ? "" : " of this QP's transport",
		 near.best ? "; did you mean " : "", near.best ? near.best : "",
		 near.best ? "?" : "");
	return false;
}

/* ---- fields and packets ---- */

static void take_bth(struct packet_text *p, const struct bth *h)
{
	p->opcode = h->opcode;
	packet_set(p, F_DQPN, h->dqpn);
	packet_set(p, F_PSN, h->psn);
	packet_set(p, F_ACKREQ, h->ackreq);
	packet_set(p, F_SE, h->se);
	packet_set(p, F_FECN, h->fecn);
	packet_set(p, F_BECN, h->becn);
	packet_set(p, F_MIGREQ, h->migreq);
	packet_set(p, F_PKEY, h->pkey);
	packet_set(p, F_PAD, h->pad);
	packet_set(p, F_TVER, h->tver);
	packet_set(p, F_RESV6, h->resv6);
	packet_set(p, F_RESV7, h->resv7);
}

static void take_ext(struct packet_text *p, const struct roce *r)
{
	bool atomic = r->op->flags & HAS_ATOMICETH;

	packet_set(p, F_SRQN, r->srqn);
	packet_set(p, F_QKEY, r->deth.qkey);
	packet_set(p, F_SQPN, r->deth.sqpn);
	packet_set(p, F_TYPE, r->feth.type);
	packet_set(p, F_SELECTIVITY, r->feth.selectivity);
	packet_set(p, F_VA, atomic ? r->atomic.va : r->reth.va);
	packet_set(p, F_RKEY, atomic ? r->atomic.rkey : r->reth.rkey);
	packet_set(p, F_LEN, r->reth.len);
	packet_set(p, F_SWAP_ADD, r->atomic.swap_add);
	packet_set(p, F_COMPARE, r->atomic.compare);
	packet_set(p, F_KIND, aeth_kind(r->aeth.syndrome));
	packet_set(p, F_VALUE, aeth_value(r->aeth.syndrome));
	packet_set(p, F_MSN, r->aeth.msn);
	packet_set(p, F_ORIG, r->orig);
	packet_set(p, F_IMM, r->imm);
	packet_set(p, F_INV_RKEY, r->inv_rkey);
}

static void take_mad(struct packet_text *p)
{
	for (unsigned f = 0; f < F_N; f++) {
		uint64_t v = 0;

		for (unsigned i = 0; i < rows[f].mad_len; i++)
			v = v << 8 | p->data[rows[f].mad_at + i];
		if (rows[f].mad_len)
			packet_set(p, (enum field)f, v);
	}
}

void packet_from_roce(struct packet_text *p, const struct roce *r)
{
	size_t len = r->payload.len;

	p->given = 0;
	take_bth(p, &r->bth);
	take_ext(p, r);
	for (unsigned f = 0; f < F_N; f++)
		if (!packet_has(p->opcode, (enum field)f))
			p->given &= ~((uint64_t)1 << f);
	if (len > sizeof(p->data))
		len = sizeof(p->data);
	if (len)
		memcpy(p->data, r->payload.p, len);
	p->has_data = true;
	packet_set(p, F_PAYLOAD, len);
	if (len >= MAD_LEN)
		take_mad(p);
}

void packet_to_roce(const struct packet_text *p, struct roce *r)
{
	const uint64_t *v = p->v;

	*r = (struct roce){
		.bth = {.opcode = p->opcode,
			.dqpn = (uint32_t)v[F_DQPN],
			.psn = (uint32_t)v[F_PSN],
			.ackreq = v[F_ACKREQ],
			.se = v[F_SE],
			.fecn = v[F_FECN],
			.becn = v[F_BECN],
			.migreq = v[F_MIGREQ],
			.pkey = (uint16_t)v[F_PKEY],
			.pad = (uint8_t)v[F_PAD],
			.tver = (uint8_t)v[F_TVER],
			.resv6 = (uint8_t)v[F_RESV6],
			.resv7 = (uint8_t)v[F_RESV7]},
		.srqn = (uint32_t)v[F_SRQN],
		.deth = {(uint32_t)v[F_QKEY], (uint32_t)v[F_SQPN]},
		.feth = {(uint8_t)v[F_TYPE], (uint8_t)v[F_SELECTIVITY]},
		.reth = {v[F_VA], (uint32_t)v[F_RKEY], (uint32_t)v[F_LEN]},
		.atomic = {v[F_VA], (uint32_t)v[F_RKEY], v[F_SWAP_ADD],
			   v[F_COMPARE]},
		.aeth = {aeth_syndrome((enum aeth_kind)v[F_KIND],
				       (unsigned)v[F_VALUE]),
			 (uint32_t)v[F_MSN]},
		.orig = v[F_ORIG],
		.imm = (uint32_t)v[F_IMM],
		.inv_rkey = (uint32_t)v[F_INV_RKEY],
		.payload = {p->data, v[F_PAYLOAD]},
	};
}

/* ---- comparing ---- */

static void say_value(enum field f, uint64_t v, char *out, size_t size)
{
	static const char *const kinds[] = {"ack", "rnr", "reserved", "nak"};

	if (f == F_KIND)
		snprintf(out, size, "%s", kinds[v & 3]);
	else
		snprintf(out, size, rows[f].hex ? "0x%llx" : "%llu",
			 (unsigned long long)v);
}

static bool match_data(const struct packet_text *want,
		       const struct packet_text *got, char *why)
{
	for (size_t i = 0; i < want->v[F_PAYLOAD]; i++)
		if (want->data[i] != got->data[i]) {
			snprintf(why, WORDS_WHY_MAX,
				 "data[%zu]: expected 0x%02x, got 0x%02x", i,
				 want->data[i], got->data[i]);
			return false;
		}
	return true;
}

bool packet_match(const struct packet_text *want, const struct packet_text *got,
		  char *why)
{
	char a[32], b[32];

	if (want->opcode != got->opcode) {
		const struct opcode *op = opcode_find(want->opcode);
		const struct opcode *is = opcode_find(got->opcode);

		snprintf(why, WORDS_WHY_MAX, "opcode: expected %s, got %s",
			 op ? op->name : "an unknown one",
			 is ? is->name : "an unknown one");
		return false;
	}
	for (unsigned f = 0; f < F_N; f++) {
		if (!packet_gives(want, (enum field)f) ||
		    want->v[f] == got->v[f])
			continue;
		say_value((enum field)f, want->v[f], a, sizeof(a));
		say_value((enum field)f, got->v[f], b, sizeof(b));
		snprintf(why, WORDS_WHY_MAX, "%s: expected %s, got %s",
			 rows[f].name, a, b);
		return false;
	}
	return !want->exact || match_data(want, got, why);
}
