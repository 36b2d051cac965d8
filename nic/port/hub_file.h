/* The file in which a hub lives: its table of stations and its rings.  There is
 * no daemon: a station that joins makes the file if it is not there, the last
 * that leaves removes it, and whoever may open it is in.
 *
 * A station holds an open-file-description lock on the byte of its slot, which
 * the kernel drops when the process dies: so the others know.  The table is
 * written under another such lock, on byte 0.  Rings and the words marked
 * atomic are used without it.
 */
#ifndef NIC_PORT_HUB_FILE_H
#define NIC_PORT_HUB_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "nic/port/hub_ring.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define HUB_STATIONS 63u
#define HUB_PATH_MAX 240u
#define HUB_WHY_MAX  256u

#define HUB_ASLEEP ((uint64_t)1 << 63)

/* One row of the table, in shared memory. */
struct hub_station {
	/* Bit n: station n has sent something since it was cleared. HUB_ASLEEP:
	 * the station sleeps, and wants its FIFO written.
	 */
	_Atomic uint64_t ready __attribute__((aligned(64)));
	/* Odd: taken.  Written, as all below, under the table's lock. */
	_Atomic uint32_t generation __attribute__((aligned(64)));
	int32_t pid; /* for messages only */
	_Atomic uint64_t mac;
	struct ip_addr ip;
};

struct hub_head {
	char magic[8];
	uint32_t version, stations, ring, frame;
	_Atomic uint32_t epoch; /* changes when the table does */
};

/* One station's hold on the file. */
struct hub {
	char path[HUB_PATH_MAX];
	int fd;
	int fifo;    /* readable when somebody rang */
	pid_t owner; /* not so in a forked child */
	unsigned self;
	uint8_t *map;
	struct hub_head *head;
	struct hub_station *station; /* [HUB_STATIONS] */
};

struct hub_member {
	const char *where; /* a name, or a path that begins with '/' */
	mode_t mode;	   /* of the file, if it has to be made */
	struct mac mac;
	struct ip_addr ip;
};

uint64_t hub_mac(const struct mac *m);

/* The path of the hub @where.  -EINVAL, and @why (HUB_WHY_MAX bytes) is one
 * line.
 */
int hub_path(const char *where, char path[HUB_PATH_MAX], char *why);
/* Takes a slot.  -errno, and @why is one line: -EACCES, -EADDRINUSE (somebody
 * else has the MAC or IP address), -ENOSPC (no free slot), ...
 */
int hub_join(const struct hub_member *m, struct hub *h, char *why);
/* Gives the slot back, and removes the file if nobody else is there.  In a
 * forked child it touches nothing that is the parent's.
 */
void hub_leave(struct hub *h);

/* The addresses of those on hub @where; returns how many, or -errno. */
int hub_addresses(const char *where, struct ip_addr ip[HUB_STATIONS],
		  char *why);

/* Frees the slot if its station has died, unless the table is busy. */
void hub_reap(struct hub *h, unsigned slot);

/* The ring from one station to another; the first use of a ring by a station is
 * hub_ring_back, which makes its memory real.  -ENOSPC, for example.
 */
struct hub_ctl *hub_ctl(const struct hub *h, unsigned from, unsigned to);
uint8_t *hub_data(const struct hub *h, unsigned from, unsigned to);
int hub_ring_back(const struct hub *h, unsigned from, unsigned to);

/* The FIFO of @slot, opened for who wants to write it, or -1. */
int hub_open_fifo(const struct hub *h, unsigned slot);

#endif
