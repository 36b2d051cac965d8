#include "trace/by_stream.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64u

uint32_t by_stream_room(uint32_t n, uint32_t number)
{
	uint32_t room = n ? n : ROOM_MIN;

	while (room <= number)
		room *= 2;
	return room;
}

void *by_stream_grow(void *v, uint32_t from, uint32_t to, size_t size)
{
	uint8_t *more = realloc(v, to * size);

	if (more)
		memset(more + from * size, 0, (to - from) * size);
	return more;
}
