/* Packet lines of a drill, before they are sent or waited for. */
#ifndef DRILL_PLAY_PACKET_H
#define DRILL_PLAY_PACKET_H

#include "drill/player.h"

/* What a packet line says beside fields. */
struct around {
	struct tamper tamper;
	struct ip_addr src, dst;
	bool has_src, has_dst;
	uint64_t times;
	uint64_t strip; /* bytes that it lacks at the end, before the ICRC */
	const char *verdict; /* behind "=>"; NULL: it is to be accepted */
};

/* The line as a packet: the fields that it gives, what is around it, and whose
 * QP it is about (NULL: nobody's).
 */
bool play_parse_packet(struct player *p, struct packet_text *t,
		       struct around *a, struct end **end, bool to_nic);

#endif
