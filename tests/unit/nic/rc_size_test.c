/* Sizes, PMTUs, scatter and gather, and PSNs that wrap. */
#include "tests/support/duo.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct duo d;
static const unsigned pmtus[] = {256, 512, 1024, 2048, 4096};

TestSuite(rc_size, .timeout = 600);

static void do_all(uint32_t len, unsigned seed)
{
	static const enum gn_wr_opcode ops[] = {
		GN_WR_SEND,	      GN_WR_SEND_IMM,  GN_WR_RDMA_WRITE,
		GN_WR_RDMA_WRITE_IMM, GN_WR_RDMA_READ,
	};
	uint32_t packets = len ? (len + d.o.pmtu - 1) / d.o.pmtu : 1;

	for (unsigned i = 0; i < 5; i++) {
		bool read = ops[i] == GN_WR_RDMA_READ;
		uint32_t nxt = d.s[A].qp->req.nxt;

		duo_fill(&d, read ? B : A, 0, len, seed + i);
		if (ops[i] != GN_WR_RDMA_WRITE && !read)
			duo_recv(&d, B, 9, 0, len);
		duo_do(&d, A, i, ops[i], len);
		duo_idle(&d);
		CHECK_EQ(duo_sent(&d, A, i, GN_WC_SUCCESS).byte_len, len);
		if (ops[i] != GN_WR_RDMA_WRITE && !read)
			CHECK_EQ(duo_received(&d, B, 9, GN_WC_SUCCESS).byte_len,
				 len);
		CHECK(duo_same(&d, 0, 0, len));
		CHECK_EQ(d.s[A].qp->req.nxt, psn_add(nxt, packets));
		fabric_forget(&d.f);
	}
	duo_no_more(&d);
}

Test(rc_size, every_pmtu)
{
	for (unsigned i = 0; i < 5; i++) {
		struct duo_options o = duo_defaults();
		unsigned p = pmtus[i];
		const uint32_t sizes[] = {0,	 1,	    2,	   3,
					  p - 1, p,	    p + 1, 2 * p - 1,
					  2 * p, 2 * p + 1, 60000};

		o.pmtu = p;
		duo_open(&d, &o);
		for (unsigned k = 0; k < sizeof(sizes) / sizeof(*sizes); k++)
			do_all(sizes[k], k * 10);
		duo_close(&d);
	}
}

Test(rc_size, three_megabytes)
{
	for (unsigned i = 0; i < 5; i += 2) {
		struct duo_options o = duo_defaults();

		o.pmtu = pmtus[i];
		o.mem = 4u << 20;
		duo_open(&d, &o);
		do_all((3u << 20) + 17, 5);
		duo_close(&d);
	}
}

/* Message of 300 .. 2900 bytes cut into SGEs at random, empty ones among them,
 * on both sides.
 */
static unsigned cut(unsigned side, uint32_t len, struct gn_sge *sge,
		    struct random *r)
{
	size_t at = 0;
	unsigned n;

	for (n = 0; n < 7; n++) {
		uint32_t part =
			random_next(r) % 3 ? random_next(r) % (len + 1) : 0;

		sge[n] = duo_sge(&d, side, at, part);
		at += part + random_next(r) % 50;
		len -= part;
	}
	sge[n++] = duo_sge(&d, side, at, len);
	return n;
}

static size_t gathered(const struct gn_sge *sge, unsigned n, uint8_t *out)
{
	size_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		memcpy(out + at, (void *)(uintptr_t)sge[i].addr, sge[i].len);
		at += sge[i].len;
	}
	return at;
}

static void scatter_once(struct random *r)
{
	static uint8_t sent[3000], got[3000];
	uint32_t len = (uint32_t)(random_next(r) % 2900);
	bool read = random_next(r) & 1;
	struct gn_sge to[8], from[8];
	struct gn_send_wr wr;
	unsigned nfrom = cut(A, len, from, r), nto = cut(B, len, to, r);
	struct gn_recv_wr rwr = {.wr_id = 2, .sge = to, .nsge = nto};

	duo_fill(&d, read ? B : A, 0, 4000, (unsigned)random_next(r));
	wr = duo_wr(&d, A, 1, read ? GN_WR_RDMA_READ : GN_WR_SEND, 0);
	wr.sge = from;
	wr.nsge = nfrom;
	if (!read)
		CHECK_EQ(qp_post_recv(d.s[B].qp, &rwr), 0);
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(gathered(from, nfrom, sent), len);
	if (read) {
		memcpy(got, d.s[B].mem, len);
	} else {
		duo_received(&d, B, 2, GN_WC_SUCCESS);
		gathered(to, nto, got);
	}
	CHECK(!memcmp(sent, got, len));
}

Test(rc_size, sges_cut_anywhere)
{
	struct duo_options o = duo_defaults();
	struct random r = {42};

	o.pmtu = 256;
	duo_open(&d, &o);
	for (unsigned i = 0; i < 300; i++)
		scatter_once(&r);
	duo_close(&d);
}

/* The PSN wraps before, inside and behind each kind of message. */
Test(rc_size, psn_wraps)
{
	for (unsigned back = 0; back < 20; back++) {
		struct duo_options o = duo_defaults();

		o.psn[A] = psn_add(0, PSN_MASK + 1 - back);
		o.pmtu = 256;
		duo_open(&d, &o);
		do_all(256 * 3 + 1, back);
		for (unsigned i = 0; i < 3; i++)
			duo_do(&d, A, i, GN_WR_FETCH_ADD, 8);
		duo_idle(&d);
		for (unsigned i = 0; i < 3; i++)
			duo_sent(&d, A, i, GN_WC_SUCCESS);
		duo_close(&d);
	}
}

/* And while packets are lost. */
Test(rc_size, psn_wraps_with_loss)
{
	static const unsigned lost[] = {OP_SEND_MIDDLE, OP_WRITE_LAST,
					OP_READ_REQUEST, OP_FETCH_ADD};
	static const unsigned answers[] = {
		OP_READ_RESPONSE_MIDDLE, OP_ACKNOWLEDGE, OP_ATOMIC_ACKNOWLEDGE};

	for (unsigned back = 0; back < 16; back++)
		for (unsigned k = 0; k < 7; k++) {
			struct duo_options o = duo_defaults();

			o.psn[A] = psn_add(0, PSN_MASK + 1 - back);
			o.pmtu = 256;
			duo_open(&d, &o);
			duo_lose(&d, k < 4 ? A : B,
				 k < 4 ? lost[k] : answers[k - 4], 0);
			duo_recv(&d, B, 9, 0, 1000);
			duo_do(&d, A, 1, GN_WR_SEND, 1000);
			duo_do(&d, A, 2, GN_WR_RDMA_READ, 1000);
			duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 1000);
			duo_do(&d, A, 4, GN_WR_FETCH_ADD, 8);
			duo_idle(&d);
			for (unsigned i = 1; i <= 4; i++)
				duo_sent(&d, A, i, GN_WC_SUCCESS);
			duo_received(&d, B, 9, GN_WC_SUCCESS);
			duo_no_more(&d);
			duo_close(&d);
		}
}

/* 2^31 bytes are a message; one more is not. */
Test(rc_size, largest_message)
{
	struct duo_options o = duo_defaults();
	struct gn_send_wr wr;
	struct gn_sge sge[2];

	duo_open(&d, &o);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 0);
	sge[0] = duo_sge(&d, A, 0, 1u << 31);
	sge[1] = duo_sge(&d, A, 0, 1);
	wr.sge = sge;
	wr.nsge = 2;
	CHECK_EQ(qp_post_send(d.s[A].qp, &wr), -EINVAL);
	sge[0].len = UINT32_MAX;
	sge[1].len = UINT32_MAX;
	CHECK_EQ(qp_post_send(d.s[A].qp, &wr), -EINVAL);
	sge[0].len = 1u << 31;
	wr.nsge = 1;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d); /* no region is that large */
	duo_sent(&d, A, 1, GN_WC_LOC_PROT_ERR);
	duo_close(&d);
}

/* 2 GiB of address space over 2 MiB of memory, again and again. */
static void *huge(void)
{
	uint8_t *at = mmap(NULL, 1u << 31, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd = memfd_create("huge", 0);

	CHECK(at != MAP_FAILED && fd >= 0);
	CHECK_EQ(ftruncate(fd, 2 << 20), 0);
	for (unsigned i = 0; i < 1024; i++)
		CHECK(mmap(at + ((size_t)i << 21), 2 << 20,
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			   0) != MAP_FAILED);
	CHECK_EQ(close(fd), 0);
	return at;
}

static void move_all_of(enum gn_wr_opcode op, const struct gn_mr *mr[2],
			uint32_t len)
{
	struct gn_send_wr wr = duo_wr(&d, A, 1, op, 0);
	struct gn_sge sge = {0, len, mr[A]->h.key};

	memset(mr[op == GN_WR_RDMA_READ]->base, op + 1, 2 << 20);
	wr.sge = &sge;
	wr.remote_addr = 0;
	wr.rkey = mr[B]->h.key;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(!memcmp(mr[A]->base, mr[B]->base, 2 << 20));
}

Test(rc_size, two_gigabytes)
{
	struct duo_options o = duo_defaults();
	const struct gn_mr *mr[2];
	struct gn_mr *made;

	o.pmtu = 4096;
	duo_open(&d, &o);
	d.f.keep = false;
	for (unsigned s = 0; s < 2; s++) {
		CHECK_EQ(mr_new(d.s[s].pd, huge(), 1u << 31, 0, o.mr_access,
				&made),
			 0);
		mr[s] = made;
	}
	move_all_of(GN_WR_RDMA_WRITE, mr, 1u << 31);
	/* The fabric holds the whole answer of a READ at once. */
	move_all_of(GN_WR_RDMA_READ, mr, 1u << 25);
	for (unsigned s = 0; s < 2; s++) {
		CHECK_EQ(munmap(mr[s]->base, 1u << 31), 0);
		CHECK_EQ(mr_free((struct gn_mr *)mr[s]), 0);
	}
	duo_close(&d);
}

/* A READ's answer must fit into the PSN window. */
Test(rc_size, largest_read)
{
	struct duo_options o = duo_defaults();

	o.pmtu = 256;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 1u << 31);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_LOC_LEN_ERR);
	duo_close(&d);
}
