/* Every block is
 *
 *	type, length, body, options, length again
 *
 * in units of 4 bytes, so that a reader can skip what it does not know.  An
 * option is a code, the length of its value, and the value padded to 4 bytes;
 * code 0 ends the list.
 */
#include "nic/port/pcapng.h"

#include <assert.h>

#define BLOCK_SECTION	  0x0a0d0d0au
#define BLOCK_INTERFACE	  1u
#define BLOCK_PACKET	  6u
#define BYTE_ORDER_MARK	  0x1a2b3c4du
#define LINKTYPE_ETHERNET 1u

#define OPT_END	       0u
#define OPT_COMMENT    1u
#define OPT_USERAPPL   4u /* of a section */
#define OPT_IF_NAME    2u
#define OPT_IF_TSRESOL 9u
#define OPT_EPB_FLAGS  2u

#define EPB_INBOUND  1u
#define EPB_OUTBOUND 2u

#define EPB_FIXED     28u /* type to original length */
#define OPT_HEAD      4u
#define BLOCK_TRAILER 4u

static uint8_t *put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v), v >> 16);
}

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static uint8_t *put_pad(uint8_t *p, size_t n)
{
	while (n++ & 3)
		*p++ = 0;
	return p;
}

static uint8_t *put_option(uint8_t *p, uint32_t code, const void *value,
			   size_t len)
{
	p = put16(p, code);
	p = put16(p, (uint32_t)len);
	memcpy(p, value, len);
	return put_pad(p + len, len);
}

/* Ends the option list and the block that began at @start. */
static uint8_t *put_end(uint8_t *p, uint8_t *start)
{
	p = put32(p, OPT_END);
	put32(start + 4, (uint32_t)(p - start) + BLOCK_TRAILER);
	return put32(p, (uint32_t)(p - start) + BLOCK_TRAILER);
}

static uint8_t *put_section(uint8_t *start)
{
	static const char application[] = "glassnic";
	uint8_t *p = put32(start, BLOCK_SECTION);

	p = put32(p, 0); /* length: put_end */
	p = put32(p, BYTE_ORDER_MARK);
	p = put16(p, 1); /* version 1.0 */
	p = put16(p, 0);
	p = put32(p, UINT32_MAX); /* section length: not known */
	p = put32(p, UINT32_MAX);
	p = put_option(p, OPT_USERAPPL, application, sizeof(application) - 1);
	return put_end(p, start);
}

static uint8_t *put_interface(uint8_t *start, const char *name)
{
	const uint8_t nanoseconds = 9;
	uint8_t *p = put32(start, BLOCK_INTERFACE);

	p = put32(p, 0);
	p = put16(p, LINKTYPE_ETHERNET);
	p = put16(p, 0);
	p = put32(p, 0); /* snap length: none */
	p = put_option(p, OPT_IF_NAME, name, strnlen(name, PCAPNG_NAME_MAX));
	p = put_option(p, OPT_IF_TSRESOL, &nanoseconds, 1);
	return put_end(p, start);
}

size_t pcapng_start(const char *name, uint8_t *out)
{
	return (size_t)(put_interface(put_section(out), name) - out);
}

static size_t frame_len(const struct pcapng_packet *pkt)
{
	size_t len = 0;

	for (unsigned i = 0; i < pkt->npiece; i++)
		len += pkt->piece[i].len;
	return len;
}

static size_t comment_len(const struct pcapng_packet *pkt)
{
	return pkt->comment ? strnlen(pkt->comment, PCAPNG_COMMENT_MAX) : 0;
}

size_t pcapng_packet_len(const struct pcapng_packet *pkt)
{
	size_t comment = comment_len(pkt);

	return EPB_FIXED + padded(frame_len(pkt)) + OPT_HEAD + 4 + /* flags */
	       (comment ? OPT_HEAD + padded(comment) : 0) +
	       OPT_HEAD + /* end of options */
	       BLOCK_TRAILER;
}

void pcapng_packet(const struct pcapng_packet *pkt, uint8_t *out)
{
	size_t len = frame_len(pkt), comment = comment_len(pkt);
	uint8_t flags[4], *p = put32(out, BLOCK_PACKET);

	put32(flags, pkt->dir == TAP_IN ? EPB_INBOUND : EPB_OUTBOUND);
	p = put32(p, 0);
	p = put32(p, 0); /* interface */
	p = put32(p, (uint32_t)(pkt->realtime_nsec >> 32));
	p = put32(p, (uint32_t)pkt->realtime_nsec);
	p = put32(p, (uint32_t)len); /* captured */
	p = put32(p, (uint32_t)len); /* on the wire */
	for (unsigned i = 0; i < pkt->npiece; i++) {
		memcpy(p, pkt->piece[i].p, pkt->piece[i].len);
		p += pkt->piece[i].len;
	}
	p = put_pad(p, len);
	p = put_option(p, OPT_EPB_FLAGS, flags, sizeof(flags));
	if (comment)
		p = put_option(p, OPT_COMMENT, pkt->comment, comment);
	p = put_end(p, out);
	assert((size_t)(p - out) == pcapng_packet_len(pkt));
}
