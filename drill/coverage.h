/* What drills have made a NIC do: every verdict on a packet, every NAK code and
 * RNR timer in both directions, every opcode, every move between QP states,
 * every status of a completion, every event.
 */
#ifndef DRILL_COVERAGE_H
#define DRILL_COVERAGE_H

#include <stdint.h>
#include <stdio.h>
#include "drill/bench.h"
#include "drill/packet.h"
#include "nic/api.h"
#include "wire/drop.h"

enum cover_dir { COVER_IN, COVER_OUT, COVER_DIRS };

struct coverage {
	uint64_t drop[DROP_N];
	uint64_t opcode[COVER_DIRS][256];
	uint64_t syndrome[COVER_DIRS][256];
	uint64_t move[GN_QPS_N][GN_QPS_N];
	uint64_t status[32];
	uint64_t event[32];
};

void coverage_packet(struct coverage *c, enum cover_dir dir,
		     const struct packet_text *p);
void coverage_wc(struct coverage *c, const char *status);
void coverage_event(struct coverage *c, const char *event);
/* What @b's NIC has counted, at the end of a drill. */
void coverage_take(struct coverage *c, struct bench *b);
/* Prints a line for each thing, "covered WHAT" or "MISSING WHAT"; returns how
 * many are missing.
 */
unsigned coverage_report(const struct coverage *c, FILE *out);

#endif
