#ifdef HAVE_XDP
#include "nic/port/xdp_hook.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <unistd.h>

/* Newer than some C libraries' headers. */
#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1u << 5)
#endif

static int load(struct xdp_sock *s, const struct xdp_wants *w)
{
	struct bpf_insn code[XDP_PROGRAM_LEN];
	unsigned n = xdp_program(w, s->map, XDP_PASS, code);
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .prog_flags = w->frags ? BPF_F_XDP_HAS_FRAGS : 0);

	s->prog = bpf_prog_load(BPF_PROG_TYPE_XDP, "glassnic", "GPL", code, n,
				&opts);
	return s->prog < 0 ? -errno : 0;
}

static int attach(struct xdp_sock *s, unsigned ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);

	s->link = bpf_link_create(s->prog, (int)ifindex, BPF_XDP, &opts);
	return s->link < 0 ? -errno : 0;
}

int xdp_hook(struct xdp_sock *s, unsigned ifindex, unsigned queue, bool generic,
	     struct xdp_wants *w)
{
	int error;

	s->map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "glassnic", 4, 4,
				queue + 1, NULL);
	if (s->map < 0)
		return -errno;
	error = load(s, w);
	if (error == -EINVAL && w->frags) { /* before Linux 5.18 */
		w->frags = false;
		error = load(s, w);
	}
	if (!error)
		error = attach(s, ifindex, generic);
	if (error)
		xdp_unhook(s);
	return error;
}

int xdp_hook_socket(struct xdp_sock *s, unsigned queue)
{
	return bpf_map_update_elem(s->map, &queue, &s->fd, BPF_ANY) ? -errno
								    : 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void xdp_unhook(struct xdp_sock *s)
{
	close_one(&s->link);
	close_one(&s->prog);
	close_one(&s->map);
}

unsigned xdp_hooked(unsigned ifindex)
{
	__u32 id = 0;

	return bpf_xdp_query_id((int)ifindex, 0, &id) ? 0 : id;
}
#endif
