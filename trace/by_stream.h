/* Arrays with a place for each stream, by its number (trace/stream.h). */
#ifndef TRACE_BY_STREAM_H
#define TRACE_BY_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* How many places, of which there are @n, there should be for one of @number. */
uint32_t by_stream_room(uint32_t n, uint32_t number);
/* @v, an array of @from places of @size bytes, with @to, more of them; new ones
 * are zero.  NULL: no memory, and @v is as it was.
 */
void *by_stream_grow(void *v, uint32_t from, uint32_t to, size_t size);

#endif
