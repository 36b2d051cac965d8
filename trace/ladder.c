/* The two hosts are those of the first packet, in its network (VNI); its sender
 * stands on the left.
 * A host that talks to itself has two lifelines, too: its QPs', told apart by
 * the destination.  The rows are kept until the end, because the QPN of the
 * sender is only known when somebody answers.
 */
#include <stdlib.h>
#include "trace/field.h"
#include "trace/ladder.h"
#include "trace/print.h"
#include "trace/stream.h"

#define CONNECTIONS_MAX 256u /* the others are one */

struct ladder *ladder_new(size_t max, bool with_fields)
{
	struct ladder *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->max = max;
	l->vni = VNI_NONE;
	l->with_fields = with_fields;
	l->row = calloc(max ? max : 1, sizeof(*l->row));
	l->connection = calloc(CONNECTIONS_MAX, sizeof(*l->connection));
	if (l->row && l->connection)
		return l;
	ladder_free(l);
	return NULL;
}

void ladder_free(struct ladder *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->row[i].fields);
	free(l->row);
	free(l->connection);
	free(l);
}

static void note_qpn(struct ladder_side *side, uint32_t qpn)
{
	if (side->has_qpn && side->qpn != qpn)
		side->more_qpns = true;
	if (!side->has_qpn)
		side->qpn = qpn;
	side->has_qpn = true;
}

/* Which way @p goes; false: it is none of these two hosts'. */
static bool direction(const struct ladder *l, const struct packet *p,
		      bool *to_right)
{
	const struct ip_addr *src = &p->ip.src, *dst = &p->ip.dst;

	if (packet_vni(p) != l->vni)
		return false;
	if (l->to_itself) {
		*to_right = p->roce.bth.dqpn == l->right.qpn;
		return ip_equal(src, &l->left.addr) && ip_equal(src, dst);
	}
	*to_right = ip_equal(src, &l->left.addr);
	return *to_right ? ip_equal(dst, &l->right.addr)
			 : ip_equal(src, &l->right.addr) &&
				   ip_equal(dst, &l->left.addr);
}

static void begin(struct ladder *l, const struct packet *p, int64_t start_nsec)
{
	l->left.addr = p->ip.src;
	l->right.addr = p->ip.dst;
	l->vni = packet_vni(p);
	l->to_itself = ip_equal(&p->ip.src, &p->ip.dst);
	l->right.qpn = p->roce.bth.dqpn;
	l->start_nsec = start_nsec;
}

/* NULL: no memory. */
static char *fields_of_row(const struct packet *p, enum note note,
			   int64_t start_nsec)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	struct fields f;

	if (!to)
		return NULL;
	fields_of(&f, p, note, start_nsec);
	fields_text(&f, to);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

/* Who sent what travels on @t, if that is known. */
static void note_sender(struct ladder_row *row, const struct stream *t)
{
	bool is_ud = t && t->key.transport == TRANSPORT_UD;

	row->stream = t ? t->number : 0;
	row->peer = t && t->peer ? t->peer->number : 0;
	row->has_sqpn = is_ud || (t && t->peer);
	if (row->has_sqpn)
		row->sqpn = is_ud ? t->key.sqpn : t->peer->key.dqpn;
}

bool ladder_add(struct ladder *l, const struct packet *p, enum note note,
		const struct stream *t, int64_t start_nsec)
{
	struct ladder_row *row;
	bool to_right;

	if (l->n == 0)
		begin(l, p, start_nsec);
	if (!direction(l, p, &to_right)) {
		l->others++;
		return true;
	}
	if (l->n >= l->max) {
		l->past_max++;
		return true;
	}
	row = &l->row[l->n++];
	*row = (struct ladder_row){
		.frame = p->frame,
		.nsec = p->nsec,
		.to_right = to_right,
		.ackreq = p->roce.bth.ackreq,
		.is_marked = (p->ip.tos & 3) == 3,
		.note = note,
		.kind = kind_of(p, note),
		.psn = p->roce.bth.psn,
		.dqpn = p->roce.bth.dqpn,
	};
	note_sender(row, t);
	packet_brief(p, row->brief, sizeof(row->brief));
	packet_label(p, row->label, sizeof(row->label));
	if (packet_has_bth(p))
		note_qpn(to_right ? &l->right : &l->left, row->dqpn);
	if (!l->with_fields)
		return true;
	row->fields = fields_of_row(p, note, l->start_nsec);
	return row->fields != NULL;
}

/* ---- the end ---- */

/* The QP that sends what travels on a stream. */
struct sender {
	bool known;
	uint32_t qpn;
};

static uint32_t highest_number(const struct ladder *l)
{
	uint32_t most = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->row[i].stream > most)
			most = l->row[i].stream;
		if (l->row[i].peer > most)
			most = l->row[i].peer;
	}
	return most;
}

/* What was learnt of a stream's sender holds for its earlier packets, too. */
static bool spread_senders(struct ladder *l)
{
	struct sender *of = calloc(highest_number(l) + 1u, sizeof(*of));

	if (!of)
		return false;
	for (size_t i = 0; i < l->n; i++) {
		const struct ladder_row *row = &l->row[i];

		if (row->stream && row->has_sqpn)
			of[row->stream] = (struct sender){true, row->sqpn};
		if (row->peer)
			of[row->peer] = (struct sender){true, row->dqpn};
	}
	for (size_t i = 0; i < l->n; i++) {
		struct ladder_row *row = &l->row[i];

		if (row->has_sqpn || !row->stream || !of[row->stream].known)
			continue;
		row->has_sqpn = true;
		row->sqpn = of[row->stream].qpn;
	}
	free(of);
	return true;
}

static struct ladder_connection connection_of(const struct ladder_row *row)
{
	return (struct ladder_connection){
		.has_left = !row->to_right || row->has_sqpn,
		.has_right = row->to_right || row->has_sqpn,
		.left = row->to_right ? row->sqpn : row->dqpn,
		.right = row->to_right ? row->dqpn : row->sqpn,
	};
}

static bool same(const struct ladder_connection *a,
		 const struct ladder_connection *b)
{
	return a->has_left == b->has_left && a->has_right == b->has_right &&
	       a->left == b->left && a->right == b->right;
}

static uint32_t find_connection(struct ladder *l, const struct ladder_row *row)
{
	struct ladder_connection c = connection_of(row);

	for (uint32_t i = 0; i < l->nconnection; i++)
		if (same(&l->connection[i], &c))
			return i;
	if (l->nconnection == CONNECTIONS_MAX)
		return CONNECTIONS_MAX - 1;
	l->connection[l->nconnection] = c;
	return (uint32_t)l->nconnection++;
}

bool ladder_finish(struct ladder *l)
{
	if (!spread_senders(l))
		return false;
	for (size_t i = 0; i < l->n; i++) {
		struct ladder_row *row = &l->row[i];

		row->connection = find_connection(l, row);
		if (row->has_sqpn)
			note_qpn(row->to_right ? &l->left : &l->right,
				 row->sqpn);
	}
	return true;
}
