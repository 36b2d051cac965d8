#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "trace/dissect.h"
#include "trace/reader.h"
#include "trace/strip.h"

#ifdef HAVE_PCAP
#include <pcap/pcap.h>

#define NSEC_OF_SEC 1000000000
#define SEC_MAX	    8000000000 /* in the year 2223 */

struct reader {
	pcap_t *pcap;
	int linktype;
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

/* Takes over @file; closes it on failure. */
static pcap_t *open_pcap(FILE *file, const char *path, char *error)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(
		file, PCAP_TSTAMP_PRECISION_NANO, why);

	if (pcap)
		return pcap;
	snprintf(error, READER_ERROR_MAX,
		 "%s is not a capture that can be read (%s): give a pcap or "
		 "pcapng file",
		 path, why);
	if (file != stdin)
		fclose(file);
	return NULL;
}

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
	r->pcap = open_pcap(file, name, error);
	if (r->pcap) {
		r->linktype = pcap_datalink(r->pcap);
		if (r->linktype == DLT_RAW)
			r->linktype = LINK_RAW;
		if (check_linktype(r->linktype, name, error))
			return r;
	}
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
	if (r->pcap)
		pcap_close(r->pcap);
	dissector_free(r->dissector);
	free(r);
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

/* The next frame of the file goes to the dissector: 1, 0 or -1. */
static int next_frame(struct reader *r)
{
	struct pcap_pkthdr *h;
	const u_char *bytes;
	struct frame f;
	int got = pcap_next_ex(r->pcap, &h, &bytes);

	if (got == PCAP_ERROR_BREAK)
		return 0;
	if (got != 1 && ends_early(r)) {
		r->stats.ends_early = true;
		return 0;
	}
	if (got != 1) {
		snprintf(r->error, sizeof(r->error),
			 "%s is damaged after frame %llu (%s)", r->path,
			 (unsigned long long)r->stats.frames,
			 pcap_geterr(r->pcap));
		return -1;
	}
	f = (struct frame){
		.number = ++r->stats.frames,
		.nsec = nsec_of(&h->ts),
		.linktype = r->linktype,
		.bytes = {bytes, h->caplen},
		.wire_len = h->len,
	};
	count_frame(&r->stats, dissect_begin(r->dissector, &f));
	return 1;
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

#else /* without libpcap nothing can be opened */

struct reader {
	struct reader_stats stats;
	char error[READER_ERROR_MAX];
};

struct reader *reader_open(const char *path, char error[READER_ERROR_MAX])
{
	snprintf(error, READER_ERROR_MAX,
		 "cannot read %s: this glassnic was built without libpcap; "
		 "install libpcap-dev and build again",
		 path);
	return NULL;
}

struct reader *reader_of(FILE *file, const char *name,
			 char error[READER_ERROR_MAX])
{
	fclose(file);
	return reader_open(name, error);
}

void reader_close(struct reader *r)
{
	free(r);
}

int reader_next(struct reader *r, struct packet *p)
{
	return 0;
}
#endif

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
