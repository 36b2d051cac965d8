#include "wire/crc32.h"

#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#endif

#define POLY 0xedb88320u

/* Product of two polynomials modulo the CRC's: Horner's rule over @b from its
 * highest power (lowest bit) down.
 */
static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (int i = 0; i < 32; i++, b >>= 1) {
		product = product >> 1 ^ (POLY & -(product & 1));
		product ^= a & -(b & 1);
	}
	return product;
}

/* slices[k][b]: what byte @b becomes after k further zero bytes, so that eight
 * bytes are eight independent look-ups.  unwind[k]: x^(-8 * 2^k).  Filled
 * before main runs.
 */
static uint32_t slices[8][256];
static uint32_t unwind[32] = {0x6567cb95}; /* x^-8 */

static uint32_t shift_byte(uint32_t reg)
{
	for (int bit = 0; bit < 8; bit++)
		reg = reg >> 1 ^ (POLY & -(reg & 1));
	return reg;
}

__attribute__((constructor)) static void fill_tables(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		slices[0][b] = shift_byte(b);
		for (int k = 1; k < 8; k++)
			slices[k][b] = shift_byte(slices[k - 1][b]);
	}
	for (int k = 1; k < 32; k++)
		unwind[k] = multiply(unwind[k - 1], unwind[k - 1]);
}

static uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[1] << 8 | p[0];
}

uint32_t crc32_add_portable(uint32_t reg, const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint32_t a = reg ^ get_le32(p);
		uint32_t b = get_le32(p + 4);

		reg = slices[7][a & 0xff] ^ slices[6][a >> 8 & 0xff] ^
		      slices[5][a >> 16 & 0xff] ^ slices[4][a >> 24] ^
		      slices[3][b & 0xff] ^ slices[2][b >> 8 & 0xff] ^
		      slices[1][b >> 16 & 0xff] ^ slices[0][b >> 24];
	}
	for (; len > 0; p++, len--)
		reg = reg >> 8 ^ slices[0][(reg ^ *p) & 0xff];
	return reg;
}

uint32_t crc32_add(uint32_t reg, const uint8_t *p, size_t len)
{
#ifdef HAVE_ISAL
	/* ISA-L complements the register on entry and on return. */
	return ~crc32_gzip_refl(~reg, p, len);
#else
	return crc32_add_portable(reg, p, len);
#endif
}

uint32_t crc32_unwind(uint32_t reg, size_t len)
{
	for (const uint32_t *power = unwind; len > 0; power++, len >>= 1)
		if (len & 1)
			reg = multiply(reg, *power);
	return reg;
}
