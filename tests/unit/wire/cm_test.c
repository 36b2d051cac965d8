#include "tests/unit/wire/hex.h"
#include "wire/cm.h"

/* What tests/oracle/cm_test.py cannot have from tshark. */

static uint8_t mad[MAD_LEN];

/* A MAD of @attribute whose body begins with @body. */
static struct cm_msg message(unsigned attribute, const char *body)
{
	struct bytes b = hex(body);
	struct cm_msg m = {0};

	memset(mad, 0, sizeof(mad));
	memcpy(mad, (uint8_t[]){1, 7, 2, 3}, 4);
	mad[17] = (uint8_t)attribute;
	memcpy(mad + 24, b.p, b.len);
	cr_assert(cm_msg_find((struct span){mad, sizeof(mad)}, &m));
	return m;
}

/* IBTA table 107. */
Test(cm, mra)
{
	struct cm_msg m = message(0x11, "11223344 55667788 40 a0");

	cr_expect_str_eq(cm_kind_word(m.kind), "MRA");
	cr_expect_eq(cm_get(&m, CM_LOCAL_ID), 0x11223344);
	cr_expect_eq(cm_get(&m, CM_REMOTE_ID), 0x55667788);
	cr_expect_eq(cm_get(&m, CM_SUBJECT), CM_ABOUT_REP);
	cr_expect_eq(cm_get(&m, CM_SERVICE_TIMEOUT), 20);
}

/* Table 115. */
Test(cm, lap)
{
	struct cm_msg m = message(0x19, "01020304 05060708 00000000 00abcd00");

	cr_expect_eq(cm_get(&m, CM_LOCAL_ID), 0x01020304);
	cr_expect_eq(cm_get(&m, CM_REMOTE_ID), 0x05060708);
	cr_expect_eq(cm_get(&m, CM_QPN), 0xabcd);
}

/* Table 119, with Annex A11's private data. */
Test(cm, sidr_req)
{
	struct cm_msg m =
		message(0x17, "00000007 ffff0000 0000000001111234"
			      "0040 d431 000000000000000000000000 0a000001"
			      "000000000000000000000000 0a000002");
	struct cm_address a;
	char text[IP_TEXT_MAX];

	cr_expect_eq(cm_get(&m, CM_LOCAL_ID), 7);
	cr_expect_eq(cm_get(&m, CM_SERVICE_ID), 0x1111234);
	cr_assert(cm_address(&m, &a));
	cr_expect_eq(a.space, 17);
	cr_expect_eq(a.sport, 0xd431);
	cr_expect_eq(a.dport, 0x1234);
	cr_expect_str_eq(ip_format(&a.src, text), "10.0.0.1");
	cr_expect_str_eq(ip_format(&a.dst, text), "10.0.0.2");
}

/* Table 120. */
Test(cm, sidr_rep)
{
	struct cm_msg m = message(
		0x18, "00000007 03 00 0000 00123400 0000000001111234 01234567");

	cr_expect_eq(cm_get(&m, CM_LOCAL_ID), 7);
	cr_expect_str_eq(cm_sidr_text((unsigned)cm_get(&m, CM_SIDR_STATUS)),
			 "no QP available");
	cr_expect_eq(cm_get(&m, CM_QPN), 0x1234);
	cr_expect_eq(cm_get(&m, CM_SERVICE_ID), 0x1111234);
	cr_expect_eq(cm_get(&m, CM_QKEY), 0x01234567);
}

Test(cm, reason_of_a_rej)
{
	struct cm_msg m = message(0x12, "00000000 00000001 00 00 001c");

	cr_expect_str_eq(cm_reason_text((unsigned)cm_get(&m, CM_REASON)),
			 "consumer reject");
	cr_expect_str_eq(cm_reason_text(0), "reserved");
	cr_expect_str_eq(cm_reason_text(34), "reserved");
	cr_expect_str_eq(cm_reason_text(65535), "reserved");
}

Test(cm, what_a_message_does_not_say_is_0)
{
	struct cm_msg m = message(0x14, "ffffffff ffffffff ffffffff");

	cr_expect_not(cm_has(CM_RTU, CM_QPN));
	cr_expect_eq(cm_get(&m, CM_QPN), 0);
}

Test(cm, addresses_are_only_those_of_ip_services)
{
	struct cm_address a;
	struct cm_msg m = message(0x17, "00000007 ffff0000 1000000001111234"
					"0040");

	cr_expect_not(cm_address(&m, &a), "another service ID");
	m = message(0x17, "00000007 ffff0000 0000000001111234 0050");
	cr_expect_not(cm_address(&m, &a), "IP version 5");
	m = message(0x18, "00000007 00000000 00000000 0000000001111234 0040");
	cr_expect_not(cm_address(&m, &a), "SIDR_REP has none");
}

Test(cm, other_mads_are_none)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} change[] = {{1, 3}, {3, 0x83}, {16, 1}, {17, 0x0f}, {17, 0x1b}};
	struct cm_msg m;

	for (size_t i = 0; i < sizeof(change) / sizeof(*change); i++) {
		message(0x10, "");
		mad[change[i].at] = change[i].byte;
		cr_expect_not(cm_msg_find((struct span){mad, sizeof(mad)}, &m),
			      "byte %zu is %02x", change[i].at, change[i].byte);
	}
	message(0x10, "");
	cr_expect_not(cm_msg_find((struct span){mad, MAD_LEN - 1}, &m));
	cr_expect_not(cm_msg_find((struct span){mad, 0}, &m));
}
