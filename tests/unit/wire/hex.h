/* Byte vectors for the tests of wire/: written as hex, blanks ignored. */
#ifndef TESTS_UNIT_WIRE_HEX_H
#define TESTS_UNIT_WIRE_HEX_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "wire/bytes.h"

struct bytes {
	uint8_t p[512];
	size_t len;
};

static inline struct bytes hex(const char *text)
{
	struct bytes b = {.len = 0};
	unsigned byte;
	int used;

	while (sscanf(text, " %2x%n", &byte, &used) == 1) {
		cr_assert_lt(b.len, sizeof(b.p));
		b.p[b.len++] = (uint8_t)byte;
		text += used;
	}
	return b;
}

static inline struct span span_of(const struct bytes *b)
{
	return (struct span){b->p, b->len};
}

static inline void expect_bytes(const uint8_t *got, const struct bytes *want)
{
	for (size_t i = 0; i < want->len; i++)
		cr_assert_eq(got[i], want->p[i],
			     "byte %zu is %02x, expected %02x", i, got[i],
			     want->p[i]);
}

/* The first @len bytes at @p in a block of exactly that size, so that a
 * sanitizer sees a decoder that reads on.  Free it with free().
 */
static inline uint8_t *exactly(const uint8_t *p, size_t len)
{
	uint8_t *block = malloc(len);

	cr_assert(block || len == 0);
	if (len)
		memcpy(block, p, len);
	return block;
}

/* @call, an expression over `struct span in`, must yield @why and leave @in
 * alone for each length below @whole.
 */
#define EXPECT_REFUSES_TRUNCATION(bytes, whole, call, why)                \
	do {                                                              \
		for (size_t n_ = 0; n_ < (whole); n_++) {                 \
			uint8_t *cut_ = exactly(bytes, n_);               \
			struct span in = {cut_, n_};                      \
			cr_assert_eq(call, why, "accepts %zu bytes", n_); \
			cr_assert_eq(in.p, cut_);                         \
			cr_assert_eq(in.len, n_);                         \
			free(cut_);                                       \
		}                                                         \
	} while (0)

#endif
