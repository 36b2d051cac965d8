/* The command line of glassnic decode. */
#ifndef CMD_DECODE_OPTIONS_H
#define CMD_DECODE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "trace/paint.h"

struct decode_options {
	const char *path;
	const char *expect;
	const char *picture; /* file to draw the ladder into; or NULL */
	bool check, ladder, stats, json, follow;
	bool has_qpn, has_vni, has_max;
	uint32_t qpn, vni;
	uint64_t max;
	enum color_when color;
};

/* -1: go on; else the exit status. */
int decode_options(struct decode_options *o, int argc, char **argv);
/* The picture is a page, not an SVG. */
bool decode_wants_page(const struct decode_options *o);

#endif
