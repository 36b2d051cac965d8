#include <criterion/criterion.h>
#include <string.h>
#include "wire/aeth.h"
#include "wire/print.h"

static const struct roce write_only = {
	.bth = {.opcode = 0x0a,
		.migreq = true,
		.pkey = 0xffff,
		.dqpn = 0x12,
		.ackreq = true,
		.psn = 7},
	.reth = {.va = 0x1000, .rkey = 0x205, .len = 64},
	.payload = {.len = 64},
};

static const char write_only_text[] =
	"RC_WRITE_ONLY dqpn=0x12 psn=7 ackreq va=0x1000 rkey=0x205 len=64 "
	"payload=64";

Test(print, write_only)
{
	char text[256];

	cr_assert_str_eq(roce_print(&write_only, text, sizeof(text)),
			 write_only_text);
}

Test(print, what_is_unusual_shows)
{
	struct roce r = {.bth = {.opcode = 0x24,
				 .se = true,
				 .fecn = true,
				 .becn = true,
				 .pad = 1,
				 .pkey = 0x8001,
				 .resv6 = 2,
				 .resv7 = 3},
			 .payload = {.len = 3}};
	char text[256];

	cr_assert_str_eq(roce_print(&r, text, sizeof(text)),
			 "UC_SEND_ONLY dqpn=0x0 psn=0 se fecn becn nomigreq "
			 "pkey=0x8001 pad=1 resv6=0x2 resv7=0x3 payload=3");
}

/* One opcode for each extension header. */
Test(print, every_header)
{
	static const struct {
		uint8_t code;
		const char *text;
	} rows[] = {
		{0x65, "UD_SEND_ONLY_IMM dqpn=0x12 psn=7 qkey=0x11 sqpn=0x22 "
		       "imm=0x33 payload=0"},
		{0xbc, "XRC_FLUSH dqpn=0x12 psn=7 srqn=0x44 type=1 "
		       "selectivity=1 va=0x1000 rkey=0x205 len=64"},
		{0x13, "RC_COMPARE_SWAP dqpn=0x12 psn=7 va=0x2000 rkey=0x206 "
		       "swap_add=0x55 compare=0x66"},
		{0x12, "RC_ATOMIC_ACKNOWLEDGE dqpn=0x12 psn=7 ack credits=31 "
		       "msn=4 orig=0x77"},
		{0x17, "RC_SEND_ONLY_INV dqpn=0x12 psn=7 inv_rkey=0x88 "
		       "payload=0"},
		{0x81, "CNP dqpn=0x12 psn=7 payload=0"},
		{0x15, "OPCODE_0x15 dqpn=0x12 psn=7"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct roce r = {
			.bth = {.opcode = rows[i].code,
				.migreq = true,
				.pkey = 0xffff,
				.dqpn = 0x12,
				.psn = 7},
			.srqn = 0x44,
			.deth = {0x11, 0x22},
			.feth = {FETH_GLOBAL, FETH_MR},
			.reth = {0x1000, 0x205, 64},
			.atomic = {0x2000, 0x206, 0x55, 0x66},
			.aeth = {0x1f, 4},
			.orig = 0x77,
			.imm = 0x33,
			.inv_rkey = 0x88,
		};
		char text[256];

		cr_assert_str_eq(roce_print(&r, text, sizeof(text)),
				 rows[i].text);
	}
}

Test(print, aeth_kinds)
{
	static const struct {
		uint8_t syndrome;
		const char *text;
	} rows[] = {
		{0x1f, "ack credits=31 msn=4"},
		{0x2c, "rnr timer=12(0.64ms) msn=4"},
		{0x21, "rnr timer=1(0.01ms) msn=4"},
		{0x20, "rnr timer=0(655.36ms) msn=4"},
		{0x40, "reserved=0 msn=4"},
		{0x60, "nak=0(PSN sequence error) msn=4"},
		{0x65, "nak=5(reserved) msn=4"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct aeth a = {rows[i].syndrome, 4};
		char text[64];

		cr_assert_str_eq(aeth_print(&a, text, sizeof(text)),
				 rows[i].text);
	}
}

Test(print, is_cut_at_every_size)
{
	for (size_t size = 1; size <= sizeof(write_only_text) + 3; size++) {
		char text[sizeof(write_only_text) + 8];
		size_t want = size - 1 < strlen(write_only_text)
				      ? size - 1
				      : strlen(write_only_text);

		memset(text, '#', sizeof(text));
		roce_print(&write_only, text, size);
		cr_assert_eq(strlen(text), want);
		cr_assert_eq(strncmp(text, write_only_text, want), 0);
		cr_assert_eq(text[size], '#');
	}
}
