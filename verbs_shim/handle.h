/* Numbers for objects.  An event carries the number of its object, not a
 * pointer: it may be on its way out of a channel while another thread destroys
 * the object, and then the number leads nowhere.  The handle fields that
 * programs see (and import by) are these numbers, too.
 */
#ifndef VERBS_SHIM_HANDLE_H
#define VERBS_SHIM_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

enum handle_kind {
	HANDLE_FREE,
	HANDLE_PD,
	HANDLE_MR,
	HANDLE_DM,
	HANDLE_CQ,
	HANDLE_QP,
	HANDLE_SRQ,
};

/* Gives @obj a number, never 0 and not one just freed; -ENOMEM. */
int handle_new(enum handle_kind kind, void *obj, uint32_t *handle);
void handle_free(uint32_t handle);

/* The object of that number and kind, kept from handle_free until
 * handle_unlock; NULL, and nothing locked, if there is none.
 */
void *handle_lock(enum handle_kind kind, uint32_t handle);
void handle_unlock(void);
/* Whether there is an object of that number and kind. */
bool handle_is(enum handle_kind kind, uint32_t handle);

static inline void *handle_cookie(uint32_t handle)
{
	return (void *)(uintptr_t)handle;
}

static inline uint32_t handle_of_cookie(const void *cookie)
{
	return (uint32_t)(uintptr_t)cookie;
}

#endif
