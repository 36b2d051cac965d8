/* What a person sees: one line on stderr that says what, where and what to do.
 * GLASSNIC_LOG=error|warn|info|debug chooses how much; warn is the default.
 */
#ifndef NIC_BASE_LOG_H
#define NIC_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* True when a line of @level would be shown. */
bool log_on(enum log_level level);
/* Prints "glassnic: TEXT\n" in one write. */
void log_at(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
