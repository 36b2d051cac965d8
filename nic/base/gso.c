#include "nic/base/gso.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "nic/base/hold.h"

#define LOOK_EVERY (100 * MSEC)
#define NAME_LEN   64u

void gso_watch(struct gso *g, unsigned index)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->iface[i] == index)
			return;
	if (index && g->n < GSO_IFACES)
		g->iface[g->n++] = index;
}

static bool concerns(const struct gso *g, unsigned index)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->iface[i] == index)
			return true;
	return !index; /* bound to none: hears all */
}

/* Sockets are known by their inodes, as in /proc. */
static void name_of(unsigned long inode, char name[NAME_LEN])
{
	snprintf(name, NAME_LEN, "glassnic/socket/%lu", inode);
}

int gso_is_no_sniffer(int fd)
{
	char name[NAME_LEN];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	name_of((unsigned long)st.st_ino, name);
	return hold_name(name, SOCK_CLOEXEC);
}

static bool is_sniffer(unsigned long inode)
{
	char name[NAME_LEN];

	name_of(inode, name);
	return !is_held(name);
}

/* Is there a socket for all protocols of one of the interfaces or of all?
 * Columns: sk RefCnt Type Proto Iface R Rmem User Inode.
 */
static bool look(const struct gso *g)
{
	FILE *f = fopen("/proc/net/packet", "re");
	unsigned proto, index;
	unsigned long inode;
	bool found = false;
	char row[256];

	if (!f)
		return false;
	while (!found && fgets(row, sizeof(row), f))
		found = sscanf(row, "%*s %*s %*s %x %u %*s %*s %*s %lu", &proto,
			       &index, &inode) == 3 &&
			proto == ETH_P_ALL && concerns(g, index) &&
			is_sniffer(inode);
	fclose(f);
	return found;
}

bool gso_allowed(struct gso *g, nsec_t now)
{
	if (g->refused || g->mode == GSO_OFF)
		return false;
	if (g->mode == GSO_ON)
		return true;
	if (now >= g->next) {
		g->next = now + LOOK_EVERY;
		g->heard = look(g);
	}
	return !g->heard;
}
