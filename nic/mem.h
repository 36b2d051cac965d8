/* The only code that touches a program's memory.
 *
 * A program may unmap what it has registered.  A real NIC's pages stay pinned;
 * here the access faults, and these functions turn the fault into -EFAULT.
 */
#ifndef NIC_MEM_H
#define NIC_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0, or -EFAULT if not all of it was there (some may have been copied). */
int mem_copy(void *dst, const void *src, size_t len);
/* Adds @add to the 8-byte aligned *@at, or, if @compare is given, stores @add
 * when *@at equals *@compare; atomic with respect to the CPU.  *@orig is what
 * was there before.  0 or -EFAULT.
 */
int mem_atomic(uint64_t *at, const uint64_t *compare, uint64_t add,
	       uint64_t *orig);
/* Stores @value to the 8-byte aligned *@at in one piece; 0 or -EFAULT. */
int mem_store(uint64_t *at, uint64_t value);
/* Has the range, if it is a mapped file, written to its disk; 0 or -EFAULT. */
int mem_persist(void *at, size_t len);
/* Faults the range in.  -EFAULT if there is no memory, or none that may be
 * written when @write.
 */
int mem_probe(void *at, size_t len, bool write);


/* Installs the fault handler; before memory may vanish. */
void mem_guard_install(void);
/* Looks whether the program has put a handler of its own in its place since: if
 * so, accesses go through the kernel from then on, which is slower.  To be
 * called now and then.
 */
void mem_guard_check(void);

#endif
