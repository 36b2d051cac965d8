/* A child process that does something, says so, and goes on until it is killed.
 */
#ifndef TESTS_UNIT_NIC_CHILD_H
#define TESTS_UNIT_NIC_CHILD_H

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* As fork; *@end is how the child says that it is ready, and the parent hears
 * it.
 */
static inline pid_t child_fork(int *end)
{
	int fd[2];
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	close(fd[pid ? 1 : 0]);
	*end = fd[pid ? 0 : 1];
	return pid;
}

static inline bool child_says(int end)
{
	return write(end, "", 1) == 1;
}

static inline void child_await(int end)
{
	char c;

	cr_assert_eq(read(end, &c, 1), 1, "the child is ready");
	close(end);
}

static inline void child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
