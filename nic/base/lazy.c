/* malloc writes a header in front of each piece, so that a page of even an unused
 * one is there.  Larger pieces are mapped, which the kernel joins to few areas.
 */
#include "nic/base/lazy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Sanitizers see the end of what malloc gives only. */
static bool is_mapped(size_t size)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#else
	return size >= 2048;
#endif
}

void *lazy_alloc(size_t size)
{
	void *p;

	if (!is_mapped(size))
		return malloc(size ? size : 1);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void lazy_free(void *p, size_t size)
{
	if (!p)
		return;
	if (is_mapped(size))
		munmap(p, size);
	else
		free(p);
}
