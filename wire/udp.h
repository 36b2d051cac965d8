/* UDP (RFC 768). */
#ifndef WIRE_UDP_H
#define WIRE_UDP_H

#include "wire/bytes.h"
#include "wire/drop.h"

#define UDP_LEN 8u

struct udp {
	uint16_t sport, dport;
	uint16_t len; /* header included */
	uint16_t checksum; /* 0: none */
};

/* DROP_SHORT; DROP_UDP_LENGTH if the length is below 8 or past the end.  Cuts
 * @in to the length.  The checksum is not judged: see checksum_pseudo.
 */
enum drop udp_decode(struct udp *h, struct span *in);
void udp_encode(const struct udp *h, uint8_t *out);

#endif
