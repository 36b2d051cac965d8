/* The hash, against the examples in Microsoft's specification of it ("Verifying
 * the RSS hash calculation").
 */
#include "nic/rss.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct gn_qp *const table[4] = {
	(struct gn_qp *)8, (struct gn_qp *)16, (struct gn_qp *)24,
	(struct gn_qp *)32
};

static struct gn_rss conf = {
	.key = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
		 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
		 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
		 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa },
	.table = table,
	.n = 4,
};

static uint32_t hash(unsigned fields, const char *src, const char *dst,
		     uint8_t protocol, uint16_t sport, uint16_t dport)
{
	uint16_t ports[2] = { sport, dport };
	struct ip_header ip = { .protocol = protocol };
	struct rss *rss;
	uint32_t h;

	ip_parse(&ip.src, src);
	ip_parse(&ip.dst, dst);
	ip.version = ip_is_v4(&ip.src) ? 4 : 6;
	conf.fields = fields;
	cr_assert_eq(rss_new(&conf, &rss), 0);
	h = rss_hash(rss, &ip, ports);
	rss_free(rss);
	return h;
}

#define V4   (GN_RSS_SRC_IPV4 | GN_RSS_DST_IPV4)
#define V6   (GN_RSS_SRC_IPV6 | GN_RSS_DST_IPV6)
#define TCP  (GN_RSS_SRC_PORT_TCP | GN_RSS_DST_PORT_TCP)
#define UDP  (GN_RSS_SRC_PORT_UDP | GN_RSS_DST_PORT_UDP)

#define A4 "66.9.149.187", "161.142.100.80"
#define A6 "3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1"

Test(rss, specified_values)
{
	cr_expect_eq(hash(V4, A4, 6, 2794, 1766), 0x323e8fc2);
	cr_expect_eq(hash(V4 | TCP, A4, 6, 2794, 1766), 0x51ccc178);
	cr_expect_eq(hash(V6, A6, 6, 2794, 1766), 0x2cc18cd5);
	cr_expect_eq(hash(V6 | TCP, A6, 6, 2794, 1766), 0x40207d3d);
}

Test(rss, looks_only_at_what_it_was_told_to)
{
	cr_expect_eq(hash(V4 | UDP, A4, 17, 2794, 1766), 0x51ccc178);
	cr_expect_eq(hash(V4 | UDP, A4, 6, 2794, 1766), 0x323e8fc2);
	cr_expect_eq(hash(V6, A4, 6, 2794, 1766), 0);
	cr_expect_eq(hash(GN_RSS_DST_IPV4, A4, 6, 1, 2),
		     hash(GN_RSS_DST_IPV4, "1.2.3.4", "161.142.100.80", 17, 3,
			  4));
}

Test(rss, table)
{
	struct rss *rss;

	conf.n = 3;
	cr_expect_eq(rss_new(&conf, &rss), -EINVAL);
	conf.n = 0;
	cr_expect_eq(rss_new(&conf, &rss), -EINVAL);
	conf.n = 4;
	cr_assert_eq(rss_new(&conf, &rss), 0);
	cr_expect_eq(rss_pick(rss, 0xfffffff6), table[2]);
	cr_expect_eq(rss_hash(rss, NULL, NULL), 0);
	rss_free(rss);
}
