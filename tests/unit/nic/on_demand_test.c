/* Memory that a program takes away while it is registered, and on-demand regions:
 * whatever happens, nobody crashes, and the peer hears a NAK.
 */
#include "tests/support/kinds.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "nic/mem.h"

#define PAGE 4096u

static struct duo d;

TestSuite(on_demand, .timeout = 120);

static volatile sig_atomic_t own_faults;

static void own_handler(int sig)
{
	own_faults++;
	_exit(9);
}

/* As programs that bring a fault handler of their own do, and later than us. */
static void install_own_handler(void)
{
	struct sigaction sa = { .sa_handler = own_handler };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	mem_guard_check();
}

/* @own: the program has a handler of its own. */
static void open_it(bool own)
{
	struct duo_options o = duo_defaults();

	mem_guard_install();
	if (own)
		install_own_handler();
	o.mr_access |= GN_ACCESS_FLUSH_PERSISTENT;
	o.qp_access |= GN_ACCESS_FLUSH_PERSISTENT;
	duo_open(&d, &o);
}

/* Nothing is there any more, and nothing else comes to lie there. */
static void take_away(unsigned side, size_t offset, size_t len)
{
	CHECK(mmap(d.s[side].mem + offset, len, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) != MAP_FAILED);
}

static void make_read_only(unsigned side, size_t offset, size_t len)
{
	CHECK_EQ(mprotect(d.s[side].mem + offset, len, PROT_READ), 0);
}

static struct gn_send_wr at_page(uint64_t wr_id, enum gn_wr_opcode op,
				 uint32_t len)
{
	struct gn_send_wr wr = duo_wr(&d, A, wr_id, op, len);

	wr.remote_addr += 4 * PAGE;
	if (op == GN_WR_FLUSH) {
		wr.flush_len = len;
		wr.flush_type = 2;
		wr.nsge = 0;
	}
	return wr;
}

/* ---- of the responder ----------------------------------------------------------- */

static const enum gn_wr_opcode remote_ops[] = {
	GN_WR_RDMA_WRITE, GN_WR_RDMA_READ,    GN_WR_CMP_SWAP,
	GN_WR_FETCH_ADD,  GN_WR_ATOMIC_WRITE, GN_WR_FLUSH,
};

static void read_only(bool own)
{
	for (unsigned i = 0; i < 6; i++) {
		enum gn_wr_opcode op = remote_ops[i];
		bool reads = op == GN_WR_RDMA_READ || op == GN_WR_FLUSH;

		open_it(own);
		make_read_only(B, 4 * PAGE, PAGE);
		CHECK_EQ(duo_post(&d, A, at_page(1, op, 8)), 0);
		duo_idle(&d);
		duo_sent(&d, A, 1,
			 reads ? GN_WC_SUCCESS : GN_WC_REM_ACCESS_ERR);
		CHECK_EQ(own_faults, 0);
		mprotect(d.s[B].mem, d.o.mem, PROT_READ | PROT_WRITE);
		duo_close(&d);
	}
}

Test(on_demand, remote_memory_gone)
{
	for (unsigned own = 0; own < 2; own++)
		for (unsigned i = 0; i < 5; i++) {
			open_it(own);
			take_away(B, 4 * PAGE, PAGE);
			CHECK_EQ(duo_post(&d, A, at_page(1, remote_ops[i], 8)),
				 0);
			duo_idle(&d);
			duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
			CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome,
				 0x62);
			CHECK_EQ(own_faults, 0);
			duo_close(&d);
		}
}

Test(on_demand, remote_memory_read_only)
{
	read_only(false);
}

Test(on_demand, remote_memory_read_only_and_own_handler)
{
	read_only(true);
}

/* A hole in the middle: the packets before it arrive. */
Test(on_demand, hole)
{
	for (unsigned own = 0; own < 2; own++) {
		open_it(own);
		duo_fill(&d, A, 0, 3 * PAGE, 1);
		take_away(B, 5 * PAGE, PAGE);
		CHECK_EQ(duo_post(&d, A,
				  at_page(1, GN_WR_RDMA_WRITE, 3 * PAGE)),
			 0);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
		CHECK(duo_same(&d, 0, 4 * PAGE, PAGE));
		duo_close(&d);
	}
}

/* The file behind a mapping is cut off: SIGBUS, not SIGSEGV. */
Test(on_demand, truncated_file)
{
	for (unsigned own = 0; own < 2; own++) {
		int fd = memfd_create("test", 0);

		open_it(own);
		CHECK_EQ(ftruncate(fd, PAGE), 0);
		CHECK(mmap(d.s[B].mem + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
		CHECK_EQ(duo_post(&d, A, at_page(1, GN_WR_FETCH_ADD, 8)), 0);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_SUCCESS);
		CHECK_EQ(ftruncate(fd, 0), 0);
		CHECK_EQ(duo_post(&d, A, at_page(2, own ? GN_WR_FETCH_ADD
							 : GN_WR_RDMA_WRITE,
						 8)),
			 0);
		duo_idle(&d);
		duo_sent(&d, A, 2, GN_WC_REM_ACCESS_ERR);
		duo_close(&d);
		close(fd);
	}
}

/* ---- of the requester, and of a receive WR -------------------------------------- */

Test(on_demand, local_memory_gone)
{
	static const enum gn_wr_opcode ops[] = { GN_WR_SEND, GN_WR_RDMA_WRITE,
						 GN_WR_RDMA_READ,
						 GN_WR_FETCH_ADD,
						 GN_WR_ATOMIC_WRITE };

	for (unsigned i = 0; i < 10; i++) {
		open_it(i & 1);
		duo_recv(&d, B, 7, 0, PAGE);
		take_away(A, 0, PAGE);
		duo_do(&d, A, 1, ops[i / 2], 8);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_LOC_PROT_ERR);
		CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_ERR);
		CHECK_EQ(own_faults, 0);
		duo_close(&d);
	}
}

Test(on_demand, receive_memory_gone)
{
	for (unsigned own = 0; own < 2; own++) {
		open_it(own);
		duo_recv(&d, B, 7, 0, PAGE);
		take_away(B, 0, PAGE);
		duo_do(&d, A, 1, GN_WR_SEND, 100);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_REM_OP_ERR);
		duo_received(&d, B, 7, GN_WC_LOC_PROT_ERR);
		duo_close(&d);
	}
}

Test(on_demand, datagram_memory_gone)
{
	for (unsigned own = 0; own < 2; own++) {
		mem_guard_install();
		if (own)
			install_own_handler();
		kind_open(&d, NULL, GN_QPT_UD);
		duo_recv(&d, B, 7, 0, PAGE);
		take_away(B, 0, PAGE);
		CHECK_EQ(duo_post(&d, A,
				  kind_datagram(&d, A, 1, 8, d.s[B].qp->qpn)),
			 0);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_SUCCESS);
		duo_received(&d, B, 7, GN_WC_LOC_PROT_ERR);
		take_away(A, 0, PAGE);
		CHECK_EQ(duo_post(&d, A,
				  kind_datagram(&d, A, 2, 8, d.s[B].qp->qpn)),
			 0);
		duo_idle(&d);
		duo_sent(&d, A, 2, GN_WC_LOC_PROT_ERR);
		duo_close(&d);
	}
}

/* ---- on-demand regions ---------------------------------------------------------- */

/* Memory that comes, goes, and comes again. */
Test(on_demand, explicit_region)
{
	struct gn_send_wr wr;
	struct gn_sge sge;
	struct gn_mr *mr;
	uint8_t *at;

	open_it(false);
	at = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_EQ(mr_new(d.s[B].pd, at, PAGE, (uintptr_t)at, d.o.mr_access, &mr),
		 -EFAULT);
	CHECK_EQ(mr_new(d.s[B].pd, at, PAGE, (uintptr_t)at,
			d.o.mr_access | GN_ACCESS_ON_DEMAND, &mr),
		 0);
	sge = (struct gn_sge){ (uintptr_t)at, PAGE, mr->h.key };
	CHECK_EQ(mr_prefetch(d.s[B].pd, &sge, true), -EFAULT);
	mprotect(at, PAGE, PROT_READ | PROT_WRITE);
	CHECK_EQ(mr_prefetch(d.s[B].pd, &sge, true), 0);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	wr.remote_addr = (uintptr_t)at;
	wr.rkey = mr->h.key;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	mprotect(at, PAGE, PROT_NONE);
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(mr_free(mr), 0);
	munmap(at, PAGE);
	duo_close(&d);
}

static struct gn_mr *implicit(unsigned side)
{
	struct gn_mr *mr;

	CHECK_EQ(mr_new(d.s[side].pd, NULL, UINT64_MAX, 0,
			d.o.mr_access | GN_ACCESS_ON_DEMAND, &mr),
		 0);
	return mr;
}

/* All addresses, also those that nobody can have. */
Test(on_demand, implicit_region)
{
	static const uint64_t nowhere[] = { 0, 8, 0x7fffffffe000,
					    0x8000000000000000, UINT64_MAX - 8,
					    0xffff888000000000,
					    0x0000800000000000 };
	struct gn_send_wr wr;
	struct gn_mr *mr;

	for (unsigned own = 0; own < 2; own++) {
		for (unsigned i = 0; i < sizeof(nowhere) / 8 * 3; i++) {
			static const enum gn_wr_opcode ops[] = {
				GN_WR_RDMA_WRITE, GN_WR_RDMA_READ,
				GN_WR_FETCH_ADD
			};

			open_it(own);
			mr = implicit(B);
			wr = duo_wr(&d, A, 1, ops[i % 3], 8);
			wr.rkey = mr->h.key;
			CHECK_EQ(duo_post(&d, A, wr), 0);
			wr.remote_addr = nowhere[i / 3] & ~7ull;
			CHECK_EQ(duo_post(&d, A, wr), 0);
			duo_idle(&d);
			duo_sent(&d, A, 1, GN_WC_SUCCESS);
			duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
			CHECK_EQ(mr_free(mr), 0);
			duo_close(&d);
		}
	}
}

/* With local rights only it still names all memory, here. */
Test(on_demand, implicit_lkey)
{
	struct gn_send_wr wr;
	struct gn_sge sge;
	struct gn_mr *mr;

	open_it(false);
	mr = implicit(A);
	duo_fill(&d, A, 100, 50, 1);
	sge = (struct gn_sge){ duo_va(&d, A, 100), 50, mr->h.key };
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 0);
	wr.sge = &sge;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(duo_same(&d, 100, 0, 50));
	CHECK_EQ(mr_free(mr), 0);
	CHECK_EQ(mr_new(d.s[A].pd, NULL, UINT64_MAX, 4096,
			GN_ACCESS_ON_DEMAND, &mr),
		 -EINVAL);
	CHECK_EQ(mr_new(d.s[A].pd, NULL, UINT64_MAX, 0, 0, &mr), -EINVAL);
	duo_close(&d);
}

Test(on_demand, prefetch)
{
	struct gn_sge sge;

	open_it(false);
	sge = duo_sge(&d, A, 0, 8192);
	CHECK_EQ(mr_prefetch(d.s[A].pd, &sge, false), 0);
	CHECK_EQ(mr_prefetch(d.s[A].pd, &sge, true), 0);
	CHECK_EQ(mr_prefetch(d.s[B].pd, &sge, true) == 0, false);
	sge.len = 65537;
	CHECK(mr_prefetch(d.s[A].pd, &sge, false) < 0);
	sge = duo_sge(&d, A, 0, 8192);
	sge.lkey ^= 1;
	CHECK_EQ(mr_prefetch(d.s[A].pd, &sge, false), -ENOENT);
	sge.lkey ^= 1;
	d.s[A].mr->access = 0;
	CHECK_EQ(mr_prefetch(d.s[A].pd, &sge, true), -EPERM);
	duo_close(&d);
}
