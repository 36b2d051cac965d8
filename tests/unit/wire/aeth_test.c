#include <criterion/criterion.h>
#include "wire/aeth.h"

/* IBTA vol. 1, 9.7.5.1.2: the bytes that captures show. */
Test(aeth, syndrome)
{
	cr_assert_eq(aeth_syndrome(AETH_ACK, CREDITS_UNLIMITED), 0x1f);
	cr_assert_eq(aeth_syndrome(AETH_RNR, 12), 0x2c);
	cr_assert_eq(aeth_syndrome(AETH_NAK, NAK_PSN_SEQUENCE), 0x60);
	cr_assert_eq(aeth_syndrome(AETH_NAK, NAK_REMOTE_ACCESS), 0x62);
}

Test(aeth, syndrome_makes_a_round_trip)
{
	for (unsigned s = 0; s < 0x80; s++) {
		uint8_t byte = (uint8_t)s;

		cr_assert_eq(aeth_syndrome(aeth_kind(byte), aeth_value(byte)),
			     s);
	}
}

Test(aeth, nak_text_covers_reserved_codes)
{
	cr_assert_str_eq(nak_text(NAK_PSN_SEQUENCE), "PSN sequence error");
	cr_assert_str_eq(nak_text(NAK_INVALID_RD), "invalid RD request");
	cr_assert_str_eq(nak_text(NAK_N), "reserved");
	cr_assert_str_eq(nak_text(31), "reserved");
}

/* Table 46: 10 us steps up to 40, then each code doubles the one two before. */
Test(aeth, rnr_table_follows_its_rule)
{
	for (unsigned code = 1; code <= 4; code++)
		cr_assert_eq(rnr_usec(code), code * 10);
	for (unsigned code = 5; code < 32; code++)
		cr_assert_eq(rnr_usec(code),
			     code == 5 ? 60 : 2 * rnr_usec(code - 2), "code %u",
			     code);
	cr_assert_eq(rnr_usec(0), 655360);
	cr_assert_eq(rnr_usec(25), 61440);
	cr_assert_eq(rnr_usec(31), 491520);
}

/* Table 47: the same rule from 4 on. */
Test(aeth, credit_table_follows_its_rule)
{
	for (unsigned code = 0; code <= 4; code++)
		cr_assert_eq(credits_from_code(code), code);
	cr_assert_eq(credits_from_code(5), 6);
	for (unsigned code = 6; code <= 30; code++)
		cr_assert_eq(credits_from_code(code),
			     2 * credits_from_code(code - 2), "code %u", code);
	cr_assert_eq(credits_from_code(30), 32768);
	cr_assert_eq(credits_from_code(CREDITS_UNLIMITED), UINT32_MAX);
}

Test(aeth, credits_to_code_never_promises_more)
{
	for (uint32_t wqes = 0; wqes < 40000; wqes++) {
		unsigned code = credits_to_code(wqes);

		cr_assert_leq(credits_from_code(code), wqes);
		cr_assert_gt(credits_from_code(code + 1), wqes);
	}
	cr_assert_eq(credits_to_code(UINT32_MAX), 30);
}
