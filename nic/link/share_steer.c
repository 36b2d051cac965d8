/* The data that a program of a reuseport group sees begin behind the UDP
 * header; what it returns is the index of a socket, and one that does not exist
 * makes the kernel choose by hash.  A load past the end returns 0.
 *
 * The slots are searched by halves.  Conditional jumps reach 255 instructions,
 * plain ones any number: so each node is a comparison over a plain jump.
 */
#include "nic/link/share_steer.h"

#include <assert.h>

struct writer {
	struct sock_filter *prog;
	unsigned n;
};

static void put(struct writer *w, uint16_t code, uint8_t jt, uint8_t jf,
		uint32_t k)
{
	assert(w->n < STEER_MAX);
	w->prog[w->n++] = (struct sock_filter){code, jt, jf, k};
}

static void put_search(struct writer *w, const struct steer *map, unsigned n)
{
	unsigned half = n / 2, jump;

	if (n == 1) {
		put(w, BPF_RET | BPF_K, 0, 0, map->index);
		return;
	}
	put(w, BPF_JMP | BPF_JGE | BPF_K, 0, 1, map[half].slot);
	jump = w->n;
	put(w, BPF_JMP | BPF_JA, 0, 0, 0);
	put_search(w, map, half);
	w->prog[jump].k = w->n - jump - 1;
	put_search(w, map + half, n - half);
}

unsigned steer_program(const struct steer *map, unsigned n,
		       struct sock_filter *prog)
{
	struct writer w = {prog, 0};

	put(&w, BPF_LD | BPF_W | BPF_ABS, 0, 0, 0);
	put(&w, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, STEER_BY_INDEX);
	put(&w, BPF_LD | BPF_W | BPF_ABS, 0, 0, 4);
	put(&w, BPF_RET | BPF_A, 0, 0, 0);
	/* The DestQP is the low 24 bits of the BTH's second word. */
	put(&w, BPF_LD | BPF_W | BPF_ABS, 0, 0, 4);
	put(&w, BPF_ALU | BPF_RSH | BPF_K, 0, 0, SHARE_LOCAL_BITS);
	put(&w, BPF_ALU | BPF_AND | BPF_K, 0, 0, SHARE_SLOTS - 1);
	put_search(&w, map, n);
	return w.n;
}
