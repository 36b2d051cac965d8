#include "nic/rss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic/base/pow2.h"
#include "wire/bytes.h"

#define TUPLE_MAX 36u /* two addresses and two ports */
#define PROTO_TCP 6u

struct rss {
	uint8_t key[GN_RSS_KEY_LEN];
	unsigned fields;
	unsigned n;
	struct gn_qp *table[];
};

int rss_new(const struct gn_rss *from, struct rss **out)
{
	struct rss *rss;

	if (!from->n || round_up_pow2(from->n) != from->n)
		return -EINVAL;
	rss = malloc(sizeof(*rss) + from->n * sizeof(*rss->table));
	if (!rss)
		return -ENOMEM;
	memcpy(rss->key, from->key, sizeof(rss->key));
	rss->fields = from->fields;
	rss->n = from->n;
	memcpy(rss->table, from->table, from->n * sizeof(*rss->table));
	*out = rss;
	return 0;
}

void rss_free(struct rss *rss)
{
	free(rss);
}

/* For each bit of the data that is set, the 32 bits of the key that begin at its
 * place are added.
 */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *data, size_t len)
{
	uint32_t window = get_be32(key), hash = 0;

	for (size_t i = 0; i < len; i++)
		for (int bit = 7; bit >= 0; bit--) {
			if (data[i] >> bit & 1)
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1);
		}
	return hash;
}

static size_t add_address(uint8_t *to, const struct ip_addr *a, uint8_t version)
{
	size_t len = version == 4 ? 4 : 16;

	memcpy(to, a->b + 16 - len, len);
	return len;
}

uint32_t rss_hash(const struct rss *rss, const struct ip_header *ip,
		  const uint16_t *ports)
{
	uint8_t tuple[TUPLE_MAX];
	unsigned f = rss->fields;
	size_t len = 0;

	if (!ip)
		return 0;
	f >>= ip->version == 4 ? 0 : 2;
	if (f & GN_RSS_SRC_IPV4)
		len += add_address(tuple, &ip->src, ip->version);
	if (f & GN_RSS_DST_IPV4)
		len += add_address(tuple + len, &ip->dst, ip->version);
	f = rss->fields >> (ip->protocol == PROTO_TCP ? 0 : 2);
	for (unsigned i = 0; ports && i < 2; i++)
		if (f & GN_RSS_SRC_PORT_TCP << i) {
			put_be16(tuple + len, ports[i]);
			len += 2;
		}
	return toeplitz(rss->key, tuple, len);
}

struct gn_qp *rss_pick(const struct rss *rss, uint32_t hash)
{
	return rss->table[hash & (rss->n - 1)];
}
