#include <stdarg.h>
#include <stdio.h>
#include "wire/aeth.h"
#include "wire/print.h"

/* A text that grows up to its size; what does not fit is cut off. */
struct text {
	char *p;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t,
						      const char *format, ...)
{
	va_list args;
	int n;

	if (t->len >= t->size)
		return;
	va_start(args, format);
	n = vsnprintf(t->p + t->len, t->size - t->len, format, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n;
}

static void say_flag(struct text *t, bool on, const char *word)
{
	if (on)
		say(t, " %s", word);
}

static void say_bth(struct text *t, const struct bth *h)
{
	say(t, " dqpn=0x%x psn=%u", h->dqpn, h->psn);
	say_flag(t, h->ackreq, "ackreq");
	say_flag(t, h->se, "se");
	say_flag(t, h->fecn, "fecn");
	say_flag(t, h->becn, "becn");
	say_flag(t, !h->migreq, "nomigreq");
	if (h->pkey != PKEY_DEFAULT)
		say(t, " pkey=0x%04x", h->pkey);
	if (h->pad)
		say(t, " pad=%u", h->pad);
	if (h->resv6)
		say(t, " resv6=0x%x", h->resv6);
	if (h->resv7)
		say(t, " resv7=0x%x", h->resv7);
}

static void say_xrceth(struct text *t, const struct roce *r)
{
	say(t, " srqn=0x%x", r->srqn);
}

static void say_deth(struct text *t, const struct roce *r)
{
	say(t, " qkey=0x%x sqpn=0x%x", r->deth.qkey, r->deth.sqpn);
}

static void say_feth(struct text *t, const struct roce *r)
{
	say(t, " type=%u selectivity=%u", r->feth.type, r->feth.selectivity);
}

static void say_reth(struct text *t, const struct roce *r)
{
	say(t, " va=0x%llx rkey=0x%x len=%u", (unsigned long long)r->reth.va,
	    r->reth.rkey, r->reth.len);
}

static void say_atomiceth(struct text *t, const struct roce *r)
{
	const struct atomiceth *a = &r->atomic;

	say(t, " va=0x%llx rkey=0x%x swap_add=0x%llx compare=0x%llx",
	    (unsigned long long)a->va, a->rkey, (unsigned long long)a->swap_add,
	    (unsigned long long)a->compare);
}

static void say_syndrome(struct text *t, const struct aeth *a)
{
	unsigned value = aeth_value(a->syndrome);

	switch (aeth_kind(a->syndrome)) {
	case AETH_ACK: say(t, "ack credits=%u", value); break;
	case AETH_RNR:
		say(t, "rnr timer=%u(%u.%02ums)", value, rnr_usec(value) / 1000,
		    rnr_usec(value) / 10 % 100);
		break;
	case AETH_RESERVED: say(t, "reserved=%u", value); break;
	case AETH_NAK: say(t, "nak=%u(%s)", value, nak_text(value)); break;
	}
	say(t, " msn=%u", a->msn);
}

static void say_aeth(struct text *t, const struct roce *r)
{
	say(t, " ");
	say_syndrome(t, &r->aeth);
}

static void say_atomicack(struct text *t, const struct roce *r)
{
	say(t, " orig=0x%llx", (unsigned long long)r->orig);
}

static void say_imm(struct text *t, const struct roce *r)
{
	say(t, " imm=0x%x", r->imm);
}

static void say_ieth(struct text *t, const struct roce *r)
{
	say(t, " inv_rkey=0x%x", r->inv_rkey);
}

static void say_payload(struct text *t, const struct roce *r)
{
	say(t, " payload=%zu", r->payload.len);
}

/* In wire order. */
static const struct {
	uint32_t has;
	void (*say)(struct text *t, const struct roce *r);
} parts[] = {
	{HAS_XRCETH, say_xrceth},	{HAS_DETH, say_deth},
	{HAS_FETH, say_feth},		{HAS_RETH, say_reth},
	{HAS_ATOMICETH, say_atomiceth}, {HAS_AETH, say_aeth},
	{HAS_ATOMICACK, say_atomicack}, {HAS_IMM, say_imm},
	{HAS_IETH, say_ieth},		{HAS_PAYLOAD, say_payload},
};

const char *roce_print(const struct roce *r, char *text, size_t size)
{
	const struct opcode *op = opcode_find(r->bth.opcode);
	struct text t = {text, size, 0};

	if (!op)
		say(&t, "OPCODE_0x%02x", r->bth.opcode);
	else
		say(&t, "%s", op->name);
	say_bth(&t, &r->bth);
	for (size_t i = 0; op && i < sizeof(parts) / sizeof(*parts); i++)
		if (op->flags & parts[i].has)
			parts[i].say(&t, r);
	return text;
}

const char *aeth_print(const struct aeth *a, char *text, size_t size)
{
	struct text t = {text, size, 0};

	say_syndrome(&t, a);
	return text;
}
