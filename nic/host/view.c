#include "nic/host/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nic/cq.h"
#include "nic/host/host.h"
#include "nic/host/spec_value.h"
#include "nic/srq.h"

#define BYTES_MAX    ((uint64_t)INT64_MAX)
#define KEYS_AT_ONCE 1024u /* memory regions per hold of the lock */

/* ---- the NIC ---- */

static void write_addresses(const struct gn_nic *nic, struct json *j)
{
	const struct engine *e = &nic->engine;
	char text[IP_TEXT_MAX];

	json_text(j, "address", ip_format(&nic->spec.ip, text));
	json_array(j, "gids");
	for (unsigned i = 0; i < e->ngid; i++)
		json_text(j, NULL, ip_format(&e->gid[i], text));
	json_array_end(j);
}

/* What does not change while it runs. */
static void write_identity(const struct gn_nic *nic, struct json *j)
{
	char text[SPEC_TEXT_MAX], seed[24];

	json_number(j, "schema", VIEW_SCHEMA);
	json_text(j, "nic", nic->spec.name);
	json_number(j, "pid", (uint64_t)getpid());
	json_text(j, "program", program_invocation_short_name);
	json_text(j, "spec", spec_format(&nic->spec, text));
	json_text(j, "port", port_kind_name(nic->spec.port));
	if (nic->link->runs_on)
		json_text(j, "runs_on", nic->link->runs_on);
	else
		json_null(j, "runs_on");
	if (nic->capture)
		json_text(j, "capture", nic->capture);
	else
		json_null(j, "capture");
	write_addresses(nic, j);
	json_number(j, "mtu", engine_pmtu(&nic->engine));
	/* More than a double holds, in which some keep numbers. */
	snprintf(seed, sizeof(seed), "%" PRIu64, nic->engine.cfg.seed);
	json_text(j, "seed", seed);
	json_number(j, "uptime_usec", (host_now() - nic->born) / USEC);
}

/* ---- counters ---- */

static void write_counters(struct gn_nic *nic, struct json *j)
{
	struct counters c;

	if (host_lock(nic))
		return;
	c = nic->engine.counters;
	host_unlock(nic);
	json_object(j, "counters");
	for (int i = 0; i < CNT_N; i++)
		json_number(j, counter_name((enum counter)i), c.n[i]);
	json_object_end(j);
	json_object(j, "drops");
	for (int i = DROP_NONE + 1; i < DROP_N; i++)
		json_number(j, drop_word((enum drop)i), c.drop[i]);
	json_object_end(j);
}

/* ---- queues ---- */

/* What is shown of a CQ or an SRQ. */
struct queue_facts {
	uint32_t number, size, used;
	bool overrun;
};

static uint32_t copy_cqs(const struct engine *e, struct queue_facts *to)
{
	uint32_t n = 0;

	for (const struct list *l = e->cqs.next;
	     l != &e->cqs && n < VIEW_LIST_MAX; l = l->next) {
		const struct gn_cq *cq = list_entry(l, struct gn_cq, all);
		uint32_t head = atomic_load(&cq->head);

		to[n++] = (struct queue_facts){
			.size = cq->size,
			.used = atomic_load(&cq->tail) - head,
			.overrun = atomic_load(&cq->overrun),
		};
	}
	return n;
}

static uint32_t copy_srqs(const struct engine *e, struct queue_facts *to)
{
	uint32_t n = 0;

	for (const struct gn_srq *s = e->srq_list; s && n < VIEW_LIST_MAX;
	     s = s->next)
		to[n++] = (struct queue_facts){
			.number = s->srqn,
			.size = s->rq.depth,
			.used = rq_count(&s->rq),
		};
	return n;
}

static void write_cqs(struct gn_nic *nic, struct json *j,
		      struct queue_facts *room)
{
	uint32_t count, n;

	if (host_lock(nic))
		return;
	count = nic->engine.ncqs;
	n = copy_cqs(&nic->engine, room);
	host_unlock(nic);
	json_number(j, "cq_count", count);
	json_array(j, "cqs");
	for (uint32_t i = 0; i < n; i++) {
		json_object(j, NULL);
		json_number(j, "size", room[i].size);
		json_number(j, "used", room[i].used);
		json_bool(j, "overrun", room[i].overrun);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_srqs(struct gn_nic *nic, struct json *j,
		       struct queue_facts *room)
{
	uint32_t count, n;

	if (host_lock(nic))
		return;
	count = nic->engine.srqs;
	n = copy_srqs(&nic->engine, room);
	host_unlock(nic);
	json_number(j, "srq_count", count);
	json_array(j, "srqs");
	for (uint32_t i = 0; i < n; i++) {
		json_object(j, NULL);
		json_number(j, "number", room[i].number);
		json_number(j, "size", room[i].size);
		json_number(j, "used", room[i].used);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_queues(struct gn_nic *nic, struct json *j)
{
	struct queue_facts *room = calloc(VIEW_LIST_MAX, sizeof(*room));

	if (!room) {
		j->failed = true;
		return;
	}
	write_cqs(nic, j, room);
	write_srqs(nic, j, room);
	free(room);
}

/* ---- memory ---- */

struct memory_facts {
	uint64_t regions, bytes, windows, domains;
};

/* Adds the regions of a piece of the table; false: there is no more of it. */
static bool add_regions(const struct mr_table *t, uint32_t from,
			struct memory_facts *m)
{
	uint32_t to =
		t->room - from > KEYS_AT_ONCE ? from + KEYS_AT_ONCE : t->room;

	for (uint32_t i = from; i < to; i++) {
		const struct gn_mr *mr = (const void *)t->at[i];

		if (!mr || mr->h.kind != HOLDS_MR)
			continue;
		m->regions++;
		/* One may be of all addresses; readers have 63 bits. */
		if (!mr->is_null)
			m->bytes = mr->len < BYTES_MAX - m->bytes
					   ? m->bytes + mr->len
					   : BYTES_MAX;
	}
	return to < t->room;
}

static void write_memory(struct gn_nic *nic, struct json *j)
{
	struct memory_facts m = {0};
	bool more = true;

	for (uint32_t from = 0; more; from += KEYS_AT_ONCE) {
		if (host_lock(nic))
			return;
		more = from < nic->engine.mrs.room &&
		       add_regions(&nic->engine.mrs, from, &m) &&
		       !atomic_load(&nic->stop);
		m.windows = nic->engine.mws;
		m.domains = nic->engine.pds;
		host_unlock(nic);
	}
	json_object(j, "memory");
	json_number(j, "regions", m.regions);
	json_number(j, "bytes", m.bytes);
	json_number(j, "windows", m.windows);
	json_number(j, "domains", m.domains);
	json_object_end(j);
}

void view_write(struct gn_nic *nic, struct json *j)
{
	json_object(j, NULL);
	write_identity(nic, j);
	write_counters(nic, j);
	write_memory(nic, j);
	write_queues(nic, j);
	view_qps(nic, j);
	json_object_end(j);
	json_newline(j);
}
