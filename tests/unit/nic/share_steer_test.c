/* The program that steers datagrams, run as the kernel would. */
#include "nic/link/share_steer.h"

#include <criterion/criterion.h>
#include "nic/base/random.h"
#include "wire/bytes.h"

static struct sock_filter prog[STEER_MAX];
static struct steer map[SHARE_SLOTS];

/* What @n instructions return for @p; a load past the end returns 0. */
static uint32_t run(unsigned n, const uint8_t *p, size_t len)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &prog[pc];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k + 4 > len)
				return 0;
			a = get_be32(p + f->k);
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JA: pc += f->k; break;
		case BPF_ALU | BPF_RSH | BPF_K: a >>= f->k; break;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; break;
		case BPF_RET | BPF_A: return a;
		case BPF_RET | BPF_K: return f->k;
		default: cr_assert_fail("code %#x", f->code);
		}
	}
	cr_assert_fail("it runs past its end");
	return 0;
}

static uint32_t steer(unsigned n, uint32_t qpn)
{
	uint8_t bth[12] = {4, 0, 0xff, 0xff, 0xc0}; /* FECN and BECN */

	put_be24(bth + 5, qpn);
	return run(n, bth, sizeof(bth));
}

/* Some members of each number, with indices in any order. */
Test(share_steer, every_slot_finds_its_socket)
{
	struct random r = {1};

	for (unsigned n = 1; n <= SHARE_SLOTS; n += n < 40 ? 1 : 123) {
		unsigned step = SHARE_SLOTS / n, len;

		for (unsigned i = 0; i < n; i++)
			map[i] =
				(struct steer){(uint16_t)(i * step),
					       (uint16_t)(random_next(&r) % n)};
		len = steer_program(map, n, prog);
		cr_assert_leq(len, STEER_MAX);
		for (unsigned s = 0; s < SHARE_SLOTS; s++) {
			unsigned i = s / step < n ? s / step : n - 1;
			uint32_t qpn = s << SHARE_LOCAL_BITS;

			cr_assert_eq(steer(len, qpn), map[i].index, "%u %u", n,
				     s);
			cr_assert_eq(steer(len, qpn | (SHARE_LOCALS - 1)),
				     map[i].index);
		}
	}
}

Test(share_steer, a_datagram_may_say_the_index)
{
	const uint8_t probe[8] = {0xff, 'g', 'l', 's', 0, 0, 0x12, 0x34};
	unsigned len;

	map[0] = (struct steer){7, 3};
	len = steer_program(map, 1, prog);
	cr_assert_eq(run(len, probe, sizeof(probe)), 0x1234);
	cr_assert_eq(run(len, probe, 7), 0);
	cr_assert_eq(run(len, probe, 0), 0);
}
