/* A drill's file: its lines, and the values that it is to be run with.
 *
 *	each code,ms = 0,655.36 1,0.01
 *
 * runs the drill once for each of the values, which stand where $code and $ms
 * are written.  Several `each' lines with the same names add values; with other
 * names every combination is run.
 */
#ifndef DRILL_SCRIPT_H
#define DRILL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script_line {
	unsigned number;
	char *text; /* without the newline */
};

struct script;

/* Reads @path.  NULL: @why (WORDS_WHY_MAX bytes) is one line. */
struct script *script_load(const char *path, char *why);
/* The same from @len bytes of memory. */
struct script *script_parse(const char *path, const char *text, size_t len,
			    char *why);
void script_free(struct script *s);

const char *script_path(const struct script *s);
/* How often it is to be run: at least once. */
unsigned script_runs(const struct script *s);
/* "code=0 ms=655.36", or "" if there is but one run. */
const char *script_run_name(const struct script *s, unsigned run, char *text,
			    size_t size);
/* Line @i of run @run, variables replaced, into @text; false: past the end, or
 * it does not fit, and @why says so.
 */
unsigned script_lines(const struct script *s);
unsigned script_number(const struct script *s, unsigned i);
bool script_line(const struct script *s, unsigned i, unsigned run, char *text,
		 size_t size, char *why);

#endif
