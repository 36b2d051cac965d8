/* The filter, run as the kernel would, over frames made by hand. */
#include <criterion/criterion.h>

#include <string.h>
#include "nic/port/packet_filter.h"
#include "wire/arp.h"

#define FRAME 128u

static const struct mac own = {{2, 0x67, 10, 9, 0, 1}};
static const struct mac other = {{2, 0x67, 10, 9, 0, 2}};
static const struct mac almost = {{3 ^ 1, 0x68, 10, 9, 0, 1}};
static uint8_t frame[FRAME];

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	cr_assert(ip_parse(&a, text), "%s", text);
	return a;
}

/* The instructions that the filter may use, and no others. */
static bool passes_as(const struct filter_wants *w)
{
	struct sock_filter code[FILTER_LEN];
	unsigned n = packet_filter(w, code), pc = 0;
	uint32_t a = 0, x = 0;

	for (;;) {
		const struct sock_filter *i = &code[pc++];

		cr_assert_lt(pc, n + 1, "runs past its end");
		switch (i->code) {
		case BPF_LD | BPF_ABS | BPF_W:
			a = get_be32(frame + i->k);
			break;
		case BPF_LD | BPF_ABS | BPF_H:
			a = get_be16(frame + i->k);
			break;
		case BPF_LD | BPF_ABS | BPF_B: a = frame[i->k]; break;
		case BPF_LD | BPF_IND | BPF_H:
			a = get_be16(frame + x + i->k);
			break;
		case BPF_LD | BPF_IND | BPF_W:
			a = get_be32(frame + x + i->k);
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
		case BPF_ALU | BPF_RSH | BPF_K: a >>= i->k; break;
		case BPF_LDX | BPF_B | BPF_MSH:
			x = (uint32_t)(frame[i->k] & 15) * 4;
			break;
		case BPF_MISC | BPF_TAX: x = a; break;
		case BPF_JMP | BPF_JA: pc += i->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JEQ | BPF_X:
			pc += a == x ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K: return i->k != 0;
		default: cr_assert(false, "unknown instruction 0x%x", i->code);
		}
	}
}

static void eth(const struct mac *dst, uint16_t type)
{
	struct eth e = {.dst = *dst, .src = other, .type = type};

	memset(frame, 0, sizeof(frame));
	eth_encode(&e, frame);
}

static void arp(const struct mac *dst, const char *sender, const char *target)
{
	struct arp a = {.op = ARP_REQUEST,
			.sender_mac = other,
			.sender_ip = ip(sender),
			.target_ip = ip(target)};

	eth(dst, ETHERTYPE_ARP);
	arp_encode(&a, frame + ETH_LEN);
}

/* An IP packet to own; behind it the two ports. */
static void packet(const char *dst, uint8_t protocol, uint16_t port)
{
	struct ip_header h = {
		.dst = ip(dst), .protocol = protocol, .ttl = 64, .len = 40};
	size_t at = ETH_LEN;

	h.version = ip_is_v4(&h.dst) ? 4 : 6;
	h.src = ip(h.version == 4 ? "10.9.0.2" : "fd00::2");
	eth(&own, h.version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	at += ip_encode(&h, frame + at);
	put_be16(frame + at, 0xc123);
	put_be16(frame + at + 2, port);
}

static struct filter_wants own_wants(void)
{
	return (struct filter_wants){.mac = own,
				     .addr = {ip("10.9.0.1"), ip("fe80::1")},
				     .naddr = 2,
				     .udp_port = 4791};
}

static struct filter_wants host_wants(void)
{
	return (struct filter_wants){.mac = own,
				     .addr = {ip("10.9.0.1"), ip("10.9.0.9"),
					      ip("fd00::1"), ip("fe80::1")},
				     .naddr = 4,
				     .shared = true,
				     .udp_port = 4791};
}

Test(packet_filter, own_mac_takes_whatever_is_sent_to_it)
{
	struct filter_wants w = own_wants();

	eth(&own, ETHERTYPE_IPV4);
	cr_assert(passes_as(&w));
	eth(&own, 0x88b5);
	cr_assert(passes_as(&w));
	eth(&other, ETHERTYPE_IPV4);
	cr_assert_not(passes_as(&w));
	eth(&almost, ETHERTYPE_IPV4);
	cr_assert_not(passes_as(&w));
}

/* The packet that is there, for @qpn. */
static bool passes_for(const struct filter_wants *w, uint32_t qpn)
{
	size_t at = get_be16(frame + 12) == ETHERTYPE_IPV4 ? 34 : 54;

	put_be32(frame + at + 12, 0xff000000 | qpn);
	return passes_as(w);
}

static void expect_slots(struct filter_wants *w)
{
	w->slot[0] = 3;
	w->slot[1] = 77;
	w->nslot = 2;
	cr_expect(passes_for(w, 3 << QPN_LOCAL_BITS));
	cr_expect(passes_for(w, 77 << QPN_LOCAL_BITS | 0x3fff));
	cr_expect_not(passes_for(w, 4 << QPN_LOCAL_BITS), "another program's");
	cr_expect_not(passes_for(w, 2 << QPN_LOCAL_BITS | 0x3fff));
	cr_expect(passes_for(w, 1), "management concerns all");
	cr_expect(passes_for(w, 0xffffff), "and so does multicast");
}

Test(packet_filter, sharers_take_what_is_for_their_slots)
{
	struct filter_wants w = own_wants(), host = host_wants();

	for (unsigned v6 = 0; v6 < 2; v6++) {
		packet(v6 ? "fd00::1" : "10.9.0.1", 17, 4791);
		expect_slots(&w);
		expect_slots(&host);
	}
	w.all = true;
	cr_expect(passes_for(&w, 4 << QPN_LOCAL_BITS), "raw wants all");
	w.all = false;
	packet("10.9.0.1", 17, 4790);
	cr_expect(passes_for(&w, 4 << QPN_LOCAL_BITS), "is no RoCEv2");
	packet("10.9.0.1", 1, 4791);
	cr_expect(passes_for(&w, 4 << QPN_LOCAL_BITS), "nor is a ping");
	arp(&own, "10.9.0.2", "10.9.0.1");
	cr_expect(passes_as(&w));
}

Test(packet_filter, arp_passes_if_it_is_about_us_or_an_announcement)
{
	struct filter_wants w = own_wants();

	arp(&mac_broadcast, "10.9.0.2", "10.9.0.1");
	cr_assert(passes_as(&w));
	arp(&mac_broadcast, "10.9.0.1", "10.9.0.7");
	cr_assert(passes_as(&w), "somebody else with our address");
	arp(&mac_broadcast, "0.0.0.0", "10.9.0.1");
	cr_assert(passes_as(&w), "somebody who wants our address");
	arp(&mac_broadcast, "10.9.0.2", "10.9.0.2");
	cr_assert(passes_as(&w));
	arp(&mac_broadcast, "10.9.0.2", "10.9.0.7");
	cr_assert_not(passes_as(&w));
}

Test(packet_filter, groups_pass_only_when_joined)
{
	struct filter_wants w = own_wants();
	struct ip_addr all = ip("ff02::1");
	struct mac mac = mac_of_multicast(&all);

	eth(&mac, ETHERTYPE_IPV6);
	cr_assert_not(passes_as(&w));
	for (unsigned i = 0; i < FILTER_GROUPS; i++)
		w.group[i] = (struct mac){{1, 0, 0x5e, 1, 2, (uint8_t)i}};
	w.group[FILTER_GROUPS - 1] = mac;
	w.ngroup = FILTER_GROUPS;
	cr_assert(passes_as(&w), "the last of many");
	eth(&w.group[0], ETHERTYPE_IPV4);
	cr_assert(passes_as(&w), "the first of many");
	eth(&mac_broadcast, ETHERTYPE_IPV4);
	cr_assert_not(passes_as(&w));
	eth(&mac_broadcast, ETHERTYPE_VLAN);
	cr_assert(passes_as(&w), "of another program here: judged above");
}

Test(packet_filter, a_shared_mac_takes_only_roce_to_its_addresses)
{
	struct filter_wants w = host_wants();
	static const char *const dst[] = {"10.9.0.1", "10.9.0.9", "fd00::1",
					  "fe80::1"};

	for (unsigned i = 0; i < 4; i++) {
		packet(dst[i], IPPROTO_UDP_, 4791);
		cr_assert(passes_as(&w), "%s", dst[i]);
		packet(dst[i], IPPROTO_UDP_, 4790);
		cr_assert_not(passes_as(&w), "%s", dst[i]);
		packet(dst[i], 6, 4791);
		cr_assert_not(passes_as(&w), "%s", dst[i]);
	}
	packet("10.9.0.3", IPPROTO_UDP_, 4791);
	cr_assert_not(passes_as(&w), "to be forwarded by the host");
	packet("fd00::3", IPPROTO_UDP_, 4791);
	cr_assert_not(passes_as(&w), "to be forwarded by the host");
	eth(&own, 0x88b5);
	cr_assert_not(passes_as(&w));
}

Test(packet_filter, ipv4_options_do_not_hide_the_port)
{
	struct filter_wants w = host_wants();

	packet("10.9.0.1", IPPROTO_UDP_, 1);
	frame[ETH_LEN] = 0x46;
	put_be16(frame + ETH_LEN + 24 + 2, 4791);
	cr_assert(passes_as(&w));
}

Test(packet_filter, a_shared_mac_hears_answers_of_neighbours)
{
	struct filter_wants w = host_wants();

	arp(&own, "10.9.0.2", "10.9.0.9");
	cr_assert(passes_as(&w));
	packet("fd00::1", IPPROTO_ICMPV6_, 0);
	frame[ETH_LEN + IPV6_LEN] = ND_ADVERTISE;
	cr_assert(passes_as(&w));
	frame[ETH_LEN + IPV6_LEN] = 129;
	cr_assert_not(passes_as(&w), "an answer to the host's ping");
}

Test(packet_filter, all_is_all_that_is_sent_to_the_mac_or_to_many)
{
	struct filter_wants w = host_wants();

	w.all = true;
	packet("10.9.0.1", 6, 22);
	cr_assert(passes_as(&w));
	eth(&mac_broadcast, ETHERTYPE_IPV4);
	cr_assert(passes_as(&w));
	eth(&other, ETHERTYPE_IPV4);
	cr_assert_not(passes_as(&w));
}

Test(packet_filter, the_largest_fits)
{
	struct filter_wants w = host_wants();
	struct sock_filter code[FILTER_LEN];

	w.naddr = FILTER_ADDRS;
	w.ngroup = FILTER_GROUPS;
	for (unsigned i = 0; i < FILTER_ADDRS; i++)
		w.addr[i] = ip("fd00::5");
	cr_assert_lt(packet_filter(&w, code), FILTER_LEN);
	for (unsigned i = 0; i < FILTER_ADDRS; i++)
		w.addr[i] = ip("10.0.0.5");
	cr_assert_lt(packet_filter(&w, code), FILTER_LEN);
	w.addr[7] = ip("10.9.0.1");
	packet("10.9.0.1", IPPROTO_UDP_, 4791);
	cr_assert(passes_as(&w));
}
