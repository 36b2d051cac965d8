/* What fuzz targets share.  A target is one file, tests/fuzz/NAME_fuzz.c, with
 * one LLVMFuzzerTestOneInput; it is deterministic, and aborts when a property
 * does not hold.  Nothing else is needed: the Makefile and run.py find it.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(cond)                                                 \
	do {                                                             \
		if (!(cond)) {                                           \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #cond);                        \
			abort();                                         \
		}                                                        \
	} while (0)

/* The input as a stream of decisions.  Past its end all are 0. */
struct fuzz {
	const uint8_t *p;
	size_t len;
};

static inline uint8_t fuzz_u8(struct fuzz *f)
{
	if (!f->len)
		return 0;
	f->len--;
	return *f->p++;
}

static inline uint16_t fuzz_u16(struct fuzz *f)
{
	uint8_t low = fuzz_u8(f);

	return (uint16_t)(fuzz_u8(f) << 8 | low);
}

static inline uint32_t fuzz_u32(struct fuzz *f)
{
	uint32_t low = fuzz_u16(f);

	return (uint32_t)fuzz_u16(f) << 16 | low;
}

static inline uint64_t fuzz_u64(struct fuzz *f)
{
	uint64_t low = fuzz_u32(f);

	return (uint64_t)fuzz_u32(f) << 32 | low;
}

/* 0 .. @n - 1 */
static inline unsigned fuzz_below(struct fuzz *f, unsigned n)
{
	return fuzz_u8(f) % n;
}

/* True about once in @n. */
static inline bool fuzz_rarely(struct fuzz *f, unsigned n)
{
	return fuzz_u8(f) % n == n - 1;
}

/* The next @max bytes, or as many as there are, in memory of their own, so that
 * a sanitizer sees what is read past them.  The caller's to free; never NULL.
 */
static inline uint8_t *fuzz_bytes(struct fuzz *f, size_t max, size_t *len)
{
	uint8_t *copy;

	*len = f->len < max ? f->len : max;
	copy = malloc(*len ? *len : 1);
	FUZZ_CHECK(copy);
	if (*len)
		memcpy(copy, f->p, *len);
	f->p += *len;
	f->len -= *len;
	return copy;
}

/* What is left, as text that ends with NUL.  The caller's to free. */
static inline char *fuzz_text(struct fuzz *f)
{
	char *text = malloc(f->len + 1);

	FUZZ_CHECK(text);
	if (f->len)
		memcpy(text, f->p, f->len);
	text[f->len] = '\0';
	f->len = 0;
	return text;
}

/* Where output goes that nobody reads. */
static inline FILE *fuzz_nowhere(void)
{
	static FILE *out;

	if (!out)
		out = fopen("/dev/null", "w");
	FUZZ_CHECK(out);
	return out;
}

#endif
