#include <inttypes.h>
#include <stdlib.h>
#include "trace/report.h"

#define VIOLATIONS_MAX 10000u

struct report {
	struct violation *v;
	size_t n, cap;
	size_t uncounted; /* past the limit */
};

struct report *report_new(void)
{
	return calloc(1, sizeof(struct report));
}

void report_free(struct report *r)
{
	if (!r)
		return;
	free(r->v);
	free(r);
}

static bool make_room(struct report *r)
{
	size_t cap = r->cap ? 2 * r->cap : 16;
	struct violation *v;

	if (r->n < r->cap)
		return true;
	if (r->n >= VIOLATIONS_MAX)
		return false;
	v = realloc(r->v, cap * sizeof(*v));
	if (!v)
		return false;
	r->v = v;
	r->cap = cap;
	return true;
}

void report_add(struct report *r, const struct violation *v)
{
	if (make_room(r))
		r->v[r->n++] = *v;
	else
		r->uncounted++;
}

void report_retract(struct report *r, enum rule rule, uint32_t stream,
		    uint64_t frame)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct violation *v = &r->v[i];

		if (v->rule != rule || v->stream != stream || v->frame < frame)
			r->v[kept++] = *v;
	}
	r->n = kept;
}

static int by_frame(const void *a, const void *b)
{
	const struct violation *v = a, *w = b;

	if (v->frame != w->frame)
		return v->frame < w->frame ? -1 : 1;
	return (int)v->rule - (int)w->rule;
}

void report_settle(struct report *r, unsigned missing)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++)
		if (!(r->v[i].needs & missing))
			r->v[kept++] = r->v[i];
	r->n = kept;
}

void report_settle_pair(struct report *r, uint32_t stream, bool paired)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct violation *v = &r->v[i];

		if (v->stream == stream && v->needs & NEEDS_PAIR) {
			if (!paired)
				continue;
			v->needs &= ~NEEDS_PAIR;
		}
		r->v[kept++] = *v;
	}
	r->n = kept;
}

void report_sort(struct report *r)
{
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_frame);
}

size_t report_count(const struct report *r)
{
	return r->n + r->uncounted;
}

size_t report_stored(const struct report *r)
{
	return r->n;
}

const struct violation *report_get(const struct report *r, size_t i)
{
	return &r->v[i];
}

void report_print(const struct violation *v, FILE *out)
{
	fprintf(out, "frame %" PRIu64 ": rule %s (IBTA %s): %s\n", v->frame,
		rule_word(v->rule), rule_source(v->rule), v->text);
}
