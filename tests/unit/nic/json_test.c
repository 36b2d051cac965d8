#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include "nic/host/json.h"

static struct json j;

static void expect(const char *want)
{
	cr_expect_not(j.failed);
	cr_expect_eq(j.len, strlen(want), "%.*s is not %s", (int)j.len, j.text,
		     want);
	cr_expect(j.len == strlen(want) && !memcmp(j.text, want, j.len),
		  "%.*s is not %s", (int)j.len, j.text, want);
	json_fini(&j);
}

static void expect_text(const char *value, const char *want)
{
	json_init(&j);
	json_text(&j, NULL, value);
	expect(want);
}

Test(json, values_stand_between_commas)
{
	json_init(&j);
	json_object(&j, NULL);
	json_array(&j, "empty");
	json_array_end(&j);
	json_array(&j, "list");
	json_number(&j, NULL, 0);
	json_number(&j, NULL, UINT64_MAX);
	json_object(&j, NULL);
	json_object_end(&j);
	json_array_end(&j);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	json_null(&j, "nothing");
	json_text(&j, "text", "a b");
	json_object_end(&j);
	json_newline(&j);
	expect("{\"empty\":[],\"list\":[0,18446744073709551615,{}],"
	       "\"yes\":true,\"no\":false,\"nothing\":null,"
	       "\"text\":\"a b\"}\n");
}

Test(json, what_has_a_meaning_is_escaped)
{
	expect_text("", "\"\"");
	expect_text("a\"b\\c/d", "\"a\\u0022b\\u005cc/d\"");
	expect_text("\x01\n\t\x1b[2J\x7f",
		    "\"\\u0001\\u000a\\u0009\\u001b[2J\\u007f\"");
}

Test(json, utf8_stays)
{
	expect_text("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		    "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
	expect_text("\xee\x80\x80\xf4\x8f\xbf\xbf",
		    "\"\xee\x80\x80\xf4\x8f\xbf\xbf\"");
}

#define NONE "\xef\xbf\xbd"

Test(json, bytes_that_are_no_utf8_are_replaced)
{
	expect_text("a\xff", "\"a" NONE "\"");
	expect_text("\x80", "\"" NONE "\"");
	expect_text("\xc3", "\"" NONE "\"");	      /* cut */
	expect_text("\xc3(", "\"" NONE "(\"");	      /* no continuation */
	expect_text("\xc0\xaf", "\"" NONE NONE "\""); /* '/', too long */
	expect_text("\xe0\x80\xaf", "\"" NONE NONE NONE "\"");
	expect_text("\xed\xa0\x80", "\"" NONE NONE NONE "\""); /* surrogate */
	expect_text("\xf4\x90\x80\x80", "\"" NONE NONE NONE NONE "\"");
	expect_text("\xf0\x9f\x98", "\"" NONE NONE NONE "\"");
}

Test(json, any_bytes_give_text_without_control_characters)
{
	char value[2] = {0};

	for (int c = 1; c < 256; c++) {
		value[0] = (char)c;
		json_init(&j);
		json_text(&j, NULL, value);
		cr_assert_not(j.failed);
		for (size_t i = 0; i < j.len; i++)
			cr_assert_geq((unsigned char)j.text[i], 0x20);
		json_fini(&j);
	}
}

Test(json, it_grows)
{
	json_init(&j);
	json_array(&j, NULL);
	for (unsigned i = 0; i < 100000; i++)
		json_number(&j, NULL, 7);
	json_array_end(&j);
	cr_expect_not(j.failed);
	cr_expect_eq(j.len, 200001u);
	cr_expect_eq(j.text[200000], ']');
	json_fini(&j);
}
