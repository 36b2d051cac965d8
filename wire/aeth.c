#include <assert.h>
#include "wire/aeth.h"

/* Table 45. */
static const char *const nak_texts[NAK_N] = {
	[NAK_PSN_SEQUENCE] = "PSN sequence error",
	[NAK_INVALID_REQUEST] = "invalid request",
	[NAK_REMOTE_ACCESS] = "remote access error",
	[NAK_REMOTE_OPERATIONAL] = "remote operational error",
	[NAK_INVALID_RD] = "invalid RD request",
};

/* Table 46: from code 4 on, powers of two and half as much again. */
static const uint32_t rnr_usecs[32] = {
	655360, 10,    20,    30,     40,     60,     80,     120,
	160,	240,   320,   480,    640,    960,    1280,   1920,
	2560,	3840,  5120,  7680,   10240,  15360,  20480,  30720,
	40960,	61440, 81920, 122880, 163840, 245760, 327680, 491520,
};

/* Table 47. */
static const uint32_t credits[32] = {
	0,    1,    2,	  3,	 4,	6,     8,     12,
	16,   24,   32,	  48,	 64,	96,    128,   192,
	256,  384,  512,  768,	 1024,	1536,  2048,  3072,
	4096, 6144, 8192, 12288, 16384, 24576, 32768, UINT32_MAX,
};

const char *nak_text(unsigned code)
{
	return code < NAK_N ? nak_texts[code] : "reserved";
}

uint32_t rnr_usec(unsigned code)
{
	assert(code < 32);
	return rnr_usecs[code];
}

uint32_t credits_from_code(unsigned code)
{
	assert(code < 32);
	return credits[code];
}

unsigned credits_to_code(uint32_t wqes)
{
	unsigned code = CREDITS_UNLIMITED - 1;

	while (credits[code] > wqes)
		code--;
	return code;
}
