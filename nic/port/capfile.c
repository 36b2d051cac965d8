/* pcap (draft-ietf-opsawg-pcap) is a header and records.  pcapng is blocks of
 *
 *	type, length, body, length again
 *
 * of which those that hold no frames are skipped; pcapng.c writes such files.
 */
#include "nic/port/capfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nic/base/time.h"

#define FRAME_MAX  65600u
#define BLOCK_MAX  (FRAME_MAX + 4096u) /* of a block with a frame */
#define INTERFACES 256u
#define ETHERNET   1u

#define PCAP_USEC 0xa1b2c3d4u
#define PCAP_NSEC 0xa1b23c4du

#define NG_SECTION    0x0a0d0d0au
#define NG_ORDER      0x1a2b3c4du
#define NG_INTERFACE  1u
#define NG_SIMPLE     3u
#define NG_PACKET     6u
#define NG_TSRESOL    9u
#define NG_FLAGS      2u
#define NG_DIRECTIONS 3u
#define NG_OUTBOUND   2u

/* What timestamps of an interface count. */
struct clock {
	bool binary; /* 2 to the -digits seconds, else 10 to the -digits */
	uint8_t digits;
};

struct capfile {
	FILE *f;
	char *path;   /* for messages */
	bool ng, big; /* big: big-endian */
	struct clock clock[INTERFACES];
	unsigned ninterface;
	uint64_t last; /* time of the last frame */
	uint8_t buf[BLOCK_MAX];
};

static int refuse(const struct capfile *c, char *why, const char *what)
{
	snprintf(why, CAPFILE_WHY_MAX, "%.150s: %s", c->path, what);
	return -EINVAL;
}

static uint32_t get16(const struct capfile *c, const uint8_t *p)
{
	return c->big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t get32(const struct capfile *c, const uint8_t *p)
{
	return c->big ? get16(c, p) << 16 | get16(c, p + 2)
		      : get16(c, p + 2) << 16 | get16(c, p);
}

/* @n bytes into buf.  1, 0 at the end of the file, -EINVAL in between. */
static int fill(struct capfile *c, size_t n, char *why)
{
	size_t got = fread(c->buf, 1, n, c->f);

	if (got == n)
		return 1;
	return got ? refuse(c, why, "ends in the middle of a frame") : 0;
}

static uint64_t binary_nsec(unsigned digits, uint64_t t)
{
	uint64_t part;

	if (digits > 63)
		return 0;
	part = t & (((uint64_t)1 << digits) - 1);
	if (digits > 32) /* as many as the product has room for */
		part >>= digits - 32;
	return (t >> digits) * SEC +
	       (part * SEC >> (digits > 32 ? 32 : digits));
}

/* What such a clock counts, as nanoseconds. */
static uint64_t to_nsec(struct clock clock, uint64_t t)
{
	unsigned digits = clock.digits;

	if (clock.binary)
		return binary_nsec(digits, t);
	for (; digits < 9; digits++)
		t *= 10;
	for (; digits > 9 && t; digits--)
		t /= 10;
	return t;
}

/* ---- pcap ---- */

static int start_pcap(struct capfile *c, uint32_t magic, char *why)
{
	c->clock[0] = (struct clock){false, magic == PCAP_NSEC ? 9 : 6};
	if (fill(c, 20, why) <= 0)
		return refuse(c, why, "ends in its header");
	if ((get32(c, c->buf + 16) & 0xffff) != ETHERNET)
		return refuse(c, why, "not a capture of Ethernet frames");
	return 0;
}

/* As capfile_next, but also frames that were cut: @cut. */
static int next_pcap(struct capfile *c, struct capfile_frame *frame, bool *cut,
		     char *why)
{
	int rc = fill(c, 16, why);
	uint32_t len;

	if (rc <= 0)
		return rc;
	len = get32(c, c->buf + 8);
	if (len > FRAME_MAX)
		return refuse(c, why, "a frame that is too long to be one");
	*cut = get32(c, c->buf + 12) > len;
	frame->realtime_nsec = get32(c, c->buf) * SEC +
			       to_nsec(c->clock[0], get32(c, c->buf + 4));
	if (fill(c, len, why) <= 0 && len)
		return refuse(c, why, "ends in the middle of a frame");
	frame->bytes = (struct span){c->buf, len};
	return 1;
}

/* ---- pcapng ---- */

struct block {
	uint32_t type, len; /* len: of the body, which is in buf */
};

/* The value of option @code among @in, or NULL; at least @need bytes. */
static const uint8_t *find_option(const struct capfile *c, struct span in,
				  uint32_t code, size_t need)
{
	while (in.len >= 4) {
		uint32_t this = get16(c, in.p), len = get16(c, in.p + 2);
		size_t step = 4 + ((len + 3) & ~3u);

		if (!this || step > in.len)
			return NULL;
		if (this == code)
			return len >= need ? in.p + 4 : NULL;
		in.p += step;
		in.len -= step;
	}
	return NULL;
}

/* What tells the byte order stands behind the length. */
static int section_order(struct capfile *c, char *why)
{
	long at = ftell(c->f);

	if (fill(c, 8, why) <= 0)
		return refuse(c, why, "ends in its header");
	c->big = false;
	if (get32(c, c->buf + 4) != NG_ORDER)
		c->big = true;
	if (get32(c, c->buf + 4) != NG_ORDER)
		return refuse(c, why, "no byte order mark in its header");
	c->ninterface = 0;
	return fseek(c->f, at, SEEK_SET)
		       ? refuse(c, why, "not a file that can be read twice")
		       : 0;
}

/* Reads a block that is of use, skips one that is not (len 0). */
static int read_block(struct capfile *c, struct block *b, char *why)
{
	bool wanted;
	int rc = fill(c, 4, why);
	uint32_t len;

	if (rc <= 0)
		return rc;
	b->type = get32(c, c->buf);
	if (b->type == NG_SECTION && section_order(c, why))
		return -EINVAL;
	if (fill(c, 4, why) <= 0)
		return refuse(c, why, "ends in the middle of a block");
	len = get32(c, c->buf);
	if (len < 12 || len % 4)
		return refuse(c, why, "a block of an impossible length");
	wanted = b->type == NG_INTERFACE || b->type == NG_SIMPLE ||
		 b->type == NG_PACKET;
	b->len = wanted ? len - 12 : 0;
	if (!wanted)
		return fseek(c->f, (long)len - 8, SEEK_CUR)
			       ? refuse(c, why, "ends in the middle of a block")
			       : 1;
	if (len - 8 > BLOCK_MAX)
		return refuse(c, why, "a frame that is too long to be one");
	return fill(c, len - 8, why) <= 0
		       ? refuse(c, why, "ends in the middle of a block")
		       : 1;
}

static int take_interface(struct capfile *c, uint32_t len, char *why)
{
	const uint8_t *resol;

	if (len < 8 || c->ninterface == INTERFACES)
		return refuse(c, why, "an interface too many, or half of one");
	if (get16(c, c->buf) != ETHERNET)
		return refuse(c, why, "not a capture of Ethernet frames");
	resol = find_option(c, (struct span){c->buf + 8, len - 8}, NG_TSRESOL,
			    1);
	c->clock[c->ninterface++] =
		resol ? (struct clock){*resol >> 7, *resol & 0x7f}
		      : (struct clock){false, 6};
	return 0;
}

static int take_simple(struct capfile *c, uint32_t len,
		       struct capfile_frame *frame, bool *cut, char *why)
{
	uint32_t orig;

	if (len < 4)
		return refuse(c, why, "half a frame");
	orig = get32(c, c->buf);
	*cut = orig > len - 4;
	frame->bytes = (struct span){c->buf + 4, *cut ? len - 4 : orig};
	frame->realtime_nsec = c->last; /* it has none */
	return 1;
}

static int take_packet(struct capfile *c, uint32_t len,
		       struct capfile_frame *frame, bool *cut, char *why)
{
	uint32_t have = len < 20 ? UINT32_MAX : get32(c, c->buf + 12), padded;
	uint32_t interface = get32(c, c->buf);
	const uint8_t *flags;
	uint64_t t;

	if (len < 20 || have > len - 20 || interface >= c->ninterface)
		return refuse(c, why, "a frame without an end or an interface");
	padded = (have + 3) & ~3u;
	t = (uint64_t)get32(c, c->buf + 4) << 32 | get32(c, c->buf + 8);
	frame->realtime_nsec = to_nsec(c->clock[interface], t);
	frame->bytes = (struct span){c->buf + 20, have};
	*cut = get32(c, c->buf + 16) > have;
	if (padded > len - 20)
		return 1;
	flags = find_option(
		c, (struct span){c->buf + 20 + padded, len - 20 - padded},
		NG_FLAGS, 4);
	if (flags && (get32(c, flags) & NG_DIRECTIONS) == NG_OUTBOUND)
		*cut = true;
	return 1;
}

static int next_ng(struct capfile *c, struct capfile_frame *frame, bool *cut,
		   char *why)
{
	struct block b;
	int rc;

	while ((rc = read_block(c, &b, why)) > 0) {
		if (b.type == NG_INTERFACE)
			rc = take_interface(c, b.len, why);
		else if (b.type == NG_SIMPLE)
			return take_simple(c, b.len, frame, cut, why);
		else if (b.type == NG_PACKET)
			return take_packet(c, b.len, frame, cut, why);
		if (rc < 0)
			break;
	}
	return rc;
}

/* ---- either ---- */

static int start(struct capfile *c, char *why)
{
	uint32_t magic;

	if (fill(c, 4, why) <= 0)
		return refuse(c, why, "not a capture: it is empty");
	for (int i = 0; i < 2; i++) {
		c->big = i;
		magic = get32(c, c->buf);
		if (magic == PCAP_USEC || magic == PCAP_NSEC)
			return start_pcap(c, magic, why);
	}
	c->ng = magic == NG_SECTION;
	if (!c->ng)
		return refuse(c, why, "neither pcap nor pcapng");
	rewind(c->f);
	return 0;
}

int capfile_open(const char *path, struct capfile **file, char *why)
{
	struct capfile *c = calloc(1, sizeof(*c));
	int rc;

	snprintf(why, CAPFILE_WHY_MAX, "%.150s: out of memory", path);
	if (!c)
		return -ENOMEM;
	c->path = strdup(path);
	c->f = c->path ? fopen(path, "re") : NULL;
	if (!c->f) {
		rc = -errno;
		snprintf(why, CAPFILE_WHY_MAX, "%.150s: cannot read: %s", path,
			 strerror(errno));
		free(c->path);
		free(c);
		return rc;
	}
	rc = start(c, why);
	if (rc)
		capfile_close(c);
	else
		*file = c;
	return rc;
}

int capfile_next(struct capfile *c, struct capfile_frame *frame, char *why)
{
	bool cut = true;
	int rc = 1;

	while (rc > 0 && cut)
		rc = c->ng ? next_ng(c, frame, &cut, why)
			   : next_pcap(c, frame, &cut, why);
	if (rc > 0)
		c->last = frame->realtime_nsec;
	return rc;
}

void capfile_close(struct capfile *c)
{
	if (!c)
		return;
	fclose(c->f);
	free(c->path);
	free(c);
}
