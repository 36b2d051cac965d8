/* Whose is a UDP port that is taken? */
#ifndef NIC_LINK_UDP_OWNER_H
#define NIC_LINK_UDP_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "wire/ip.h"

/* The user of a socket that is bound to @port on @addr, or on all addresses of
 * its family.  False: there is none to be seen.
 */
bool udp_owner(const struct ip_addr *addr, uint16_t port, uid_t *owner);

#endif
