/* Writes JSON (RFC 8259) into memory that grows.  What it writes is always
 * valid: text that is no UTF-8 has U+FFFD where it is none.
 */
#ifndef NIC_HOST_JSON_H
#define NIC_HOST_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *text; /* len bytes, not terminated */
	size_t len, room;
	bool comma;  /* a value stands before the next one */
	bool failed; /* no memory: text is not whole */
};

void json_init(struct json *j);
void json_fini(struct json *j);

/* One value each.  @key is its name in an object, which needs no escapes; NULL
 * in an array and for the outermost value.
 */
void json_text(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
/* What stands up to the matching close is in it. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
/* After the outermost value. */
void json_newline(struct json *j);

#endif
