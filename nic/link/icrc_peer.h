/* Whose IPv4 identifications to believe.  A UDP socket does not show the ID of
 * what it receives, and the ICRC covers it.  glassnic sends IDs 0 to 127;
 * other stacks send any, but each ID that is allowed is one more way in which a
 * damaged packet can look right, so they are allowed only to peers that need
 * them.
 */
#ifndef NIC_LINK_ICRC_PEER_H
#define NIC_LINK_ICRC_PEER_H

#include <stdbool.h>
#include "wire/drop.h"
#include "wire/ip.h"
#include "wire/udp.h"

#define ICRC_PEERS 64u /* power of two */

struct icrc_peer {
	struct ip_addr addr;
	bool used, foreign;
	uint8_t run; /* foreign IDs in a row, of a peer that is not foreign */
};

struct icrc_peers {
	bool all_foreign; /* believe everybody */
	struct icrc_peer peer[ICRC_PEERS];
};

struct icrc_verdict {
	enum drop drop; /* DROP_NONE, DROP_SHORT or DROP_ICRC */
	bool foreign;	/* right only with a foreign ID */
};

/* Judges the ICRC at the end of @data, the UDP payload.  @ip and @udp are the
 * headers as received, as far as they are known; ip->id is the first guess.  It and
 * ip->df are set to what explains the ICRC.
 */
struct icrc_verdict icrc_peer_check(struct icrc_peers *peers,
				    struct ip_header *ip, const struct udp *udp,
				    struct span data);

#endif
