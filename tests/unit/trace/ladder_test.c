/* What a ladder draws, and of whom. */
#include <stdlib.h>
#include "tests/unit/trace/talk.h"
#include "trace/ladder_html.h"
#include "trace/ladder_svg.h"
#include "trace/select.h"

static struct talk t;
static struct ladder *ladder;
static struct select *only;
static uint32_t vni; /* the network that packets are in, or 0 */
static char *picture;

static void on_packet(struct talk *talk, const struct packet *p)
{
	const struct stream *s = check_stream(talk->check);
	struct packet in_net = *p;

	if (only && (!select_learn(only, s) || !select_wants(only, p, s)))
		return;
	in_net.tunnelled = vni;
	in_net.vni = vni;
	cr_assert(ladder_add(ladder, &in_net, talk->note, s, 0));
}

static void begin(size_t max)
{
	talk_begin(&t);
	t.on_packet = on_packet;
	ladder = ladder_new(max, true);
	cr_assert(ladder);
}

static void draw(void (*write)(const struct ladder *l, const char *name,
			       FILE *out))
{
	size_t len;
	FILE *to = open_memstream(&picture, &len);

	cr_assert(ladder_finish(ladder));
	write(ladder, "<&>.pcap", to);
	fclose(to);
}

static void end(void)
{
	talk_end(&t);
	ladder_free(ladder);
	select_free(only);
	free(picture);
}

TestSuite(ladder, .fini = end);

static size_t count(const char *word)
{
	size_t n = 0;

	for (const char *p = picture; (p = strstr(p, word)); p++)
		n++;
	return n;
}

Test(ladder, an_arrow_a_packet)
{
	begin(10);
	greet(&t);
	draw(ladder_svg);
	cr_assert_eq(count("<g class=\"row "), 4);
	cr_assert_eq(count("class=\"row k-data\""), 3);
	cr_assert_eq(count("class=\"row k-ack\""), 1);
	cr_assert(strstr(picture, ">QP 0x11<") && strstr(picture, ">QP 0x12<"));
	cr_assert(strstr(picture, ">ACK, MSN 1<"));
	cr_assert(strstr(picture, ">SEND_MIDDLE, 1024 bytes<"));
	cr_assert(strstr(picture, "\npsn 101\n"));
}

Test(ladder, who_sent_the_first_is_known_in_the_end)
{
	begin(10);
	greet(&t);
	cr_assert(ladder_finish(ladder));
	cr_assert_eq(ladder->nconnection, 1);
	cr_assert_eq(ladder->connection[0].left, 0x11);
	cr_assert_eq(ladder->connection[0].right, 0x12);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(ladder->row[i].connection, 0);
}

Test(ladder, two_connections)
{
	begin(20);
	greet(&t);
	t.qpn[A] = 0x21;
	t.qpn[B] = 0x22;
	t.sport++;
	/* Of several connections, it takes some answers to know which. */
	for (uint32_t i = 0; i < 5; i++) {
		ask(&t, A, OP_SEND_ONLY, 5000 + i, 8);
		ack(&t, 5000 + i, i + 1);
	}
	draw(ladder_html);
	cr_assert_eq(ladder->nconnection, 2);
	cr_assert(strstr(picture, ">0x11 and 0x12</option>"));
	cr_assert(strstr(picture, ">0x21 and 0x22</option>"));
	cr_assert_eq(count("several QPs"), 2);
}

/* Two tenants may have the same addresses. */
Test(ladder, another_network_has_other_hosts)
{
	begin(20);
	vni = 100;
	greet(&t);
	vni = 200;
	send_only(&t, 103);
	vni = 0;
	send_only(&t, 104);
	draw(ladder_svg);
	cr_assert_eq(ladder->n, 4);
	cr_assert_eq(ladder->others, 2);
	cr_assert(strstr(picture, ">QP 0x11, VNI 100<"));
	cr_assert(strstr(picture, "; 2 of other hosts"));
}

Test(ladder, it_says_what_it_leaves_out)
{
	begin(3);
	greet(&t);
	draw(ladder_svg);
	cr_assert_eq(count("<g class=\"row "), 3);
	cr_assert(strstr(picture, "frames 1 to 3: 3 packets; 1 more are not "
				  "drawn (--max)"));
}

Test(ladder, so_does_the_page_above)
{
	begin(3);
	greet(&t);
	draw(ladder_html);
	cr_assert(strstr(picture, "</span>; not drawn: 1 more (--max)</span>\n"
				  "</header>"));
}

Test(ladder, a_long_time_is_seen)
{
	begin(20);
	greet(&t);
	wait_usec(&t, 66990);
	send_only(&t, 103);
	draw(ladder_svg);
	cr_assert_eq(count("class=\"gap\""), 1);
	cr_assert(strstr(picture, ">67.00 ms later<"));
}

Test(ladder, names_of_files_are_only_text)
{
	begin(3);
	greet(&t);
	draw(ladder_html);
	cr_assert_null(strstr(picture, "<&>"));
	cr_assert(strstr(picture, "<h1>&lt;&amp;&gt;.pcap</h1>"));
}

/* The page may fetch nothing. */
Test(ladder, the_page_stands_alone)
{
	begin(3);
	greet(&t);
	draw(ladder_html);
	cr_assert(strstr(picture, "default-src 'none'"));
	cr_assert_eq(count("http"), 2); /* http-equiv, and SVG's name */
	cr_assert_eq(count("src=\""), 0);
	cr_assert_eq(count("url("), 0);
}

Test(ladder, of_no_packets)
{
	begin(3);
	draw(ladder_html);
	cr_assert(strstr(picture, ": 0 packets"));
}

Test(ladder, of_one_qp)
{
	begin(20);
	only = select_new(0x12);
	greet(&t);
	t.qpn[A] = 0x21;
	t.qpn[B] = 0x22;
	t.sport++;
	ask(&t, A, OP_SEND_ONLY, 5000, 8);
	ack(&t, 5000, 1);
	cr_assert_eq(ladder->n, 4);
}

/* Who sends is known from the first answer on. */
Test(ladder, of_one_qp_that_asks)
{
	begin(20);
	only = select_new(0x11);
	greet(&t);
	send_only(&t, 103);
	cr_assert_eq(ladder->n, 2);
	cr_assert_eq(ladder->row[0].frame, 4);
}
