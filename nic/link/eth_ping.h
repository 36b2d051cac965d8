/* Answers to pings (RFC 792, RFC 4443), so that ping shows whether a link_eth
 * is there.
 */
#ifndef NIC_LINK_ETH_PING_H
#define NIC_LINK_ETH_PING_H

#include "nic/link/eth_link.h"

/* Answers @in, the payload of @ip, if it is an echo request to us.
 * DROP_IP_PROTOCOL if it is something else.
 */
enum drop eth_ping(struct eth_link *e, const struct ip_header *ip,
		   struct span in, nsec_t now);

#endif
