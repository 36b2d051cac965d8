/* What link_eth refuses, each by its name; and pings. */
#include "tests/unit/nic/eth_world.h"

TestSuite(refuse, .init = start, .fini = stop, .timeout = 120);

/* Everything that can be wrong with a frame.  A good one is built, then spoilt
 * by one function; the name of the refusal is what counts.
 */
struct spoil {
	const char *what;
	enum drop verdict;
	struct eth eth;
	struct ip_header ip;
	struct udp udp;
	int icrc_damage;
	bool with_checksum;
	uint16_t checksum_damage;
	int cut; /* bytes off the end */
};

static size_t build(const struct spoil *s, uint8_t *frame)
{
	uint8_t *p = frame, *udp, data[BTH_LEN + 8 + ICRC_LEN] = {4};
	struct span body = {data, BTH_LEN + 8};
	uint32_t sum;

	icrc_put(icrc_of(&s->ip, &s->udp, body) ^ (uint32_t)s->icrc_damage,
		 data + body.len);
	p += eth_encode(&s->eth, p);
	p += ip_encode(&s->ip, p);
	udp = p;
	udp_encode(&s->udp, p);
	p += UDP_LEN;
	memcpy(p, data, sizeof(data));
	p += sizeof(data);
	if (s->with_checksum) {
		sum = checksum_pseudo(&s->ip, IPPROTO_UDP_, s->udp.len);
		sum = checksum_add(sum, udp, (size_t)(p - udp));
		put_be16(udp + 6, checksum_fold(sum) ^ s->checksum_damage);
	}
	return (size_t)(p - frame) - (size_t)s->cut;
}

static struct spoil good(void)
{
	const uint16_t len = UDP_LEN + BTH_LEN + 8 + ICRC_LEN;
	struct spoil s = {
		.what = "good",
		.eth = {.dst = mac_a, .src = mac_b, .type = ETHERTYPE_IPV4},
		.ip = {.src = ip("10.0.0.2"),
		       .dst = ip("10.0.0.1"),
		       .version = 4,
		       .ttl = 64,
		       .protocol = IPPROTO_UDP_,
		       .len = len,
		       .id = 0x2532,
		       .df = true},
		.udp = {0xc000, ROCE_UDP_PORT, len, 0},
	};

	return s;
}

static void try(const struct spoil *s, enum drop verdict)
{
	uint64_t before = a.counters.drop[verdict];
	unsigned n = a.n;
	uint8_t frame[200];

	put_frame(frame, build(s, frame));
	if (verdict == DROP_NONE) {
		cr_assert_eq(a.n, n + 1, "%s: refused", s->what);
		return;
	}
	cr_assert_eq(a.n, n, "%s: delivered", s->what);
	cr_assert_eq(a.counters.drop[verdict], before + 1, "%s: not as %s",
		     s->what, drop_word(verdict));
}

#define TRY(verdict, change)             \
	do {                             \
		struct spoil s = good(); \
		s.what = #change;        \
		change;                  \
		try(&s, verdict);        \
	} while (0)

Test(refuse, good_frames)
{
	one_host();
	TRY(DROP_NONE, s.ip.id = 0);
	TRY(DROP_NONE, s.ip.df = false);
	TRY(DROP_NONE, s.with_checksum = true);
	TRY(DROP_NONE, s.eth.tagged = true); /* tag 0: priority only */
	TRY(DROP_NONE, s.udp.sport = 0);
}

Test(refuse, wrong_stations)
{
	one_host();
	TRY(DROP_NOT_OURS, s.eth.dst = mac_b);
	TRY(DROP_NOT_OURS, s.eth.dst.b[0] = 3);
	TRY(DROP_NOT_OURS, (s.eth.tagged = true, s.eth.vlan = 9));
	TRY(DROP_NOT_OURS, s.ip.dst = ip("10.0.0.3"));
	TRY(DROP_NOT_OURS, s.ip.dst = ip("10.0.0.255"));
	TRY(DROP_SOURCE, s.eth.src.b[0] = 3);
	TRY(DROP_SOURCE, s.ip.src = ip("0.0.0.0"));
	TRY(DROP_SOURCE, s.ip.src = ip("255.255.255.255"));
	TRY(DROP_SOURCE, s.ip.src = ip("224.0.0.1"));
	TRY(DROP_SOURCE, s.ip.src = ip("10.0.0.1"));
}

Test(refuse, wrong_protocols)
{
	one_host();
	TRY(DROP_ETHERTYPE, s.eth.type = 0x88b5);
	TRY(DROP_ETHERTYPE, s.eth.type = ETHERTYPE_QINQ);
	TRY(DROP_IP_HEADER, s.eth.type = ETHERTYPE_IPV6);
	TRY(DROP_IP_PROTOCOL, s.ip.protocol = 6);
	TRY(DROP_UDP_PORT, s.udp.dport = 4790);
}

Test(refuse, wrong_lengths_and_sums)
{
	one_host();
	TRY(DROP_SHORT, s.cut = 1);
	TRY(DROP_UDP_LENGTH, s.udp.len = 7);
	TRY(DROP_UDP_LENGTH, s.udp.len++);
	TRY(DROP_SHORT, s.udp.len = UDP_LEN + BTH_LEN + ICRC_LEN - 1);
	TRY(DROP_UDP_CHECKSUM, (s.with_checksum = true, s.checksum_damage = 4));
	TRY(DROP_ICRC, s.icrc_damage = 1);
}

Test(refuse, frames_cut_anywhere)
{
	uint8_t frame[200];
	struct spoil s = good();
	size_t len = build(&s, frame);

	one_host();
	for (size_t i = 0; i < len; i++)
		put_frame(frame, i);
	cr_assert_eq(a.n, 0);
	cr_assert_eq(a.counters.drop[DROP_SHORT], len);
}

/* The IP header's own damage, which the encoder cannot produce. */
static void spoil_byte(unsigned at, uint8_t flip, bool fix, enum drop verdict)
{
	uint64_t before = a.counters.drop[verdict];
	struct spoil s = good();
	uint8_t frame[200];
	size_t len = build(&s, frame);

	frame[ETH_LEN + at] ^= flip;
	if (fix) {
		put_be16(frame + ETH_LEN + 10, 0);
		put_be16(frame + ETH_LEN + 10,
			 checksum_fold(checksum_add(0, frame + ETH_LEN, 20)));
	}
	put_frame(frame, len);
	cr_assert_eq(a.counters.drop[verdict], before + 1, "byte %u", at);
	cr_assert_eq(a.n, 0);
}

Test(refuse, wrong_ip_headers)
{
	one_host();
	spoil_byte(0, 0x01, false, DROP_IP_HEADER); /* 4 words */
	spoil_byte(0, 0x10, false, DROP_IP_HEADER); /* version 5 */
	spoil_byte(8, 0x01, false, DROP_IP_CHECKSUM);
	spoil_byte(6, 0x20, true, DROP_IP_FRAGMENT);
	spoil_byte(7, 0x01, true, DROP_IP_FRAGMENT);
	spoil_byte(4, 0x01, true, DROP_ICRC); /* the ICRC covers the ID */
}

Test(refuse, ping_is_answered)
{
	/* An echo request of 10.0.0.2 with sequence number 1 and 3 bytes. */
	uint8_t icmp[11] = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'a', 'b', 'c'};
	struct ip_header h = good().ip;
	struct eth eth = good().eth;
	uint8_t frame[100], *p = frame;
	struct span in;

	h.protocol = 1;
	h.len = sizeof(icmp);
	put_be16(icmp + 2, checksum_fold(checksum_add(0, icmp, sizeof(icmp))));
	p += eth_encode(&eth, p);
	p += ip_encode(&h, p);
	memcpy(p, icmp, sizeof(icmp));
	one_host();
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.1");
	ngot = 0;
	put_frame(frame, (size_t)(p - frame) + sizeof(icmp));
	cr_assert_eq(ngot, 1);
	in = (struct span){got[0].bytes, got[0].len};
	cr_assert_eq(eth_decode(&eth, &in), DROP_NONE);
	cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
	cr_assert_eq(h.dst.b[15], 2);
	cr_assert_eq(in.len, sizeof(icmp));
	cr_assert_eq(in.p[0], 0);
	cr_assert_arr_eq(in.p + 4, icmp + 4, sizeof(icmp) - 4);
	cr_assert_eq(checksum_fold(checksum_add(0, in.p, in.len)), 0);
	icmp[2] ^= 1;
	memcpy(p, icmp, sizeof(icmp));
	put_frame(frame, (size_t)(p - frame) + sizeof(icmp));
	cr_assert_eq(ngot, 1);
	cr_assert_eq(a.counters.drop[DROP_UDP_CHECKSUM], 1);
}
