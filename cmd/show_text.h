/* Views of NICs (docs/show.md) as text of at most SHOW_COLUMNS columns. */
#ifndef CMD_SHOW_TEXT_H
#define CMD_SHOW_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define SHOW_COLUMNS 120u

struct json_t; /* jansson's */

/* A table, a NIC a line.  @before: the same NIC a while ago, for rates, or
 * NULL.
 */
void show_list_head(bool rates);
void show_list_row(const struct json_t *view, const struct json_t *before,
		   bool rates);
/* A NIC that does not answer. */
void show_silent_row(int pid, const char *nic);
/* All of one NIC, but at most @max_qps of its QPs. */
void show_details(const struct json_t *view, const struct json_t *before,
		  size_t max_qps);

#endif
