/* How a fault becomes -EFAULT: while one of the functions below is at work, the
 * thread's guard points to a jump buffer.  The SIGSEGV/SIGBUS handler jumps
 * there; with no guard set the fault is the program's own, and goes to the
 * handler that was there before.  A program that installs a handler of its own
 * later takes ours away; then process_vm_readv and -writev, on ourselves, find out
 * without faulting.
 */
#include "nic/mem.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

static __thread sigjmp_buf *volatile guard
	__attribute__((tls_model("initial-exec")));
static struct sigaction before_segv, before_bus;
static _Atomic bool replaced; /* our handler is not there any more */

/* The fences keep the compiler from moving the accesses that @at guards out from
 * between two calls: it does not know that they can end in on_fault.
 */
static inline void set_guard(sigjmp_buf *at)
{
	atomic_signal_fence(memory_order_seq_cst);
	guard = at;
	atomic_signal_fence(memory_order_seq_cst);
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *old = sig == SIGBUS ? &before_bus : &before_segv;

	if (old->sa_flags & SA_SIGINFO)
		old->sa_sigaction(sig, info, context);
	else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN)
		old->sa_handler(sig);
	else
		sigaction(sig, old, NULL); /* faults again, by its rules */
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	if (guard)
		siglongjmp(*guard, 1);
	pass_on(sig, info, context);
}

void mem_guard_install(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO | SA_NODEFER |
					    SA_ONSTACK };

	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	static bool installed;

	sigemptyset(&sa.sa_mask);
	pthread_mutex_lock(&once);
	if (!installed) {
		installed = true;
		sigaction(SIGSEGV, &sa, &before_segv);
		sigaction(SIGBUS, &sa, &before_bus);
	}
	pthread_mutex_unlock(&once);
}

static bool is_ours(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) ||
	       ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault);
}

void mem_guard_check(void)
{
	atomic_store_explicit(&replaced, !is_ours(SIGSEGV) || !is_ours(SIGBUS),
			      memory_order_relaxed);
}

static bool is_replaced(void)
{
	return atomic_load_explicit(&replaced, memory_order_relaxed);
}

static int copy_by_kernel(void *dst, const void *src, size_t len)
{
	struct iovec to = { dst, len }, from = { (void *)(uintptr_t)src, len };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)len
		       ? 0
		       : -EFAULT;
}

int mem_copy(void *dst, const void *src, size_t len)
{
	sigjmp_buf here;

	if (!dst || !src) /* nobody's; and memcpy may take it for impossible */
		return len ? -EFAULT : 0;
	if (is_replaced())
		return copy_by_kernel(dst, src, len);
	if (sigsetjmp(here, 0)) {
		set_guard(NULL);
		return -EFAULT;
	}
	set_guard(&here);
	memcpy(dst, src, len);
	set_guard(NULL);
	return 0;
}

int mem_atomic(uint64_t *at, const uint64_t *compare, uint64_t add,
	       uint64_t *orig)
{
	sigjmp_buf here;

	if (is_replaced() && mem_probe(at, sizeof(*at), true))
		return -EFAULT;
	if (sigsetjmp(here, 0)) {
		set_guard(NULL);
		return -EFAULT;
	}
	set_guard(&here);
	if (compare) {
		*orig = *compare;
		__atomic_compare_exchange_n(at, orig, add, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	} else {
		*orig = __atomic_fetch_add(at, add, __ATOMIC_SEQ_CST);
	}
	set_guard(NULL);
	return 0;
}

int mem_store(uint64_t *at, uint64_t value)
{
	sigjmp_buf here;

	if (is_replaced() && mem_probe(at, sizeof(*at), true))
		return -EFAULT;
	if (sigsetjmp(here, 0)) {
		set_guard(NULL);
		return -EFAULT;
	}
	set_guard(&here);
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
	set_guard(NULL);
	return 0;
}

int mem_persist(void *at, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)at & ~(page - 1);

	return msync((void *)from, (uintptr_t)at + len - from, MS_SYNC)
		       ? -EFAULT
		       : 0;
}

/* For kernels before 5.14, which cannot populate: reads a byte of each page, and
 * writes it back if the page must be writable.
 */
static int touch_pages(uintptr_t from, uintptr_t to, size_t page, bool write)
{
	volatile char *volatile at = (volatile char *)from;
	sigjmp_buf here;

	if (sigsetjmp(here, 0)) {
		set_guard(NULL);
		return -EFAULT;
	}
	set_guard(&here);
	for (; (uintptr_t)at < to; at += page) {
		char c = *at;

		if (write)
			__atomic_compare_exchange_n(at, &c, c, false,
						    __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED);
	}
	set_guard(NULL);
	return 0;
}

/* Refused: by a kernel that knows no better, or because of the mapping? */
static bool can_populate(size_t page)
{
	static char here;

	return !madvise((void *)((uintptr_t)&here & ~(page - 1)), page,
			MADV_POPULATE_READ);
}

int mem_probe(void *at, size_t len, bool write)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)at & ~(page - 1);
	uintptr_t to = ((uintptr_t)at + len + page - 1) & ~(page - 1);

	if (!len)
		return 0;
	if (!madvise((void *)from, to - from,
		     write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ))
		return 0;
	if (errno == EINVAL && is_replaced() && can_populate(page))
		return -EFAULT; /* touching it would call the program's handler */
	if (errno == EINVAL)
		return touch_pages(from, to, page, write);
	return errno == ENOMEM || errno == EFAULT ? -EFAULT : -errno;
}
