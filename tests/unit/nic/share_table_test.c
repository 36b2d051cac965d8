/* Slots: who holds them, what becomes of those of the dead. */
#include "nic/link/share_table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/nic/child.h"

static char dir[] = "/tmp/share-table-XXXXXX", path[64];
static struct share_table t, other;

static void begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/share", dir);
	cr_assert_eq(share_table_open(&t, path), 0);
	cr_assert_eq(share_table_open(&other, path), 0);
}

static void end(void)
{
	share_table_close(&t);
	share_table_close(&other);
	unlink(path);
	rmdir(dir);
}

TestSuite(share_table, .init = begin, .fini = end, .timeout = 60);

static unsigned take(struct share_table *table, unsigned from, unsigned first,
		     uint16_t local)
{
	unsigned slot;

	cr_assert_eq(share_table_lock(table, 1000), 0);
	slot = share_table_take(table, from, first, local);
	share_table_unlock(table);
	return slot;
}

static void look(struct share_table *table)
{
	cr_assert_eq(share_table_lock(table, 1000), 0);
	share_table_unlock(table);
}

static unsigned prune(struct share_table *table, unsigned mine)
{
	unsigned n;

	cr_assert_eq(share_table_lock(table, 1000), 0);
	n = share_table_prune(table, mine);
	share_table_unlock(table);
	return n;
}

Test(share_table, one_has_the_lock)
{
	cr_assert_eq(share_table_lock(&t, 0), 0);
	cr_assert_eq(share_table_lock(&other, 5), -EBUSY);
	share_table_unlock(&t);
	cr_assert_eq(share_table_lock(&other, 0), 0);
}

Test(share_table, slots_differ_and_0_and_1023_are_nobodys)
{
	cr_assert_eq(take(&t, 1022, 0, 9), 1022);
	cr_assert_eq(take(&other, 1022, 0, 9), 1);
	cr_assert_eq(take(&other, 1, 1, 9), 2);
	look(&t);
	cr_assert(share_table_leads(&t, 1022) && share_table_leads(&t, 1));
	cr_assert_not(share_table_leads(&t, 2));
	cr_assert_eq(t.row[2].first, 1);
	cr_assert_eq(t.row[2].next, 9);
	cr_assert_eq(share_table_holders(&t), 2);
	cr_assert_eq(prune(&t, 1022), 0);
}

Test(share_table, all_slots_can_be_taken_and_no_more)
{
	for (unsigned i = 1; i < SHARE_SLOTS - 1; i++)
		cr_assert_eq(take(&t, 500, i == 1 ? 0 : 500, 0),
			     (i + 498) % 1022 + 1);
	cr_assert_eq(take(&t, 500, 500, 0), 0);
	cr_assert_eq(take(&other, 1, 0, 0), 0);
}

Test(share_table, a_slot_goes_on_where_its_last_holder_was)
{
	cr_assert_eq(take(&t, 7, 0, 100), 7);
	cr_assert_eq(share_table_put_next(&t, 7, 123), 0);
	cr_assert_eq(share_table_lock(&t, 0), 0);
	share_table_leave(&t, 7);
	share_table_unlock(&t);
	cr_assert_eq(take(&other, 7, 0, 100), 7);
	cr_assert_eq(other.row[7].next, 123);
}

/* What others write of a row does not set back its next. */
Test(share_table, only_the_holder_counts)
{
	cr_assert_eq(take(&t, 7, 0, 100), 7);
	look(&other);
	cr_assert_eq(share_table_put_next(&t, 7, 101), 0);
	other.row[7].index = 3;
	cr_assert_eq(share_table_put(&other, 7), 0);
	cr_assert(share_table_get(&other, 7));
	cr_assert_eq(other.row[7].next, 101);
	cr_assert_eq(other.row[7].index, 3);
}

/* A child that holds three slots, and waits to be killed. */
static pid_t holder(unsigned from)
{
	int end;
	pid_t pid = child_fork(&end);

	if (!pid) {
		struct share_table mine;
		bool fine = !share_table_open(&mine, path) &&
			    !share_table_lock(&mine, 1000);

		fine = fine && share_table_take(&mine, from, 0, 5) == from;
		mine.row[from].index = (uint16_t)(from / 10 - 1);
		share_table_put(&mine, from);
		for (unsigned i = 1; fine && i < 3; i++)
			share_table_take(&mine, from, from, 5);
		for (unsigned i = 0; fine && i < 3; i++)
			share_table_put_next(&mine, from + i, 77);
		share_table_unlock(&mine);
		if (fine && child_says(end))
			pause();
		_exit(1);
	}
	child_await(end);
	return pid;
}

/* Holders at slots 10, 20 and 30 with indices 0 to 2: who is last in the group
 * moves to where the dead one was.
 */
Test(share_table, the_dead_are_cleared_away)
{
	pid_t a = holder(10), b = holder(20), c = holder(30);

	cr_assert_eq(prune(&t, 0), 0);
	cr_assert_eq(share_table_holders(&t), 3);
	child_kill(a);
	cr_assert_eq(prune(&t, 0), 1);
	cr_assert_eq(share_table_holders(&t), 2);
	for (unsigned i = 10; i < 13; i++)
		cr_assert_eq(t.row[i].pid, 0);
	cr_assert_eq(t.row[20].index, 1);
	cr_assert_eq(t.row[30].index, 0);
	cr_assert_eq(take(&t, 10, 0, 5), 10);
	cr_assert_eq(t.row[10].next, 77);
	child_kill(b);
	child_kill(c);
	cr_assert_eq(prune(&other, 0), 2);
	cr_assert(share_table_leads(&other, 10));
}

Test(share_table, a_removed_file_is_opened_again)
{
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(take(&t, 5, 0, 0), 5);
	look(&other);
	cr_assert(share_table_leads(&other, 5));
}

/* Not by those who hold slots: theirs stay theirs. */
Test(share_table, holders_keep_a_removed_file)
{
	cr_assert_eq(take(&t, 5, 0, 0), 5);
	cr_assert_eq(unlink(path), 0);
	look(&t);
	cr_assert(share_table_leads(&t, 5));
}

Test(share_table, rubbish_is_begun_anew)
{
	static const uint8_t rubbish[20000] = {[100] = 0xff, [5000] = 0xff};

	cr_assert_eq(take(&t, 5, 0, 0), 5);
	cr_assert_eq(pwrite(t.fd, rubbish, sizeof(rubbish), 0),
		     (ssize_t)sizeof(rubbish));
	look(&other);
	cr_assert_eq(share_table_holders(&other), 0);
	/* A right head, and rows that point past the end. */
	cr_assert_eq(share_table_put_head(&other), 0);
	for (off_t at = sizeof(struct share_head); at < 16000; at++)
		cr_assert_eq(pwrite(t.fd, "\xff", 1, at), 1);
	look(&other);
	cr_assert_eq(share_table_holders(&other), 0);
	cr_assert_eq(prune(&other, 0), 0);
}

static void age(const char *name)
{
	const struct timespec old[2] = {{1000, 0}, {1000, 0}};

	cr_assert_eq(utimensat(AT_FDCWD, name, old, 0), 0);
}

Test(share_table, old_tables_of_nobody_are_swept)
{
	cr_assert_eq(take(&t, 5, 0, 0), 5);
	age(path);
	share_table_sweep(dir, "share", 60);
	cr_assert_eq(access(path, F_OK), 0, "it is held");
	share_table_close(&t);
	share_table_sweep(dir, "other", 60);
	cr_assert_eq(access(path, F_OK), 0, "it is none of these");
	look(&other);
	share_table_put_head(&other); /* makes it new */
	share_table_sweep(dir, "share", 60);
	cr_assert_eq(access(path, F_OK), 0, "it is new");
	age(path);
	share_table_sweep(dir, "share", 60);
	cr_assert_neq(access(path, F_OK), 0);
}

/* Takes and leaves a slot again and again; dies at a whim. */
static void come_and_go(unsigned seed)
{
	for (unsigned i = 0; i < 200; i++) {
		struct share_table mine;
		unsigned slot;

		if (share_table_open(&mine, path) ||
		    share_table_lock(&mine, 10000))
			_exit(1);
		share_table_prune(&mine, 0);
		slot = share_table_take(&mine, rand_r(&seed) % 8 + 1, 0, 0);
		if (!slot || mine.row[slot].pid != (uint32_t)getpid())
			_exit(2);
		share_table_unlock(&mine);
		/* Nobody else has it meanwhile. */
		if (share_table_lock(&mine, 10000) ||
		    mine.row[slot].pid != (uint32_t)getpid())
			_exit(3);
		if (rand_r(&seed) % 2)
			share_table_leave(&mine, slot);
		if (rand_r(&seed) % 100 == 0)
			kill(getpid(), SIGKILL);
		share_table_close(&mine);
	}
	_exit(0);
}

Test(share_table, many_come_and_go)
{
	int status;

	for (unsigned i = 0; i < 8; i++)
		if (!fork())
			come_and_go(i + 1);
	while (wait(&status) > 0)
		cr_assert(WIFSIGNALED(status) || !WEXITSTATUS(status), "%d",
			  WEXITSTATUS(status));
	prune(&t, 0);
	cr_assert_eq(share_table_holders(&t), 0);
}

Test(share_table, one_speaks)
{
	cr_expect(share_table_speak(&t));
	cr_expect(share_table_speak(&t), "and goes on");
	cr_expect_not(share_table_speak(&other));
	share_table_close(&t);
	cr_expect(share_table_speak(&other));
}
