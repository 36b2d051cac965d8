/* Who is on a hub: joining, leaving, dying, and the file that comes and goes.
 */
#include "nic/port/hub_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/nic/child.h"

static char where[64], path[HUB_PATH_MAX], why[HUB_WHY_MAX];
static struct hub hub[HUB_STATIONS + 1];

static void name_it(void)
{
	snprintf(where, sizeof(where), "test-file-%d", (int)getpid());
	cr_assert_eq(hub_path(where, path, why), 0);
}

static void sweep(void)
{
	char fifo[HUB_PATH_MAX + 8];

	for (unsigned i = 0; i < HUB_STATIONS; i++) {
		snprintf(fifo, sizeof(fifo), "%s.%u", path, i);
		unlink(fifo);
	}
	unlink(path);
}

TestSuite(hub_file, .init = name_it, .fini = sweep, .timeout = 120);

static struct hub_member member(unsigned i)
{
	uint8_t v4[4] = {10, 9, 0, (uint8_t)i};

	return (struct hub_member){
		where, 0600, {{2, 0, 0, 0, 0, (uint8_t)i}}, ip_from_v4(v4)};
}

static int join(unsigned i)
{
	struct hub_member m = member(i);

	return hub_join(&m, &hub[i], why);
}

static bool exists(const char *suffix)
{
	char full[HUB_PATH_MAX + 8];

	snprintf(full, sizeof(full), "%s%s", path, suffix);
	return !access(full, F_OK);
}

Test(hub_file, last_one_out_removes_everything)
{
	cr_assert_eq(join(0), 0, "%s", why);
	cr_assert_eq(join(1), 0, "%s", why);
	cr_assert(exists("") && exists(".0") && exists(".1"));
	hub_leave(&hub[0]);
	cr_assert(exists("") && !exists(".0") && exists(".1"));
	hub_leave(&hub[1]);
	cr_assert(!exists("") && !exists(".1"));
}

Test(hub_file, all_places_and_one_more)
{
	for (unsigned i = 0; i < HUB_STATIONS; i++)
		cr_assert_eq(join(i), 0, "%u: %s", i, why);
	cr_assert_eq(join(HUB_STATIONS), -ENOSPC);
	cr_assert(strstr(why, "all 63 places are taken"), "%s", why);
	hub_leave(&hub[17]);
	cr_assert_eq(join(HUB_STATIONS), 0, "%s", why);
	cr_assert_eq(hub[HUB_STATIONS].self, 17);
}

Test(hub_file, addresses_are_had_once)
{
	struct ip_addr ip[HUB_STATIONS];
	struct hub_member m = member(1);
	struct hub other;

	cr_assert_eq(hub_addresses(where, ip, why), 0);
	cr_assert_not(exists(""), "looking makes no hub");
	cr_assert_eq(join(1), 0);
	cr_assert_eq(hub_join(&m, &other, why), -EADDRINUSE);
	cr_assert(strstr(why, "ip=10.9.0.1: process "), "%s", why);
	m.ip.b[15] = 2;
	cr_assert_eq(hub_join(&m, &other, why), -EADDRINUSE);
	cr_assert(strstr(why, "mac=02:00:00:00:00:01: process "), "%s", why);
	cr_assert_eq(hub_addresses(where, ip, why), 1);
	m = member(1);
	cr_assert(ip_equal(&ip[0], &m.ip));
	hub_leave(&hub[1]);
	cr_assert_eq(join(1), 0, "free again: %s", why);
	hub_leave(&hub[1]);
}

/* A child that joins, says so, and dies in its sleep. */
static pid_t joiner(unsigned i)
{
	int end;
	pid_t pid = child_fork(&end);

	if (!pid) {
		if (join(i) || !child_says(end))
			_exit(1);
		pause();
	}
	child_await(end);
	return pid;
}

Test(hub_file, the_dead_give_way)
{
	pid_t child;

	cr_assert_eq(join(1), 0);
	child = joiner(2);
	hub_reap(&hub[1], 1);
	cr_assert(exists(".1"), "it lives");
	cr_assert_eq(join(2), -EADDRINUSE);
	child_kill(child);
	cr_assert(exists(".1"), "nobody has looked");
	hub_reap(&hub[1], 1);
	cr_assert(!exists(".1"));
	cr_assert_eq(join(2), 0, "%s", why);
	cr_assert_eq(hub[2].self, 1);
	/* The last one out clears up behind others. */
	child = joiner(3);
	child_kill(child);
	hub_leave(&hub[1]);
	hub_leave(&hub[2]);
	cr_assert(!exists("") && !exists(".2"));
}

Test(hub_file, a_hub_of_dead_stations_is_entered)
{
	child_kill(joiner(1));
	cr_assert(exists("") && exists(".0"));
	cr_assert_eq(join(1), 0, "%s", why);
	hub_leave(&hub[1]);
	cr_assert(!exists("") && !exists(".0"));
}

/* What host_forget does in the child of a fork. */
Test(hub_file, a_forked_child_lets_go_of_nothing)
{
	int status;
	pid_t pid;

	cr_assert_eq(join(1), 0);
	pid = fork();
	if (!pid) {
		hub_leave(&hub[1]);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	cr_assert(exists("") && exists(".0"));
	cr_assert_eq(join(2), 0);
	hub_reap(&hub[2], hub[1].self);
	cr_assert(exists(".0"), "the parent's lock holds");
	hub_leave(&hub[2]);
	hub_leave(&hub[1]);
	cr_assert(!exists(""));
}

/* Does the path still lead to the file that we are on? */
static bool on_the_hub(const struct hub *h)
{
	struct stat a, b;

	return !fstat(h->fd, &a) && !stat(path, &b) && a.st_ino == b.st_ino;
}

static int come_and_go(unsigned i)
{
	for (unsigned n = 0; n < 150; n++) {
		if (join(i) || !on_the_hub(&hub[i]))
			return 1;
		if (n % 3 == i % 3)
			usleep(50);
		if (!on_the_hub(&hub[i]))
			return 2;
		hub_leave(&hub[i]);
	}
	return 0;
}

Test(hub_file, joining_races_with_removing)
{
	pid_t pid[6];
	int status;

	for (unsigned i = 0; i < 6; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(come_and_go(i + 1));
	}
	for (unsigned i = 0; i < 6; i++) {
		waitpid(pid[i], &status, 0);
		cr_assert_eq(status, 0, "child %u: %x", i, status);
	}
	cr_assert_not(exists(""));
}

static void write_file(const void *bytes, size_t len, off_t size)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	cr_assert(!size || !ftruncate(fd, size));
	close(fd);
}

Test(hub_file, a_file_that_is_no_hub_is_left_alone)
{
	write_file("precious data", 13, 0);
	cr_assert_eq(join(1), -EINVAL);
	cr_assert(strstr(why, "a file, but not a hub's"), "%s", why);
	cr_assert(exists(""));
}

Test(hub_file, halves_and_other_versions_are_replaced)
{
	write_file("GLASSHUB\377\377", 10, 0);
	cr_assert_eq(join(1), 0, "%s", why);
	hub_leave(&hub[1]);
	write_file("", 0, 0);
	cr_assert_eq(join(1), 0, "%s", why);
	hub_leave(&hub[1]);
	write_file("", 1, 100000); /* died while it made one */
	cr_assert_eq(join(1), 0, "%s", why);
	hub_leave(&hub[1]);
}

Test(hub_file, links_and_wrong_names_are_refused)
{
	char other[HUB_PATH_MAX];

	cr_assert_eq(symlink("/tmp/nowhere", path), 0);
	cr_assert_eq(join(1), -ELOOP);
	cr_assert_eq(hub_path("a/b", other, why), -EINVAL);
	cr_assert_str_eq(why, "port=hub:a/b: neither a name nor a path from "
			      "the root");
}

Test(hub_file, the_file_has_the_rights_that_were_asked_for)
{
	struct hub_member m = member(1);
	struct stat st;

	umask(077);
	m.mode = 0660;
	cr_assert_eq(hub_join(&m, &hub[1], why), 0);
	cr_assert(!stat(path, &st) && (st.st_mode & 0777) == 0660);
	cr_assert(!fstat(hub[1].fifo, &st) && (st.st_mode & 0777) == 0660);
	hub_leave(&hub[1]);
}

Test(hub_file, another_user_is_told_why)
{
	pid_t pid;
	int status;

	if (geteuid())
		cr_skip_test("not root");
	cr_assert_eq(join(1), 0);
	pid = fork();
	if (!pid) {
		if (setuid(65534) || join(2) != -EACCES)
			_exit(1);
		_exit(!strstr(why, "belongs to user root, who lets no other "
				   "in"));
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0);
	hub_leave(&hub[1]);
}
