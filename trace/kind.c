#include "trace/kind.h"
#include "wire/aeth.h"

static const struct {
	const char *word, *text;
} kinds[] = {
#define X(sym, word, text) {word, text},
	KIND_LIST(X)
#undef X
};

const char *kind_word(enum kind k)
{
	return kinds[k].word;
}

const char *kind_text(enum kind k)
{
	return kinds[k].text;
}

static enum kind kind_of_answer(const struct packet *p)
{
	uint32_t flags = p->roce.op->flags;

	if (!(flags & HAS_AETH))
		return KIND_DATA;
	switch (aeth_kind(p->roce.aeth.syndrome)) {
	case AETH_ACK:
	case AETH_RESERVED: break;
	case AETH_RNR: return KIND_RNR;
	case AETH_NAK: return KIND_NAK;
	}
	return flags & HAS_PAYLOAD ? KIND_DATA : KIND_ACK;
}

enum kind kind_of(const struct packet *p, enum note note)
{
	if (!packet_sound(p))
		return KIND_BAD;
	switch (note) {
	case NOTE_RETRANSMISSION: return KIND_AGAIN;
	case NOTE_COPY: return KIND_COPY;
	case NOTE_CNP: return KIND_CNP;
	case NOTE_NAK:
	case NOTE_NONE: break;
	}
	return kind_of_answer(p);
}
