/* A packet as a list of named values, in wire order: for JSON, and for who
 * points at it in a picture.  The names are part of what users rely on
 * (docs/decode.md lists them).
 */
#ifndef TRACE_FIELD_H
#define TRACE_FIELD_H

#include <stdio.h>
#include "trace/check.h"
#include "wire/cm.h"

enum field_type {
	FIELD_NUMBER,
	FIELD_HEX,  /* a number that people write in hexadecimal */
	FIELD_WIDE, /* the same, of 64 bits: JSON has it as text */
	FIELD_FLAG,
	FIELD_TEXT,
	FIELD_ADDR,
	FIELD_TIME, /* nanoseconds */
};

struct field {
	const char *name;
	enum field_type type;
	union {
		uint64_t n;
		int64_t nsec;
		const char *text; /* a constant, of letters that JSON takes */
		struct ip_addr addr;
	};
};

#define FIELDS_MAX 64u

struct fields {
	size_t n;
	struct field v[FIELDS_MAX];
};

/* Fills in @f.  @start_nsec: the time of the capture's first packet. */
void fields_of(struct fields *f, const struct packet *p, enum note note,
	       int64_t start_nsec);
/* What a message of the connection manager says; the names begin with "cm". */
void fields_of_cm(struct fields *f, const struct cm_msg *m);
/* One JSON object, one line. */
void fields_json(const struct fields *f, FILE *out);
/* "name value" lines, as people read them. */
void fields_text(const struct fields *f, FILE *out);
/* The value alone, as people read it. */
void field_text(const struct field *f, FILE *out);

#endif
