/* Memory regions: keys, ranges, rights. */
#include "tests/support/duo.h"

#include <sys/mman.h>
#include "nic/mem.h"

static struct duo d;
static uint8_t *mem;
static struct gn_pd *pd;

TestSuite(mr, .timeout = 120);

static void open_it(void)
{
	duo_open_default(&d);
	pd = d.s[A].pd;
	mem = d.s[A].mem;
}

static struct gn_mr *region(uint64_t len, uint64_t iova, unsigned access)
{
	struct gn_mr *mr;

	CHECK_EQ(mr_new(pd, mem, len, iova, access, &mr), 0);
	return mr;
}

static enum drop look(const struct gn_mr *mr, uint64_t va, uint64_t len,
		      unsigned access)
{
	uint8_t *at = NULL;
	enum drop v = mr_check(pd, mr->h.key, va, len, access, &at);

	if (v == DROP_NONE)
		CHECK(at == mem + (va - mr->iova));
	return v;
}

Test(mr, range)
{
	struct gn_mr *mr;

	open_it();
	mr = region(1000, 5000, 0);
	CHECK_EQ(look(mr, 5000, 1000, 0), DROP_NONE);
	CHECK_EQ(look(mr, 5999, 1, 0), DROP_NONE);
	CHECK_EQ(look(mr, 6000, 0, 0), DROP_NONE);
	CHECK_EQ(look(mr, 4999, 1, 0), DROP_RANGE);
	CHECK_EQ(look(mr, 5999, 2, 0), DROP_RANGE);
	CHECK_EQ(look(mr, 6000, 1, 0), DROP_RANGE);
	CHECK_EQ(look(mr, 5000, 1001, 0), DROP_RANGE);
	CHECK_EQ(look(mr, 5001, UINT64_MAX, 0), DROP_RANGE);
	CHECK_EQ(look(mr, UINT64_MAX, 1, 0), DROP_RANGE);
	CHECK_EQ(look(mr, UINT64_MAX, UINT64_MAX, 0), DROP_RANGE);
	CHECK_EQ(look(mr, 0, 5001, 0), DROP_RANGE);
	CHECK_EQ(mr_free(mr), 0);
	duo_close(&d);
}

Test(mr, rights)
{
	static const unsigned kinds[] = {
		GN_ACCESS_LOCAL_WRITE,
		GN_ACCESS_REMOTE_WRITE,
		GN_ACCESS_REMOTE_READ,
		GN_ACCESS_REMOTE_ATOMIC,
	};

	open_it();
	for (unsigned set = 0; set < 16; set++) {
		bool sense = set & 1 || !(set & 10);
		unsigned access = 0;
		struct gn_mr *mr;

		for (unsigned i = 0; i < 4; i++)
			access |= set >> i & 1 ? kinds[i] : 0;
		CHECK_EQ(mr_new(pd, mem, 100, 0, access, &mr),
			 sense ? 0 : -EINVAL);
		if (!sense)
			continue;
		CHECK_EQ(look(mr, 0, 1, 0), DROP_NONE);
		for (unsigned i = 0; i < 4; i++)
			CHECK_EQ(look(mr, 0, 1, kinds[i]),
				 set >> i & 1 ? DROP_NONE : DROP_RIGHTS);
		CHECK_EQ(mr_free(mr), 0);
	}
	duo_close(&d);
}

/* Keys: never 0, unique, not valid any more after, not soon given out again. */
Test(mr, keys)
{
	static uint32_t old[1000];
	struct gn_mr *mr[300];
	uint8_t *at;

	open_it();
	for (unsigned i = 0; i < 1000; i++) {
		mr[0] = region(8, 0, 0);
		old[i] = mr[0]->h.key;
		CHECK(old[i] > 0xff);
		for (unsigned k = 0; k < i; k++)
			CHECK(old[k] != old[i]);
		CHECK_EQ(mr_free(mr[0]), 0);
		CHECK_EQ(mr_check(pd, old[i], 0, 8, 0, &at), DROP_RKEY);
	}
	for (unsigned i = 0; i < 300; i++) {
		mr[i] = region(8, 0, 0);
		for (unsigned k = 0; k < i; k++)
			CHECK(mr[k]->h.key != mr[i]->h.key);
	}
	for (unsigned i = 0; i < 300; i++) {
		CHECK_EQ(look(mr[i], 0, 8, 0), DROP_NONE);
		CHECK_EQ(mr_free(mr[i]), 0);
	}
	CHECK_EQ(mr_check(pd, 0, 0, 0, 0, &at), DROP_RKEY);
	CHECK_EQ(mr_check(pd, UINT32_MAX, 0, 0, 0, &at), DROP_RKEY);
	duo_close(&d);
}

Test(mr, other_pd)
{
	struct gn_pd *other;
	struct gn_mr *mr;
	uint8_t *at;

	open_it();
	CHECK_EQ(pd_new(d.s[A].engine, &other), 0);
	mr = region(8, 0, 0);
	CHECK_EQ(mr_check(other, mr->h.key, 0, 8, 0, &at), DROP_RKEY);
	CHECK_EQ(pd_free(other), 0);
	CHECK_EQ(pd_free(pd), -EBUSY);
	CHECK_EQ(mr_free(mr), 0);
	duo_close(&d);
}

Test(mr, zero_based)
{
	struct gn_mr *mr;

	open_it();
	mr = region(100, (uintptr_t)mem, GN_ACCESS_ZERO_BASED);
	CHECK_EQ(look(mr, 0, 100, 0), DROP_NONE);
	CHECK_EQ(look(mr, (uintptr_t)mem, 1, 0), DROP_RANGE);
	CHECK_EQ(mr_free(mr), 0);
	duo_close(&d);
}

Test(mr, refused)
{
	struct gn_mr *mr;
	void *gone =
		mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mem_guard_install();
	open_it();
	CHECK_EQ(mr_new(pd, mem, 8, 0, 1u << 31, &mr), -EINVAL);
	CHECK_EQ(mr_new(pd, mem, UINT64_MAX, 0, 0, &mr), -EINVAL);
	CHECK_EQ(mr_new(pd, mem, 8, UINT64_MAX - 6, 0, &mr), -EINVAL);
	CHECK_EQ(mr_new(pd, gone, 8, 0, GN_ACCESS_LOCAL_WRITE, &mr), -EFAULT);
	CHECK_EQ(mr_new(pd, gone, 8, 0, 0, &mr), 0);
	CHECK_EQ(mr_free(mr), 0);
	CHECK_EQ(munmap(gone, 8192), 0);
	CHECK_EQ(mr_new(pd, gone, 8, 0, 0, &mr), -EFAULT);
	CHECK_EQ(mr_new(pd, gone, 0, 0, 0, &mr), 0); /* nothing to be there */
	CHECK_EQ(mr_free(mr), 0);
	duo_close(&d);
}
