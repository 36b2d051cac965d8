/* One address, several programs: what link_udp needs to be one of them, and
 * which QPNs are this one's (docs/decisions/0011).
 *
 * The sockets of all who share an address and a port are one SO_REUSEPORT
 * group, and the kernel gives a datagram to the one whose slot its DestQP is in
 * (share_steer.h).  Who is in the group, in which order, stands in a file
 * (share_table.h).  The order can only be guessed when a member dies: so a
 * member that gets what is another's passes it on, and has the order measured:
 * a datagram for each index, and whoever gets it writes down the index as its
 * own.
 *
 * Nobody waits for anybody here, but to join: work that finds the table locked
 * is done later, by share_tick.
 */
#ifndef NIC_LINK_SHARE_H
#define NIC_LINK_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/counters.h"
#include "nic/base/time.h"
#include "nic/link/share_steer.h"
#include "nic/link/udp_sock.h"
#include "wire/bytes.h"
#include "wire/ip.h"

struct share;

/* What is shared. */
struct share_what {
	enum steer_kind kind;
	struct ip_addr addr;
	uint16_t port; /* UDP */
	char tag[64];  /* what else must be the same; part of a file's name */
};

/* Prepares to share @what with those who name the same @dir, and joins nobody
 * yet.  @seed: where random numbers start.  -errno, and @why (of at least 160
 * bytes) is one line.
 */
int share_open(const char *dir, const struct share_what *what, uint64_t seed,
	       struct share **share, char *why);
/* After the link that joined.  In the child of a fork it only closes what is
 * open, and touches nothing of the parent's.
 */
void share_free(struct share *s);

/* A QPN that no other program of the address has or had lately; @in_use: how
 * many QPs there are.  May be one that the caller uses already: ask again.  0:
 * none.
 */
uint32_t share_qpn(struct share *s, uint32_t in_use);

/* Is @qpn one of this program's, if there is a QP of that number? */
bool share_has(const struct share *s, uint32_t qpn);

/* ---- for a link on an interface (STEER_NONE) ----
 *
 * Every program gets the frames that its filter takes; the kernel gives those
 * that concern all to all.
 */

/* Takes a slot; while the first program has not settled, waits for that, or for
 * its end.  -errno, as share_join.  What was entered share_free leaves.
 */
int share_enter(struct share *s);
/* The first program's, when it knows that no other host has the address. */
int share_settle(struct share *s);
/* Were others there before? */
bool share_joined(const struct share *s);
/* The slots that are this program's. */
unsigned share_slots(const struct share *s, const uint16_t **slot);
/* Has @tell called when there is one more. */
void share_on_slot(struct share *s, void (*tell)(void *ctx), void *ctx);
/* Is this the program that answers for all who asks for the address?  One does,
 * and when it ends, however it does, another who is asked.
 */
bool share_answers(struct share *s);

/* ---- for link_udp (the others) ---- */

/* Opens @sock as one of the group.  -errno: -EBUSY if the table was locked for
 * seconds, -ENOSPC if all slots are taken; else as udp_sock_open.
 */
int share_join(struct share *s, struct udp_sock *sock, unsigned ifindex,
	       struct counters *counters);
/* Leaves the group and closes @sock. */
void share_leave(struct share *s, struct udp_sock *sock);

/* Looks at what came to the group's socket: true if it is none of this
 * program's, and was seen to.  What concerns all goes to the others, too.
 */
bool share_takes(struct share *s, const struct ip_header *ip, uint16_t sport,
		 struct span data, nsec_t now);

/* The socket where others pass on what is ours. */
struct udp_sock *share_aside(struct share *s);
/* Unpacks what came there: sets source, TOS, TTL and flow label.  False: there
 * is nothing in it for the NIC.
 */
bool share_unpack(struct share *s, struct span *data, struct ip_header *ip,
		  uint16_t *sport, nsec_t now);

/* When share_tick wants to be called, or NSEC_NEVER. */
nsec_t share_deadline(const struct share *s);
void share_tick(struct share *s, nsec_t now);

#endif
