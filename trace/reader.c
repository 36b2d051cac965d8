#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "trace/dissect.h"
#include "trace/pcapng.h"
#include "trace/reader.h"
#include "trace/strip.h"

#ifdef HAVE_PCAP
#include <pcap/pcap.h>
#else
typedef void pcap_t;
#endif

#define GZIP_FIRST_BYTE 0x1f

#define NSEC_OF_SEC 1000000000
#define SEC_MAX	    8000000000 /* in the year 2223 */

struct reader {
	struct pcapng *pcapng; /* either, */
	pcap_t *pcap;	       /* or */
	int linktype;	       /* of the latter */
	struct dissector *dissector;
	struct reader_stats stats;
	char path[256];
	char error[READER_ERROR_MAX];
};

static FILE *open_file(const char *path, char *error)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

	if (!file)
		snprintf(error, READER_ERROR_MAX, "cannot open %s: %s", path,
			 strerror(errno));
	return file;
}

static void no_capture(char *error, const char *path, const char *why)
{
	snprintf(error, READER_ERROR_MAX,
		 "%s is not a capture that can be read (%.150s): "
		 "give a pcap or pcapng file",
		 path, why);
}

/* ---- pcap, by libpcap ---- */

#ifdef HAVE_PCAP

static bool check_linktype(int linktype, const char *path, char *error)
{
	const char *name = pcap_datalink_val_to_name(linktype);

	if (linktype_known(linktype))
		return true;
	snprintf(error, READER_ERROR_MAX,
		 "%s has link type %s (%d): capture on an Ethernet interface, "
		 "on lo or on \"any\"",
		 path, name ? name : "unknown", linktype);
	return false;
}

/* Takes over @file; closes it on failure. */
static bool open_pcap(struct reader *r, FILE *file, char *error)
{
	char why[PCAP_ERRBUF_SIZE];

	r->pcap = pcap_fopen_offline_with_tstamp_precision(
		file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!r->pcap) {
		no_capture(error, r->path, why);
		if (file != stdin)
			fclose(file);
		return false;
	}
	r->linktype = pcap_datalink(r->pcap);
	if (r->linktype == DLT_RAW)
		r->linktype = LINK_RAW;
	return check_linktype(r->linktype, r->path, error);
}

static void close_pcap(struct reader *r)
{
	if (r->pcap)
		pcap_close(r->pcap);
}

/* What libpcap says when the file ends in the middle of a frame: whoever wrote
 * it was killed, or is still writing.  All frames before are whole.
 */
static bool ends_early(struct reader *r)
{
	return !strncmp(pcap_geterr(r->pcap), "truncated", 9);
}

/* Files can hold times that no clock shows; they are taken for the nearest that
 * leaves room to calculate.
 */
static int64_t nsec_of(const struct timeval *ts)
{
	int64_t sec = ts->tv_sec, nsec = ts->tv_usec;

	if (sec < 0 || sec > SEC_MAX)
		sec = sec < 0 ? 0 : SEC_MAX;
	if (nsec < 0 || nsec >= NSEC_OF_SEC)
		nsec = 0;
	return sec * NSEC_OF_SEC + nsec;
}

static enum pcapng_got next_of_pcap(struct reader *r, struct frame *f,
				    const char **why)
{
	struct pcap_pkthdr *h;
	const u_char *bytes;
	int got = pcap_next_ex(r->pcap, &h, &bytes);

	if (got == PCAP_ERROR_BREAK)
		return PCAPNG_END;
	*why = pcap_geterr(r->pcap);
	if (got != 1)
		return ends_early(r) ? PCAPNG_CUT : PCAPNG_DAMAGED;
	*f = (struct frame){
		.nsec = nsec_of(&h->ts),
		.linktype = r->linktype,
		.bytes = {bytes, h->caplen},
		.wire_len = h->len,
	};
	return PCAPNG_FRAME;
}

#else

static bool open_pcap(struct reader *r, FILE *file, char *error)
{
	snprintf(error, READER_ERROR_MAX,
		 "cannot read %s, unless it is pcapng: this glassnic was built "
		 "without libpcap; install libpcap-dev and build again",
		 r->path);
	if (file != stdin)
		fclose(file);
	return false;
}

static void close_pcap(struct reader *r)
{
}

static enum pcapng_got next_of_pcap(struct reader *r, struct frame *f,
				    const char **why)
{
	return PCAPNG_END;
}

#endif

/* ---- either ---- */

/* Takes over @file; closes it on failure. */
static bool open_pcapng(struct reader *r, FILE *file, char *error)
{
	char why[PCAPNG_WHY_MAX];

	r->pcapng = pcapng_open(file, why);
	if (r->pcapng)
		return true;
	no_capture(error, r->path, why);
	if (file != stdin)
		fclose(file);
	return false;
}

static bool open_either(struct reader *r, FILE *file, char *error)
{
	int first = getc(file);

	ungetc(first, file);
	if (first == GZIP_FIRST_BYTE || first == EOF) {
		no_capture(error, r->path,
			   first == EOF ? "it is empty"
					: "compressed: unpack it first");
		if (file != stdin)
			fclose(file);
		return false;
	}
	if (first == PCAPNG_FIRST_BYTE)
		return open_pcapng(r, file, error);
	return open_pcap(r, file, error);
}

struct reader *reader_of(FILE *file, const char *name,
			 char error[READER_ERROR_MAX])
{
	struct reader *r = calloc(1, sizeof(*r));

	if (r)
		r->dissector = dissector_new();
	if (!r || !r->dissector) {
		snprintf(error, READER_ERROR_MAX, "no memory to read %s", name);
		fclose(file);
		reader_close(r);
		return NULL;
	}
	snprintf(r->path, sizeof(r->path), "%s", name);
	if (open_either(r, file, error))
		return r;
	reader_close(r);
	return NULL;
}

struct reader *reader_open(const char *path, char error[READER_ERROR_MAX])
{
	FILE *file = open_file(path, error);

	return file ? reader_of(file, path, error) : NULL;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	pcapng_close(r->pcapng);
	close_pcap(r);
	dissector_free(r->dissector);
	free(r);
}

static void count_frame(struct reader_stats *s, enum frame_kind kind)
{
	switch (kind) {
	case FRAME_ROCE: return;
	case FRAME_TRAIN: s->trains++; return;
	case FRAME_ROCE_V1: s->v1++; break;
	case FRAME_FRAGMENT: s->fragments++; break;
	case FRAME_OTHER: break;
	}
	s->other++;
}

static void take_frame(struct reader *r, struct frame *f)
{
	f->number = ++r->stats.frames;
	if (!linktype_known(f->linktype)) {
		r->stats.unread++;
		r->stats.unread_link = f->linktype;
	}
	count_frame(&r->stats, dissect_begin(r->dissector, f));
}

/* The next frame of the file goes to the dissector: 1, 0 or -1. */
static int next_frame(struct reader *r)
{
	const char *why = "";
	enum pcapng_got got;
	struct frame f;

	if (r->pcapng) {
		got = pcapng_next(r->pcapng, &f);
		why = pcapng_error(r->pcapng);
	} else {
		got = next_of_pcap(r, &f, &why);
	}
	switch (got) {
	case PCAPNG_FRAME: take_frame(r, &f); return 1;
	case PCAPNG_CUT: r->stats.ends_early = true; return 0;
	case PCAPNG_END: return 0;
	case PCAPNG_DAMAGED: break;
	}
	snprintf(r->error, sizeof(r->error),
		 "%s is damaged after frame %" PRIu64 " (%s)", r->path,
		 r->stats.frames, why);
	return -1;
}

int reader_next(struct reader *r, struct packet *p)
{
	while (!dissect_next(r->dissector, p)) {
		int got = next_frame(r);

		if (got <= 0)
			return got;
	}
	r->stats.packets++;
	r->stats.cut += p->icrc == ICRC_CUT;
	return 1;
}

const char *reader_error(const struct reader *r)
{
	return r->error;
}

void reader_note(const struct reader *r, char note[READER_ERROR_MAX])
{
	const struct reader_stats *s = &r->stats;
	int n = 0;

	note[0] = '\0';
	if (s->packets == 0)
		n += snprintf(note, READER_ERROR_MAX,
			      "none of %" PRIu64 " frames has RoCEv2 (UDP port "
			      "4791); ",
			      s->frames);
	if (s->v1)
		n += snprintf(note + n, READER_ERROR_MAX - (size_t)n,
			      "%" PRIu64
			      " frames are RoCEv1 (EtherType 0x8915), "
			      "which is another protocol; ",
			      s->v1);
	if (s->unread)
		n += snprintf(note + n, READER_ERROR_MAX - (size_t)n,
			      "%" PRIu64 " frames have link type %d, which is "
			      "not read; ",
			      s->unread, s->unread_link);
	if (s->fragments)
		n += snprintf(note + n, READER_ERROR_MAX - (size_t)n,
			      "%" PRIu64 " frames are fragments of IP packets, "
			      "which are not put together; ",
			      s->fragments);
	if (n)
		note[n - 2] = '\0'; /* the last "; " */
}

const struct reader_stats *reader_stats(const struct reader *r)
{
	return &r->stats;
}
