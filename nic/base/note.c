#include "nic/base/note.h"

#include <stdio.h>

const char *note_text(struct note *note, enum drop v)
{
	if (!note->text[0] && v != DROP_NONE)
		snprintf(note->text, sizeof(note->text), "drop: %s: %s",
			 drop_word(v), drop_text(v));
	return note->text[0] ? note->text : NULL;
}
