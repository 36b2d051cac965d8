#include <inttypes.h>
#include <stdio.h>
#include "replay/replay.h"
#include "trace/reader.h"

struct file {
	const char *path;
	struct reader *reader;
};

static bool file_rewind(void *ctx, char why[REPLAY_WHY_MAX])
{
	struct file *f = ctx;

	reader_close(f->reader);
	f->reader = reader_open(f->path, why);
	return f->reader;
}

static int file_next(void *ctx, struct packet *p, char why[REPLAY_WHY_MAX])
{
	struct file *f = ctx;
	const struct reader_stats *stats = reader_stats(f->reader);
	int got = reader_next(f->reader, p);

	if (got < 0)
		snprintf(why, REPLAY_WHY_MAX, "%s", reader_error(f->reader));
	else if (!got && stats->ends_early)
		snprintf(why, REPLAY_WHY_MAX,
			 "%s ends in the middle of frame %" PRIu64, f->path,
			 stats->frames + 1);
	return got > 0;
}

static void file_note(void *ctx, char note[REPLAY_WHY_MAX])
{
	_Static_assert(READER_ERROR_MAX <= REPLAY_WHY_MAX, "it fits");
	reader_note(((struct file *)ctx)->reader, note);
}

int replay_file(const char *path, const struct replay_options *o,
		char why[REPLAY_WHY_MAX])
{
	struct file f = {.path = path};
	struct replay_source source = {&f, file_rewind, file_next, file_note};
	int faults = replay(&source, o, why);

	reader_close(f.reader);
	return faults;
}
