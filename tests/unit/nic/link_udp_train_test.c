/* link_udp: trains out (UDP GSO) and in (UDP GRO). */
#include "tests/unit/nic/udp_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "nic/link/udp_train.h"

TestSuite(train, .fini = close_both, .timeout = 60);

/* ---- the kernel, watched and made to refuse ---- */

static unsigned trains, singles; /* messages that the kernel took */
static int refusal;		 /* errno for what is a train */

int sendmmsg(int fd, struct mmsghdr *msg, unsigned n, int flags)
{
	unsigned good = 0;
	long r;

	while (good < n && !(refusal && msg[good].msg_hdr.msg_controllen))
		good++;
	if (!good) {
		errno = refusal;
		return -1;
	}
	r = syscall(SYS_sendmmsg, fd, msg, good, flags);
	for (long i = 0; i < r; i++)
		msg[i].msg_hdr.msg_controllen ? trains++ : singles++;
	return (int)r;
}

/* ---- which packets couple ---- */

/* To @host; only slots and lengths matter beside. */
static struct pkt packet(uint8_t host)
{
	struct pkt p = {.dst = address(host)};

	return p;
}

Test(train, cut)
{
	struct pkt one = packet(1), two = packet(2), other = packet(2);
	struct udp_train t = {.n = 0};

	other.slot = 1;
	cr_expect_not(udp_train_add(&t, &one, 100));
	cr_expect(udp_train_add(&t, &one, 100));
	cr_expect_not(udp_train_add(&t, &two, 100), "another peer");
	cr_expect_not(udp_train_add(&t, &two, 101), "longer than the first");
	cr_expect(udp_train_add(&t, &two, 101));
	cr_expect(udp_train_add(&t, &two, 7), "the last may be shorter");
	cr_expect_eq(t.n, 3);
	cr_expect_not(udp_train_add(&t, &two, 7), "but only the last");
	udp_train_end(&t);
	cr_expect_not(udp_train_add(&t, &two, 7));
	cr_expect_not(udp_train_add(&t, &two, 0), "there is no empty segment");
	cr_expect_not(udp_train_add(&t, &two, 0));
	cr_expect_not(udp_train_add(&t, &two, 100));
	cr_expect_not(udp_train_add(&t, &other, 100), "another program");
}

Test(train, cut_at_the_limits)
{
	struct pkt one = packet(1);
	struct udp_train t = {.n = 0};

	for (unsigned i = 0; i < 2 * TRAIN_SEGMENTS; i++)
		cr_expect_eq(udp_train_add(&t, &one, 1000),
			     i % TRAIN_SEGMENTS != 0, "%u", i);
	udp_train_end(&t);
	for (unsigned i = 0; i < 30; i++)
		cr_expect_eq(udp_train_add(&t, &one, 4112), i % 15 != 0, "%u",
			     i);
	udp_train_end(&t);
	udp_train_add(&t, &one, 60000);
	cr_expect(udp_train_add(&t, &one, TRAIN_BYTES - 60000));
	udp_train_end(&t);
	udp_train_add(&t, &one, 60000);
	cr_expect_not(udp_train_add(&t, &one, TRAIN_BYTES - 59999));
}

/* ---- trains of every shape ---- */

/* Packets by their payload's length in fours; a digit's place is its fours
 * times a scale.  '/' another source port, '!' lost on purpose, '~' a flipped
 * ICRC.
 */
struct shape {
	const char *text;
	unsigned scale;
	unsigned trains, singles;
};

static const struct shape shapes[] = {
	{"1", 1, 0, 1},
	{"11", 1, 1, 0},
	{"0000", 1, 1, 0},
	{"1234", 1, 0, 4},
	{"4321", 1, 2, 0},
	{"3332", 100, 1, 0},
	{"33323332", 100, 2, 0},
	{"3332333", 100, 2, 0},
	{"45555555", 64, 1, 1},
	{"8888888888888888", 128, 1, 1},       /* 65,507 bytes */
	{"9999999999999999999999", 113, 2, 0}, /* the same */
	{"22/22/2", 100, 2, 1},
	{"22!22", 100, 1, 0},
	{"!2", 100, 0, 0},
	{"2!22", 100, 1, 0},
	{"22~22", 100, 1, 0},
	{"1111111111111111111111111111111111111111111111111111111111111111"
	 "111111111111111111111111111111111111",
	 64, 2, 0},
	{"9", 113, 0, 1},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static struct pkt batch[128];

/* Fills the batch; returns how many. */
static unsigned fill(const struct shape *s)
{
	bool lost = false, wrong = false;
	uint16_t sport = 0xc000;
	unsigned n = 0;

	for (const char *c = s->text; *c; c++) {
		struct pkt *p = &batch[n];

		if (*c == '/')
			sport++;
		lost |= *c == '!';
		wrong |= *c == '~';
		if (*c < '0' || *c > '9')
			continue;
		make(p, &a, &b, (size_t)(*c - '0') * 4 * s->scale);
		p->sport = sport;
		p->lost = lost;
		p->icrc_flip = wrong ? 0x10000001 : 0;
		p->room[PKT_ROOM - 1] = (uint8_t)n++; /* PSN */
		lost = wrong = false;
	}
	return n;
}

static uint16_t field(const struct frame *f, unsigned at)
{
	return get_be16(f->bytes + at);
}

#define ID  (14 + 4)
#define SUM (14 + 20 + 6)

/* Its UDP checksum is right, or there is none. */
static void check_sum(const struct frame *f)
{
	struct span in = {f->bytes, f->len};
	struct ip_header ip;
	struct eth eth;

	if (!field(f, SUM))
		return;
	cr_assert_eq(eth_decode(&eth, &in), DROP_NONE);
	cr_assert_eq(ip_decode(&ip, &in), DROP_NONE);
	cr_assert_eq(checksum_fold(checksum_add(
			     checksum_pseudo(&ip, IPPROTO_UDP_, in.len), in.p,
			     in.len)),
		     0);
}

/* What a receiver cannot know of a datagram that came alone. */
static void forget_sum(struct frame *f)
{
	put_be16(f->bytes + SUM, 0);
}

/* Every packet that was not lost arrives as it was shown on its way out. */
static void compare(const struct shape *s, unsigned n, unsigned from_a,
		    unsigned from_b)
{
	unsigned in = from_b;

	cr_assert_eq(rec_a.n - from_a, n, "%s", s->text);
	for (unsigned i = 0; i < n; i++) {
		struct frame *out = &rec_a.frame[from_a + i], *arrived;

		check_sum(out);
		if (batch[i].lost)
			continue;
		arrived = &rec_b.frame[in++];
		check_sum(arrived);
		forget_sum(out);
		forget_sum(arrived);
		cr_assert_eq(out->len, arrived->len, "%s: %u", s->text, i);
		cr_assert_arr_eq(out->bytes, arrived->bytes, out->len, "%s: %u",
				 s->text, i);
	}
	cr_assert_eq(in, rec_b.n);
}

static unsigned to_arrive(unsigned n)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < n; i++)
		lost += batch[i].lost;
	return n - lost;
}

static void go(const struct shape *s)
{
	unsigned from_a, from_b, n = fill(s);

	rec_a.n = rec_b.n = b.n = 0; /* FRAMES are enough for one shape */
	from_a = rec_a.n;
	from_b = rec_b.n;
	trains = singles = 0;
	link_send(a.link, batch, n, 0);
	receive(&b, to_arrive(n));
	compare(s, n, from_a, from_b);
}

Test(train, shapes_arrive_as_they_were)
{
	cfg.gso = GSO_ON;
	open_both(true);
	for (unsigned i = 0; i < SHAPES; i++) {
		go(&shapes[i]);
		cr_expect_eq(trains, shapes[i].trains, "%s: %u trains",
			     shapes[i].text, trains);
		cr_expect_eq(singles, shapes[i].singles, "%s: %u singles",
			     shapes[i].text, singles);
	}
	cr_expect_eq(a.counters.n[CNT_TX_ERROR], 0);
	cr_expect_eq(b.counters.drop[DROP_ICRC], 1, "the flipped one");
}

Test(train, shapes_without_icrc)
{
	cfg.gso = GSO_ON;
	open_both(false);
	for (unsigned i = 0; i < SHAPES; i++)
		go(&shapes[i]);
	cr_expect_eq(a.counters.n[CNT_TX_ERROR], 0);
}

Test(train, identifications_count_up)
{
	static const struct shape s = {"2222/22/3", 100, 0, 0};
	static const uint16_t id[] = {0, 1, 2, 3, 0, 1, 0};

	cfg.gso = GSO_ON;
	open_both(true);
	go(&s);
	for (unsigned i = 0; i < 7; i++) {
		cr_expect_eq(field(&rec_a.frame[i], ID), id[i]);
		cr_expect_eq(field(&rec_b.frame[i], ID), id[i]);
	}
}

Test(train, off)
{
	cfg.gso = GSO_OFF;
	open_both(true);
	for (unsigned i = 0; i < SHAPES; i++) {
		go(&shapes[i]);
		cr_expect_eq(trains, 0);
	}
}

/* IDs do not exist there. */
Test(train, ipv6)
{
	static const struct shape s = {"3333333332", 100, 1, 0};
	unsigned n;

	cfg.gso = GSO_ON;
	open_to_itself(25000);
	n = fill(&s);
	link_send(a.link, batch, n, 0);
	receive(&a, n);
	cr_expect_eq(trains, 1);
	cr_expect_eq(b.n, n);
	cr_assert_eq(rec_a.n, 2 * n);
	for (unsigned i = 0; i < n; i++)
		cr_expect_arr_eq(rec_a.frame[i].bytes, rec_a.frame[n + i].bytes,
				 rec_a.frame[i].len);
}

/* ---- a kernel that refuses ---- */

static void refused(int error)
{
	cfg.gso = GSO_ON;
	open_both(true);
	refusal = error;
	go(&shapes[0]);
	go(&(struct shape){"1/22!2/33~3/4", 100, 0, 0});
	cr_expect_eq(trains, 0);
	cr_expect_eq(singles, 7, "one is lost on purpose");
	for (unsigned i = 0; i < rec_a.n; i++)
		cr_expect_eq(field(&rec_a.frame[i], ID), 0, "%u", i);
	refusal = 0;
	go(&(struct shape){"2222", 100, 0, 0});
	cr_expect_eq(singles, 4, "it is not tried again");
	cr_expect_eq(a.counters.n[CNT_TX_ERROR], 0);
}

Test(train, refused_einval)
{
	refused(EINVAL);
}

Test(train, refused_emsgsize)
{
	refused(EMSGSIZE);
}

Test(train, refused_eio)
{
	refused(EIO);
}

/* Another error is the packets'. */
Test(train, error_counts_every_packet)
{
	cfg.gso = GSO_ON;
	open_both(true);
	refusal = EPERM;
	link_send(a.link, batch, fill(&(struct shape){"222", 100, 0, 0}), 0);
	cr_expect_eq(a.counters.n[CNT_TX_ERROR], 3);
	refusal = 0;
	go(&(struct shape){"222", 100, 0, 0});
	cr_expect_eq(trains, 1);
}

/* ---- gso=auto ---- */

static int listen_to(const char *ifname)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0)
		skip("needs CAP_NET_RAW to listen");
	at.sll_ifindex = ifname ? (int)if_nametoindex(ifname) : 0;
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* Messages of four packets at @now. */
static unsigned messages(nsec_t now)
{
	trains = singles = 0;
	link_send(a.link, batch, fill(&(struct shape){"2222", 100, 0, 0}), now);
	receive(&b, 4);
	return trains + singles;
}

static void listened_to(const char *ifname)
{
	int fd;

	own_network();
	open_both(true);
	cr_expect_eq(messages(1), 1);
	fd = listen_to(ifname);
	cr_expect_eq(messages(50 * MSEC), 1, "looked at every 100 ms");
	cr_expect_eq(messages(101 * MSEC), 4);
	close(fd);
	cr_expect_eq(messages(150 * MSEC), 4);
	cr_expect_eq(messages(201 * MSEC), 1);
}

Test(train, auto_sends_singles_while_lo_is_listened_to)
{
	listened_to("lo");
}

Test(train, auto_sends_singles_while_all_is_listened_to)
{
	listened_to(NULL);
}

Test(train, auto_asks_only_for_who_hears_everything)
{
	int fd;

	own_network();
	open_both(true);
	fd = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE_ARP));
	cr_expect_geq(fd, 0);
	cr_expect_eq(messages(1), 1);
	close(fd);
}

/* What every glassnic on the interface has. */
Test(train, auto_knows_sockets_that_are_no_sniffers)
{
	int fd, said;

	own_network();
	open_both(true);
	fd = listen_to("lo");
	said = gso_is_no_sniffer(fd);
	cr_assert_geq(said, 0);
	cr_expect_eq(messages(1), 1);
	close(said);
	cr_expect_eq(messages(101 * MSEC), 4);
	close(fd);
}
