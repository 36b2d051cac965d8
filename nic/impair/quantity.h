/* Numbers with units, as people write them: 2ms, 100Mbit, 64KiB, 0.05, 5%.
 * Each returns false, and leaves the result alone, for anything else.
 */
#ifndef NIC_IMPAIR_QUANTITY_H
#define NIC_IMPAIR_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/time.h"

#define DURATION_ALLOWED "a number with ns, us, ms or s, up to an hour"
#define RATE_ALLOWED	 "a number with bit, kbit, Mbit or Gbit (per second)"
#define BYTES_ALLOWED	 "a number, or one with KiB or MiB"
#define CHANCE_ALLOWED	 "0 to 1, or 0% to 100%"

bool quantity_duration(const char *text, nsec_t *nsec);
/* Bits per second, above 0. */
bool quantity_rate(const char *text, uint64_t *bits);
bool quantity_bytes(const char *text, uint64_t *bytes);
bool quantity_chance(const char *text, double *chance);
/* A whole number of @min to @max, decimal or 0x... */
bool quantity_count(const char *text, uint64_t min, uint64_t max,
		    uint64_t *count);

#endif
