/* One UDP socket of the kernel, set up so that what it sends can carry an ICRC:
 * IPv4 identification 0 (segments of a train: 0, 1, 2, ...), DF, no flow label, and
 * no UDP checksum unless a train needs it.
 */
#ifndef NIC_LINK_UDP_SOCK_H
#define NIC_LINK_UDP_SOCK_H

#include <netinet/in.h>
#include <stdbool.h>
#include "wire/ip.h"

#define UDP_TTL 64u /* of a socket, and of packets that name none */

enum udp_use {
	UDP_MAIN,   /* sends and receives */
	UDP_SHARED, /* the same, beside others of this user */
	UDP_SEND,   /* another source port: receives nothing */
	UDP_GROUP,  /* receives what is sent to a multicast group */
};

struct udp_sock {
	int fd;		     /* -1: not open */
	struct ip_addr addr; /* bound to; UDP_GROUP: the group */
	uint16_t port;
	uint8_t tos, ttl;  /* that it sends with now, */
	bool checksum;	   /* and whether with UDP checksums */
	uint32_t scope;	   /* interface of a link-local address */
	uint32_t overflow; /* the kernel's count of lost datagrams */
};

union udp_name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Opens a non-blocking socket bound to @addr and @port.  @ifindex: the
 * interface for multicast and link-local addresses, 0 if unknown.  -errno.
 */
int udp_sock_open(struct udp_sock *s, const struct ip_addr *addr, uint16_t port,
		  enum udp_use use, unsigned ifindex);
void udp_sock_close(struct udp_sock *s);

/* Asks for a receive buffer of @len bytes, past the system's limit where that
 * is allowed.
 */
void udp_sock_rcvbuf(const struct udp_sock *s, unsigned len);
/* Makes what is sent from now on bear @tos and @ttl. */
void udp_sock_set(struct udp_sock *s, uint8_t tos, uint8_t ttl);
/* Makes what is sent from now on bear a UDP checksum, or none.  Trains need one:
 * without, the kernel refuses them.
 */
void udp_sock_checksum(struct udp_sock *s, bool on);
/* Lets the kernel deliver datagrams of one size in one piece (UDP_GRO). */
void udp_sock_take_trains(const struct udp_sock *s);
/* Joins or leaves @group on an interface; 0 or -errno. */
int udp_sock_member(const struct udp_sock *s, const struct ip_addr *group,
		    unsigned ifindex, bool member);

/* @addr and @port in the kernel's form; returns its length. */
socklen_t udp_name_of(union udp_name *name, const struct ip_addr *addr,
		      uint16_t port, uint32_t scope);
struct ip_addr udp_name_addr(const union udp_name *name);

struct udp_interface {
	unsigned index; /* 0: none has the address */
	unsigned mtu;
};

/* The interface that has @addr; for 127.0.0.0/8 the loopback interface. */
struct udp_interface udp_interface_of(const struct ip_addr *addr);

#endif
