/* A file is a row of blocks: type, length, body, and the length again.  A
 * section header begins a section and shows its byte order; interface blocks
 * number the section's interfaces; each frame names its own.  Blocks of other
 * types are skipped.
 */
#include "trace/pcapng.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK_SECTION	0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET	2u /* obsolete */
#define BLOCK_SIMPLE	3u
#define BLOCK_ENHANCED	6u

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define OPTION_END	0u
#define OPTION_TSRESOL	9u
#define OPTION_TSOFFSET 14u

#define HEAD	       8u		   /* type and length */
#define FRAME_ROOM     (UINT32_C(1) << 18) /* more is cut off */
#define BLOCK_MAX      (UINT32_C(1) << 28)
#define INTERFACES_MAX 65536u

#define NSEC_OF_SEC INT64_C(1000000000)
#define SEC_MAX	    INT64_C(8000000000) /* in the year 2223 */

struct interface {
	int linktype;
	uint32_t snaplen;
	uint8_t resolution; /* as option if_tsresol */
	int64_t offset;	    /* seconds, as option if_tsoffset */
};

struct pcapng {
	FILE *file;
	bool swapped; /* the section's byte order is not ours */
	bool in_section;
	struct interface *interface;
	uint32_t ninterfaces, cap;
	char error[PCAPNG_WHY_MAX];
	uint8_t body[FRAME_ROOM];
};

void pcapng_close(struct pcapng *p)
{
	if (!p)
		return;
	if (p->file != stdin)
		fclose(p->file);
	free(p->interface);
	free(p);
}

const char *pcapng_error(const struct pcapng *p)
{
	return p->error;
}

/* ---- numbers in the section's byte order ---- */

static uint16_t get16(const struct pcapng *p, const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct pcapng *p, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap32(v) : v;
}

static uint64_t get64(const struct pcapng *p, const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap64(v) : v;
}

/* ---- blocks ---- */

static enum pcapng_got damaged(struct pcapng *p, const char *what)
{
	snprintf(p->error, sizeof(p->error), "%s", what);
	return PCAPNG_DAMAGED;
}

static bool read_bytes(struct pcapng *p, void *to, size_t n)
{
	return fread(to, 1, n, p->file) == n;
}

static bool skip_bytes(struct pcapng *p, uint64_t n)
{
	uint8_t rest[4096];

	while (n > 0) {
		size_t some = n < sizeof(rest) ? (size_t)n : sizeof(rest);

		if (!read_bytes(p, rest, some))
			return false;
		n -= some;
	}
	return true;
}

/* The body, of which p->body has as much as it holds, and the length behind it.
 */
static enum pcapng_got read_body(struct pcapng *p, uint32_t block,
				 uint32_t *len)
{
	uint8_t again[4];

	if (block < HEAD + 4 || block % 4 != 0 || block > BLOCK_MAX)
		return damaged(p, "a block has an impossible length");
	*len = block - HEAD - 4;
	if (*len > FRAME_ROOM)
		*len = FRAME_ROOM;
	if (!read_bytes(p, p->body, *len) ||
	    !skip_bytes(p, block - HEAD - 4 - *len) ||
	    !read_bytes(p, again, sizeof(again)))
		return PCAPNG_CUT;
	if (get32(p, again) != block)
		return damaged(p, "a block's two lengths disagree");
	return PCAPNG_FRAME;
}

/* The byte order stands behind the length, which cannot be read without it. */
static enum pcapng_got begin_section(struct pcapng *p, const uint8_t *head)
{
	enum pcapng_got got;
	uint8_t magic[4];
	uint32_t block, len;

	if (!read_bytes(p, magic, sizeof(magic)))
		return PCAPNG_CUT;
	p->swapped = false;
	if (get32(p, magic) != BYTE_ORDER_MAGIC)
		p->swapped = true;
	if (get32(p, magic) != BYTE_ORDER_MAGIC)
		return damaged(p, "a section's byte order is none");
	block = get32(p, head + 4);
	if (block < HEAD + 4 + sizeof(magic))
		return damaged(p, "a section's header is too short");
	/* As if the magic had been a part of the head. */
	if (block % 4 != 0 || block > BLOCK_MAX)
		return damaged(p, "a block has an impossible length");
	len = block - HEAD - 4 - (uint32_t)sizeof(magic);
	if (!skip_bytes(p, len) || !read_bytes(p, magic, sizeof(magic)))
		return PCAPNG_CUT;
	got = get32(p, magic) == block
		      ? PCAPNG_FRAME
		      : damaged(p, "a block's two lengths disagree");
	p->ninterfaces = 0;
	p->in_section = true;
	return got;
}

static void take_option(const struct pcapng *p, struct interface *i,
			unsigned code, struct span value)
{
	if (code == OPTION_TSRESOL && value.len == 1)
		i->resolution = value.p[0];
	if (code == OPTION_TSOFFSET && value.len == 8)
		i->offset = (int64_t)get64(p, value.p);
}

static void take_options(const struct pcapng *p, struct interface *i,
			 struct span options)
{
	const uint8_t *head;

	while ((head = span_take(&options, 4)) && get16(p, head)) {
		size_t len = get16(p, head + 2);
		const uint8_t *value = span_take(&options, len);

		if (!value)
			return;
		take_option(p, i, get16(p, head), (struct span){value, len});
		if (!span_take(&options, -len & 3))
			return;
	}
}

static enum pcapng_got add_interface(struct pcapng *p, uint32_t len)
{
	uint32_t cap = p->cap ? 2 * p->cap : 4;
	struct interface *all;

	if (len < 8)
		return damaged(p, "an interface's block is too short");
	if (p->ninterfaces == INTERFACES_MAX)
		return damaged(p, "there are too many interfaces");
	if (p->ninterfaces == p->cap) {
		all = realloc(p->interface, cap * sizeof(*all));
		if (!all)
			return damaged(p, "no memory");
		p->interface = all;
		p->cap = cap;
	}
	all = &p->interface[p->ninterfaces++];
	*all = (struct interface){
		.linktype = get16(p, p->body),
		.snaplen = get32(p, p->body + 4),
		.resolution = 6,
	};
	take_options(p, all, (struct span){p->body + 8, len - 8});
	return PCAPNG_FRAME;
}

/* ---- frames ---- */

/* @units of 10^-n or (with bit 7) 2^-n seconds; times that no clock shows are
 * taken for the nearest that leaves room to calculate.
 */
static int64_t nsec_of(const struct interface *i, uint64_t units)
{
	unsigned n = i->resolution & 0x7fu;
	unsigned __int128 nsec = units, per = 1;
	__int128 all;

	if (i->resolution & 0x80)
		nsec = n < 64 ? nsec * NSEC_OF_SEC >> n : 0;
	else if (n > 28)
		nsec = 0;
	else {
		for (unsigned k = n; k < 9; k++)
			nsec *= 10;
		for (unsigned k = 9; k < n; k++)
			per *= 10;
		nsec /= per;
	}
	all = (__int128)nsec + (__int128)i->offset * NSEC_OF_SEC;
	if (all < 0)
		return 0;
	return all > SEC_MAX * NSEC_OF_SEC ? SEC_MAX * NSEC_OF_SEC
					   : (int64_t)all;
}

/* @kept bytes from @at on, of @len in p->body. */
static enum pcapng_got give(struct pcapng *p, struct frame *f, uint32_t at,
			    uint32_t len, uint32_t kept, uint32_t wire_len)
{
	if (kept > BLOCK_MAX || (len < FRAME_ROOM && kept > len - at))
		return damaged(p, "a frame is longer than its block");
	if (kept > len - at)
		kept = len - at;
	f->bytes = (struct span){p->body + at, kept};
	f->wire_len = wire_len > kept ? wire_len : kept;
	return PCAPNG_FRAME;
}

/* Obsolete packet blocks have the interface in 16 bits; all else is alike. */
static enum pcapng_got enhanced(struct pcapng *p, struct frame *f, uint32_t len,
				bool obsolete)
{
	const uint8_t *b = p->body;
	const struct interface *i;
	uint32_t id;

	if (len < 20)
		return damaged(p, "a frame's block is too short");
	id = obsolete ? get16(p, b) : get32(p, b);
	if (id >= p->ninterfaces)
		return damaged(p, "a frame is of an interface that is not "
				  "described");
	i = &p->interface[id];
	f->linktype = i->linktype;
	f->nsec = nsec_of(i, (uint64_t)get32(p, b + 4) << 32 | get32(p, b + 8));
	return give(p, f, 20, len, get32(p, b + 12), get32(p, b + 16));
}

static enum pcapng_got simple(struct pcapng *p, struct frame *f, uint32_t len)
{
	const struct interface *i = p->interface;
	uint32_t wire_len, kept;

	if (len < 4)
		return damaged(p, "a frame's block is too short");
	if (p->ninterfaces == 0)
		return damaged(p, "a frame is of an interface that is not "
				  "described");
	wire_len = kept = get32(p, p->body);
	if (i->snaplen && kept > i->snaplen)
		kept = i->snaplen;
	f->linktype = i->linktype;
	f->nsec = 0; /* it has no time */
	return give(p, f, 4, len, kept, wire_len);
}

/* PCAPNG_FRAME with f->linktype -1: no frame, but go on. */
static enum pcapng_got next_block(struct pcapng *p, struct frame *f)
{
	uint8_t head[HEAD];
	enum pcapng_got got;
	uint32_t len;
	size_t n = fread(head, 1, sizeof(head), p->file);

	f->linktype = -1;
	if (n < sizeof(head))
		return n ? PCAPNG_CUT : PCAPNG_END;
	if (get_be32(head) == BLOCK_SECTION)
		return begin_section(p, head);
	if (!p->in_section)
		return damaged(p, "there is no section's header");
	got = read_body(p, get32(p, head + 4), &len);
	if (got != PCAPNG_FRAME)
		return got;
	switch (get32(p, head)) {
	case BLOCK_INTERFACE: return add_interface(p, len);
	case BLOCK_PACKET: return enhanced(p, f, len, true);
	case BLOCK_SIMPLE: return simple(p, f, len);
	case BLOCK_ENHANCED: return enhanced(p, f, len, false);
	}
	return PCAPNG_FRAME;
}

enum pcapng_got pcapng_next(struct pcapng *p, struct frame *f)
{
	enum pcapng_got got;

	do
		got = next_block(p, f);
	while (got == PCAPNG_FRAME && f->linktype < 0);
	return got;
}

struct pcapng *pcapng_open(FILE *file, char why[PCAPNG_WHY_MAX])
{
	struct pcapng *p = calloc(1, sizeof(*p));
	struct frame none;

	snprintf(why, PCAPNG_WHY_MAX, "no memory");
	if (!p)
		return NULL;
	p->file = file;
	snprintf(p->error, sizeof(p->error), "it ends within its first block");
	if (next_block(p, &none) == PCAPNG_FRAME)
		return p;
	memcpy(why, p->error, PCAPNG_WHY_MAX);
	free(p);
	return NULL;
}
