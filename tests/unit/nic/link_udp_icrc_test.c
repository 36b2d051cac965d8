/* What link_udp makes of strangers' ICRCs, and of what is no RoCEv2 at all. */
#include "tests/unit/nic/udp_world.h"

#include <arpa/inet.h>
#include <sys/socket.h>

TestSuite(icrc, .fini = close_both, .timeout = 60);

/* A stranger: a plain socket at address(3). */

static int stranger(void)
{
	struct ip_addr from = address(3);
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&sin.sin_addr, from.b + 12, 4);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	memcpy(&sin.sin_addr, b.link->addr[0].b + 12, 4);
	cr_assert_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

/* An ICRC for IP ID @id; @df as the sender's IP header would have it. */
static void send_with_id(int fd, uint16_t id, bool df, uint32_t damage)
{
	uint8_t data[BTH_LEN + 4 + ICRC_LEN] = {0x04, 0, 0xff, 0xff};
	struct ip_header ip = {.src = address(3),
			       .dst = b.link->addr[0],
			       .version = 4,
			       .protocol = IPPROTO_UDP_,
			       .len = UDP_LEN + sizeof(data),
			       .id = id,
			       .df = df};
	struct udp udp = {PORT, PORT, UDP_LEN + sizeof(data), 0};
	uint32_t icrc = icrc_of(&ip, &udp, (struct span){data, BTH_LEN + 4});

	icrc_put(icrc ^ damage, data + BTH_LEN + 4);
	cr_assert_eq(send(fd, data, sizeof(data), 0), sizeof(data));
	receive(&b, 1);
}

/* The ID in the last frame that b recorded. */
static uint16_t id_shown(void)
{
	return get_be16(rec_b.frame[rec_b.n - 1].bytes + 14 + 4);
}

Test(icrc, wrong_icrc)
{
	int fd;

	open_both(true);
	fd = stranger();
	/* Damage that no identification explains. */
	send_with_id(fd, 0, true, 0x10000001);
	cr_assert_eq(b.n, 0);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_str_eq(rec_b.frame[0].note, "drop: icrc: wrong ICRC");
	send_with_id(fd, 0, true, 0);
	cr_assert_eq(b.n, 1);
}

Test(icrc, ids_of_trains_are_ours)
{
	int fd;

	open_both(true);
	fd = stranger();
	send_with_id(fd, 127, true, 0);
	cr_assert_eq(id_shown(), 127);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.counters.n[CNT_ICRC_FOREIGN], 0);
	send_with_id(fd, 128, true, 0);
	cr_assert_eq(b.n, 1, "a peer that sends our IDs may not send others");
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
}

Test(icrc, foreign_from_the_first_packet)
{
	int fd;

	open_both(true);
	fd = stranger();
	send_with_id(fd, 0x2532, true, 0);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(id_shown(), 0x2532);
	send_with_id(fd, 5, true, 0);
	send_with_id(fd, 0xffff, true, 0);
	cr_assert_eq(b.n, 3, "it stays foreign");
	cr_assert_eq(b.counters.n[CNT_ICRC_FOREIGN], 2);
}

Test(icrc, foreign_without_df)
{
	int fd;

	open_both(true);
	fd = stranger();
	send_with_id(fd, 1, false, 0);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.counters.n[CNT_ICRC_FOREIGN], 1);
	cr_assert_eq(rec_b.frame[0].bytes[14 + 6], 0, "DF is not set");
	cr_assert_eq(id_shown(), 1);
}

/* Eight in a row convince; seven, with one of ours behind them, do not. */
Test(icrc, peer_that_turns_foreign)
{
	int fd;

	open_both(true);
	fd = stranger();
	send_with_id(fd, 0, true, 0);
	for (unsigned i = 0; i < 7; i++)
		send_with_id(fd, (uint16_t)(1000 + i), true, 0);
	cr_assert_eq(b.n, 1);
	send_with_id(fd, 0, true, 0);
	cr_assert_eq(b.n, 2);
	for (unsigned i = 0; i < 7; i++)
		send_with_id(fd, (uint16_t)(2000 + i), true, 0);
	cr_assert_eq(b.n, 2);
	send_with_id(fd, 2007, true, 0);
	cr_assert_eq(b.n, 3);
}

Test(icrc, foreign_by_configuration)
{
	int fd;

	cfg.foreign = true;
	open_both(true);
	fd = stranger();
	send_with_id(fd, 0, true, 0);
	send_with_id(fd, 1000, true, 0);
	cr_assert_eq(b.n, 2);
}

Test(icrc, too_short_for_a_bth)
{
	uint8_t bytes[BTH_LEN + ICRC_LEN - 1] = {0};
	int fd;

	open_both(true);
	fd = stranger();
	cr_assert_eq(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	receive(&b, 1);
	cr_assert_eq(send(fd, bytes, 0, 0), 0);
	receive(&b, 1);
	cr_assert_eq(b.n, 0);
	cr_assert_eq(b.counters.drop[DROP_SHORT], 2);
}

Test(icrc, the_longest_that_there_is)
{
	int fd;

	open_both(true);
	fd = stranger();
	cr_assert_eq(send(fd, payload, 65507, 0), 65507);
	receive(&b, 1);
	cr_assert_eq(b.n, 0);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_eq(rec_b.n, 1);
}
