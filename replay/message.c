/* Packets become work requests.  PSNs say which packets belong together; one
 * that is missing may come later, sent again, and those behind it wait for it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "replay/asking.h"

#define POST_MAX 400u

void message_free(struct message *m)
{
	list_del(&m->node);
	free(m->data);
	free(m);
}

struct message *message_of(const struct role *p, const struct item *i)
{
	struct list *all = &p->asking->messages;

	for (struct list *at = all->next; at != all; at = at->next) {
		struct message *m = list_entry(at, struct message, node);

		if (psn_diff(item_psn(i), m->psn) >= 0 &&
		    psn_diff(item_psn(i), m->end) < 0)
			return m;
	}
	return NULL;
}

/* ---- putting together ---- */

static struct message *begin(struct asking *a, const struct item *i)
{
	struct message *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->psn = item_psn(i);
	m->first = i->roce;
	list_add_tail(&a->messages, &m->node);
	return m;
}

static bool add_data(struct message *m, struct span data)
{
	if (m->len + data.len > m->room) {
		size_t room = m->room ? 2 * m->room : 4096;
		uint8_t *more;

		while (room < m->len + data.len)
			room *= 2;
		more = realloc(m->data, room);
		if (!more)
			return false;
		m->data = more;
		m->room = room;
	}
	if (data.len)
		memcpy(m->data + m->len, data.p, data.len);
	m->len += data.len;
	return true;
}

static void add(struct role *p, struct message *m, struct item *i)
{
	struct asking *a = p->asking;

	i->ahead = false;
	m->last_opcode = i->roce.bth.opcode;
	m->imm = i->roce.imm;
	m->inv_rkey = i->roce.inv_rkey;
	m->solicited = i->roce.bth.se;
	add_data(m, i->roce.payload);
	a->next = m->end = psn_add(item_psn(i), item_span(i, p->flow->pmtu));
	/* READs, atomics and FLUSHes are one packet. */
	m->whole = !(item_flags(i) & (IS_SEND | IS_WRITE)) ||
		   item_flags(i) & IS_END;
	a->open = m->whole ? NULL : m;
}

/* Zeros for what was not seen. */
static void pad_to(struct message *m, size_t len)
{
	static const uint8_t zeros[1024];

	while (m->len < len) {
		size_t n = len - m->len < sizeof(zeros) ? len - m->len
							: sizeof(zeros);

		if (!add_data(m, (struct span){zeros, n}))
			return;
	}
}

/* A SEND gets one byte more, so that its packets are no Last. */
void message_close(struct role *p, struct message *m)
{
	m->whole = true;
	if (p->asking->open == m)
		p->asking->open = NULL;
	pad_to(m,
	       m->first.op->flags & IS_SEND ? m->len + 1 : m->first.reth.len);
}

static bool continues(const struct message *m, const struct item *i)
{
	uint32_t kind = IS_SEND | IS_WRITE;

	return item_flags(i) & (IS_MIDDLE | IS_LAST) &&
	       (m->first.op->flags & kind) == (item_flags(i) & kind);
}

/* @i is the next of the sequence. */
static void join_next(struct role *p, struct item *i)
{
	struct asking *a = p->asking;
	struct message *m = a->open;

	if (item_begins(i)) {
		if (m)
			message_close(p, m);
		m = begin(a, i);
	} else if (!m || !continues(m, i)) {
		a->in_step = false; /* no requester may do that */
		return;
	}
	if (m)
		add(p, m, i);
}

/* Those that waited for one before them, and copies of these. */
static void join_waiting(struct role *p)
{
	struct asking *a = p->asking;
	bool some;

	do {
		some = false;
		for (struct item *i = queue_head(&p->queue); i;
		     i = queue_next(&p->queue, i)) {
			int32_t ahead = psn_diff(item_psn(i), a->next);

			if (!i->ahead || !a->in_step || ahead > 0)
				continue;
			i->ahead = false;
			if (ahead == 0)
				join_next(p, i);
			some |= ahead == 0;
		}
	} while (some);
}

void message_join(struct role *p, struct item *i)
{
	struct asking *a = p->asking;
	int32_t ahead;

	if (!a->in_step && !item_begins(i))
		return;
	if (!a->in_step || role_is_datagram(p)) {
		a->in_step = true;
		a->next = item_psn(i);
	}
	ahead = psn_diff(item_psn(i), a->next);
	if (ahead > 0) {
		i->ahead = true;
		return;
	}
	if (ahead < 0)
		return;
	join_next(p, i);
	join_waiting(p);
}

void message_expect(struct role *p, uint32_t psn)
{
	p->asking->in_step = true;
	p->asking->next = psn;
}

void message_restart(struct role *p, struct item *i)
{
	struct asking *a = p->asking;

	if (a->open)
		message_close(p, a->open);
	a->in_step = false;
	for (; i; i = queue_next(&p->queue, i)) {
		if (i->answer || message_of(p, i))
			continue;
		i->ahead = false;
		message_join(p, i);
	}
}

/* ---- posting ---- */

static const char *opcode_of_message(const struct message *m)
{
	uint32_t flags = opcode_find(m->last_opcode)->flags;

	switch (opcode_operation(m->first.bth.opcode)) {
	case OP_READ_REQUEST: return "RDMA_READ";
	case OP_COMPARE_SWAP: return "CMP_SWAP";
	case OP_FETCH_ADD: return "FETCH_ADD";
	case OP_FLUSH: return "FLUSH";
	case OP_ATOMIC_WRITE: return "ATOMIC_WRITE";
	default: break;
	}
	if (flags & IS_WRITE)
		return flags & HAS_IMM ? "RDMA_WRITE_IMM" : "RDMA_WRITE";
	if (flags & HAS_IETH)
		return "SEND_INV";
	return flags & HAS_IMM ? "SEND_IMM" : "SEND";
}

/* Bytes of our own memory that it takes. */
static uint64_t local_bytes(const struct message *m)
{
	if (m->first.op->flags & HAS_ATOMICETH)
		return 8;
	if (m->first.op->flags & HAS_FETH)
		return 0;
	return m->first.op->flags & IS_READ ? m->first.reth.len : m->len;
}

static int say_target(const struct message *m, char *line, size_t size)
{
	const struct roce *r = &m->first;

	if (r->op->flags & HAS_ATOMICETH)
		return snprintf(line, size,
				" va=0x%" PRIx64 " rkey=0x%x %s=%" PRIu64
				" swap=%" PRIu64,
				r->atomic.va, r->atomic.rkey,
				opcode_operation(r->bth.opcode) == OP_FETCH_ADD
					? "add"
					: "compare",
				opcode_operation(r->bth.opcode) == OP_FETCH_ADD
					? r->atomic.swap_add
					: r->atomic.compare,
				r->atomic.swap_add);
	if (r->op->flags & HAS_FETH)
		return snprintf(line, size,
				" va=0x%" PRIx64 " rkey=0x%x flush_len=%u "
				"type=%u selectivity=%u",
				r->reth.va, r->reth.rkey, r->reth.len,
				r->feth.type, r->feth.selectivity);
	if (r->op->flags & HAS_RETH)
		return snprintf(line, size, " va=0x%" PRIx64 " rkey=0x%x",
				r->reth.va, r->reth.rkey);
	if (r->op->flags & HAS_DETH)
		return snprintf(line, size, " dqpn=0x%x qkey=0x%x", r->bth.dqpn,
				r->deth.qkey);
	return 0;
}

static int say_rest(const struct message *m, char *line, size_t size)
{
	uint32_t flags = opcode_find(m->last_opcode)->flags;
	int n = 0;

	if (flags & HAS_XRCETH)
		n = snprintf(line, size, " srqn=0x%x", m->first.srqn);
	if (flags & HAS_IMM)
		n += snprintf(line + n, size - (size_t)n, " imm=0x%x", m->imm);
	else if (flags & HAS_IETH)
		n += snprintf(line + n, size - (size_t)n, " inv_rkey=0x%x",
			      m->inv_rkey);
	if (m->solicited)
		n += snprintf(line + n, size - (size_t)n, " solicited");
	return n;
}

uint32_t message_span(const struct role *p, const struct message *m)
{
	uint64_t len =
		m->first.op->flags & IS_READ ? m->first.reth.len : m->len;
	uint32_t pmtu = p->flow->pmtu;

	return len && !role_is_datagram(p) ? (uint32_t)((len + pmtu - 1) / pmtu)
					   : 1;
}

/* Packet by packet, as a drill tells their payload. */
static bool write_data(struct role *p, const struct message *m)
{
	struct span rest = {m->data, m->len};
	uint64_t offset = p->asking->place;
	size_t most = role_is_datagram(p) ? m->len : p->flow->pmtu;

	while (rest.len) {
		size_t len = rest.len < most ? rest.len : most;

		if (!stage_write(&p->stage, "buf", offset,
				 (struct span){span_take(&rest, len), len}))
			return false;
		offset += len;
	}
	return true;
}

bool message_post(struct role *p, const struct message *m)
{
	struct asking *a = p->asking;
	uint64_t bytes = local_bytes(m);
	char line[POST_MAX];
	int n = 0;

	line[0] = '\0';
	if (a->place + bytes > p->stage.bytes)
		a->place = 0;
	if (bytes) {
		n = snprintf(line, sizeof(line),
			     " sge=buf+%" PRIu64 ":%" PRIu64, a->place, bytes);
		if (bytes == m->len && !write_data(p, m))
			return false;
	}
	n += say_target(m, line + n, sizeof(line) - (size_t)n);
	say_rest(m, line + n, sizeof(line) - (size_t)n);
	a->place += (bytes + 63) / 64 * 64;
	return (role_is_datagram(p) ? stage_do_to : stage_do)(
		&p->stage, "post_send %s %s id=%" PRIu64 "%s", p->stage.qp,
		opcode_of_message(m), a->id++, line);
}
