#include "replay/writer.h"

#include <inttypes.h>
#include <string.h>
#include "replay/stage.h"
#include "wire/aeth.h"

static void write_aeth(FILE *out, const struct aeth *a)
{
	static const char *const words[] = {
		[AETH_ACK] = "credits",
		[AETH_RNR] = "timer",
		[AETH_RESERVED] = "reserved",
		[AETH_NAK] = "nak",
	};

	fprintf(out, " %s=%u msn=%u", words[aeth_kind(a->syndrome)],
		aeth_value(a->syndrome), a->msn);
}

/* A key that stands for the region or the window is written by name: the next
 * NIC has other keys.
 */
static void write_key(FILE *out, const struct stage *s, const char *field,
		      uint32_t key)
{
	if (key && key == s->rkey)
		fprintf(out, " %s=buf", field);
	else if (key && key == s->window_key)
		fprintf(out, " %s=w", field);
	else
		fprintf(out, " %s=0x%x", field, key);
}

static void write_range(FILE *out, const struct stage *s, uint64_t va,
			uint32_t key)
{
	if (key && key == s->rkey)
		fprintf(out, " va=buf+%" PRIu64, va - s->va);
	else
		fprintf(out, " va=0x%" PRIx64, va);
	write_key(out, s, "rkey", key);
}

static void write_memory(FILE *out, const struct stage *s, const struct roce *r)
{
	uint32_t flags = r->op->flags;

	if (flags & HAS_FETH)
		fprintf(out, " type=%u selectivity=%u", r->feth.type,
			r->feth.selectivity);
	if (flags & HAS_RETH) {
		write_range(out, s, r->reth.va, r->reth.rkey);
		fprintf(out, " len=%u", r->reth.len);
	}
	if (flags & HAS_ATOMICETH) {
		write_range(out, s, r->atomic.va, r->atomic.rkey);
		fprintf(out, " swap_add=0x%" PRIx64 " compare=0x%" PRIx64,
			r->atomic.swap_add, r->atomic.compare);
	}
}

static void write_payload(FILE *out, const struct roce *r)
{
	size_t len = r->payload.len;

	if (!(r->op->flags & HAS_PAYLOAD))
		return;
	fprintf(out, " payload=%zu", len);
	if (!len || len > WRITER_DATA_MAX)
		return;
	fputs(" data=", out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", r->payload.p[i]);
}

static void write_bth(FILE *out, const struct stage *s, char way,
		      const struct roce *r)
{
	/* A datagram goes to the number that its sender was given. */
	if (way == '<' && opcode_transport(r->bth.opcode) == TRANSPORT_UD)
		fprintf(out, " dqpn=0x%x", r->bth.dqpn);
	else
		fprintf(out, " dqpn=%s", s->qp);
	fprintf(out, " psn=%u", r->bth.psn);
	if (r->op->flags & IS_REQUEST)
		fputs(r->bth.ackreq ? " ackreq" : " noackreq", out);
	if (r->bth.se)
		fputs(" se", out);
	if (r->op->flags & HAS_XRCETH && way == '>')
		fputs(" srqn=s", out);
	else if (r->op->flags & HAS_XRCETH)
		fprintf(out, " srqn=0x%x", r->srqn);
	if (r->op->flags & HAS_DETH)
		fprintf(out, " qkey=0x%x", r->deth.qkey);
}

void writer_packet(FILE *out, const struct stage *s, char way,
		   const struct roce *r, const char *verdict)
{
	uint32_t flags = r->op->flags;

	fprintf(out, "%c %s", way, r->op->name);
	write_bth(out, s, way, r);
	write_memory(out, s, r);
	if (flags & HAS_AETH)
		write_aeth(out, &r->aeth);
	if (flags & HAS_ATOMICACK)
		fprintf(out, " orig=0x%" PRIx64, r->orig);
	if (flags & HAS_IMM)
		fprintf(out, " imm=0x%x", r->imm);
	if (flags & HAS_IETH)
		write_key(out, s, "inv_rkey", r->inv_rkey);
	write_payload(out, r);
	if (verdict)
		fprintf(out, " => %s", verdict);
	fputc('\n', out);
}

/* "id=1 status=SUCCESS opcode=SEND ...": the status is a word of the line, and
 * who a datagram came from has a number of its own in each run.
 */
void writer_completion(FILE *out, const char *text)
{
	char status[32] = "", id[32] = "", opcode[32] = "";

	sscanf(text, "%31s status=%31s %31s", id, status, opcode);
	fprintf(out, "wc %s %s", status, id);
	if (!strcmp(status, "SUCCESS"))
		fprintf(out, " %s", opcode);
	fputc('\n', out);
}
