#include "nic/impair/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

/* Digits and at most one point, and no more: strtod knows "inf", "0x1p3" and
 * the locale's comma.
 */
static bool decimal(const char **text, double *value)
{
	const char *p = *text;
	double v = 0, scale = 1;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		v = v * 10 + (*p - '0');
	if (*p == '.') {
		if (!isdigit((unsigned char)p[1]))
			return false;
		for (p++; isdigit((unsigned char)*p); p++) {
			v = v * 10 + (*p - '0');
			scale *= 10;
		}
	}
	*value = v / scale;
	*text = p;
	return true;
}

static bool with_unit(const char *text, const struct unit *units, unsigned n,
		      double max, double *value)
{
	double v;

	if (!decimal(&text, &v))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(text, units[i].name))
			continue;
		v *= units[i].factor;
		if (v > max)
			return false;
		*value = v;
		return true;
	}
	return false;
}

bool quantity_duration(const char *text, nsec_t *nsec)
{
	static const struct unit units[] = {
		{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	double v;

	if (!strcmp(text, "0")) {
		*nsec = 0;
		return true;
	}
	if (!with_unit(text, units, 4, 3600e9, &v))
		return false;
	*nsec = (nsec_t)(v + 0.5);
	return true;
}

bool quantity_rate(const char *text, uint64_t *bits)
{
	static const struct unit units[] = {
		{"bit", 1}, {"kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}};
	double v;

	if (!with_unit(text, units, 4, 1e13, &v) || v < 1)
		return false;
	*bits = (uint64_t)v;
	return true;
}

bool quantity_bytes(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {
		{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1 << 20}};
	double v;

	if (!with_unit(text, units, 4, 1 << 30, &v))
		return false;
	*bytes = (uint64_t)v;
	return true;
}

bool quantity_chance(const char *text, double *chance)
{
	static const struct unit units[] = {{"", 1}, {"%", 0.01}};

	return with_unit(text, units, 2, 1, chance);
}

bool quantity_count(const char *text, uint64_t min, uint64_t max,
		    uint64_t *count)
{
	char *end;
	uint64_t v;

	if (!isdigit((unsigned char)text[0])) /* strtoull takes "-1", " 1" */
		return false;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (*end || errno || v < min || v > max)
		return false;
	*count = v;
	return true;
}
