/* Receive side scaling: the Toeplitz hash, by the vectors that Microsoft
 * publishes for it ("Verifying the RSS Hash Calculation").
 */
#include <criterion/criterion.h>
#include "nic/rss.h"

static const struct gn_rx_hash published = {
	.key = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
		 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
		 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
		 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa },
};

static uint32_t hash(uint64_t fields, const char *src, uint16_t sport,
		     const char *dst, uint16_t dport, uint8_t version)
{
	struct gn_rx_hash h = published;
	struct ip_header ip = { .version = version, .protocol = 6 };
	struct rss_fields f = { &ip, true, sport, dport };

	h.fields = fields;
	cr_assert(ip_parse(&ip.src, src) && ip_parse(&ip.dst, dst));
	return rss_hash(&h, &f);
}

#define ADDR4  (GN_HASH_SRC_IPV4 | GN_HASH_DST_IPV4)
#define ADDR6  (GN_HASH_SRC_IPV6 | GN_HASH_DST_IPV6)
#define PORTS  (GN_HASH_SRC_PORT_TCP | GN_HASH_DST_PORT_TCP)

Test(rss, ipv4_vectors)
{
	cr_expect_eq(hash(ADDR4, "66.9.149.187", 2794, "161.142.100.80", 1766,
			  4), 0x323e8fc2);
	cr_expect_eq(hash(ADDR4 | PORTS, "66.9.149.187", 2794,
			  "161.142.100.80", 1766, 4), 0x51ccc178);
	cr_expect_eq(hash(ADDR4, "199.92.111.2", 14230, "65.69.140.83", 4739,
			  4), 0xd718262a);
	cr_expect_eq(hash(ADDR4 | PORTS, "199.92.111.2", 14230, "65.69.140.83",
			  4739, 4), 0xc626b0ea);
}

Test(rss, ipv6_vectors)
{
	cr_expect_eq(hash(ADDR6, "3ffe:2501:200:1fff::7", 2794,
			  "3ffe:2501:200:3::1", 1766, 6), 0x2cc18cd5);
	cr_expect_eq(hash(ADDR6 | PORTS, "3ffe:2501:200:1fff::7", 2794,
			  "3ffe:2501:200:3::1", 1766, 6), 0x40207d3d);
}

Test(rss, other_fields_do_not_count)
{
	cr_expect_eq(hash(ADDR4 | GN_HASH_SRC_PORT_UDP, "66.9.149.187", 2794,
			  "161.142.100.80", 1766, 4), 0x323e8fc2);
	cr_expect_eq(hash(ADDR6, "66.9.149.187", 2794, "161.142.100.80", 1766,
			  4), 0);
}
