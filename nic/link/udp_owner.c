#include "nic/link/udp_owner.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 48u

/* As /proc/net/udp writes it: words of the host's byte order. */
static void name_of(const struct ip_addr *addr, uint16_t port,
		    char name[NAME_MAX_LEN])
{
	bool v4 = ip_is_v4(addr);
	size_t n = 0;

	for (unsigned i = v4 ? 12 : 0; i < 16; i += 4) {
		uint32_t word;

		memcpy(&word, addr->b + i, 4);
		n += (size_t)snprintf(name + n, NAME_MAX_LEN - n, "%08X", word);
	}
	snprintf(name + n, NAME_MAX_LEN - n, ":%04X", port);
}

bool udp_owner(const struct ip_addr *addr, uint16_t port, uid_t *owner)
{
	struct ip_addr any = {0};
	char line[256], local[NAME_MAX_LEN], one[NAME_MAX_LEN],
		all[NAME_MAX_LEN];
	bool found = false;
	unsigned uid;
	FILE *f = fopen(ip_is_v4(addr) ? "/proc/net/udp" : "/proc/net/udp6",
			"re");

	if (!f)
		return false;
	if (ip_is_v4(addr))
		any = ip_from_v4((const uint8_t[4]){0});
	name_of(addr, port, one);
	name_of(&any, port, all);
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %47s %*s %*s %*s %*s %*s %u", local,
			   &uid) != 2)
			continue;
		found = !strcmp(local, one) || !strcmp(local, all);
	}
	fclose(f);
	if (found)
		*owner = (uid_t)uid;
	return found;
}
