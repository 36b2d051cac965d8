#include "tests/unit/wire/hex.h"
#include "wire/crc32.h"

/* The check value of CRC-32 in every catalogue: "123456789" gives cbf43926. */
Test(crc32, check_value)
{
	const uint8_t *digits = (const uint8_t *)"123456789";

	cr_assert_eq(~crc32_add(~0u, digits, 9), 0xcbf43926);
	cr_assert_eq(~crc32_add_portable(~0u, digits, 9), 0xcbf43926);
}

/* Eight bytes of ones: the state that rxe starts with. */
Test(crc32, eight_ones)
{
	struct bytes b = hex("ffffffffffffffff");

	cr_assert_eq(crc32_add(~0u, b.p, b.len), 0xdebb20e3);
}

static uint8_t noise[4200];

static void fill_noise(void)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < sizeof(noise); i++) {
		x = x * 1103515245 + 12345;
		noise[i] = (uint8_t)(x >> 16);
	}
}

Test(crc32, both_implementations_agree, .init = fill_noise)
{
	for (size_t len = 0; len <= 4100; len += len < 300 ? 1 : 61)
		for (size_t offset = 0; offset < 8; offset++)
			cr_assert_eq(crc32_add(0x1234567, noise + offset, len),
				     crc32_add_portable(0x1234567,
							noise + offset, len),
				     "%zu bytes at %zu", len, offset);
}

Test(crc32, may_be_computed_in_pieces, .init = fill_noise)
{
	uint32_t whole = crc32_add(~0u, noise, 500);

	for (size_t cut = 0; cut <= 500; cut++)
		cr_assert_eq(crc32_add(crc32_add(~0u, noise, cut), noise + cut,
				       500 - cut),
			     whole);
}

Test(crc32, unwind_is_the_inverse_of_zeros)
{
	static const uint8_t zeros[70000];
	static const size_t lens[] = {0,   1,	2,    3,    4,	   7,	 8,
				      100, 255, 4096, 4156, 65535, 69999};

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		cr_assert_eq(crc32_unwind(crc32_add(0xdeadbeef, zeros, lens[i]),
					  lens[i]),
			     0xdeadbeef, "%zu zeros", lens[i]);
}
