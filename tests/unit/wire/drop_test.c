#include <criterion/criterion.h>
#include <ctype.h>
#include "wire/drop.h"

Test(drop, every_reason_has_a_word_of_its_own_and_a_text)
{
	for (int d = 0; d < DROP_N; d++) {
		const char *word = drop_word((enum drop)d);

		cr_assert_gt(strlen(word), 0);
		cr_assert_gt(strlen(drop_text((enum drop)d)), 0);
		for (const char *c = word; *c; c++)
			cr_assert(islower((unsigned char)*c) || *c == '_',
				  "%s is no word", word);
		for (int e = 0; e < d; e++)
			cr_assert_str_neq(word, drop_word((enum drop)e));
	}
}

Test(drop, none_is_zero)
{
	cr_assert_eq(DROP_NONE, 0);
	cr_assert_str_eq(drop_word(DROP_NONE), "none");
}
