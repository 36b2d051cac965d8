/* Between the files of the player: a drill that is being played. */
#ifndef DRILL_PLAYER_H
#define DRILL_PLAYER_H

#include "drill/bench.h"
#include "drill/coverage.h"
#include "drill/names.h"
#include "drill/packet.h"
#include "drill/play.h"

#define ENDS_MAX  64u
#define TAKEN_MAX 1024u

/* The script's end of one of the NIC's QPs. */
struct end {
	char name[NAME_LEN];
	enum transport transport;
	uint32_t own;	   /* the script's QPN */
	uint32_t qpn;	   /* the NIC's */
	uint32_t next_psn; /* of the script's next request */
	uint32_t last_psn; /* of the NIC's last request */
	uint32_t pmtu, qkey;
};

struct player {
	const struct script *script;
	unsigned run;
	const struct play_options *o;
	struct bench *bench;
	struct names names;
	struct end end[ENDS_MAX];
	unsigned nend;
	char first_mr[NAME_LEN], first_srq[NAME_LEN]; /* "": none yet */
	nsec_t mark;  /* when the line before was done */
	nsec_t since; /* the earliest that it can have been done */
	nsec_t sent;  /* when the last packet went to the NIC; 0: none did */
	nsec_t sent_since; /* the earliest that it can have left */
	struct taken {
		uint64_t hash;
		nsec_t since;
	} taken[TAKEN_MAX]; /* requests that were asked for, the last ones */
	unsigned ntaken;
	/* The line in hand. */
	unsigned number;
	char text[2048];
	struct words w;
	enum play_result result;
	char *complaint;
};

/* Every statement returns true if it went well; these return false. */
__attribute__((format(printf, 2, 3))) bool play_fail(struct player *p,
						     const char *fmt, ...);
/* The same for a line that only the NIC in memory could play. */
bool play_skip(struct player *p, const char *why);
/* Adds a line to the complaint. */
__attribute__((format(printf, 2, 3))) void play_add(struct player *p,
						    const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void play_trace(struct player *p,
						      const char *fmt, ...);

struct end *play_end(struct player *p, const char *name);
/* The end whose QPN on the script's side is @own, or NULL. */
struct end *play_end_of(struct player *p, uint32_t own);

/* Waits for something of @kind, as long as the line's within= says; NULL: it
 * did not come in time, or (after=) too early, and that has been complained
 * about. The caller frees it.
 */
struct seen *play_await(struct player *p, enum seen_kind kind,
			const char *what);
/* One line that shows it. */
const char *play_show(const struct seen *s, char *text, size_t size);

/* Does "KEY=VALUE ..." @got have all that the line's words from @first on say?
 */
bool play_compare(struct player *p, unsigned first, const char *got);

/* Only against a real peer (play_live.c). */

/* Is the line's time too long to be waited for?  Then it is skipped. */
bool play_is_too_long(struct player *p, nsec_t time);
/* Before a verb: what was sent just now is to be there first. */
void play_settle(struct player *p);
/* Does the line name addresses that only the NIC in memory and its script have?
 * Then it is skipped.
 */
bool play_names_address(struct player *p);
/* A request that was asked for. */
void play_note_taken(struct player *p, const struct seen *s);
/* From when on the line's after= is measured: a request that comes again is due
 * to its own time before, or to an answer of the script; all else to the line
 * before.
 */
nsec_t play_since(const struct player *p, const struct seen *s);
/* Is it one of those again, sent because the script's answer to it was late? */
bool play_is_late_repeat(const struct player *p, const struct seen *s);
/* Drops these from what is seen. */
void play_drop_late_repeats(struct player *p);
/* Drops what a NIC does at the end of a drill because nobody answers any more:
 * it sends again, and gives up.
 */
void play_drop_last_words(struct player *p);
/* Lets a moment pass, until @until at most, in which the NIC may yet do what is
 * asked about; false: time is up.
 */
bool play_try_again(struct player *p, nsec_t until);

/* Statements. */
bool play_send(struct player *p);
bool play_expect(struct player *p);
bool play_wc(struct player *p);
bool play_event(struct player *p);
bool play_nothing(struct player *p);
bool play_wait(struct player *p);
bool play_mem(struct player *p);
bool play_query(struct player *p);
bool play_counter(struct player *p);
bool play_verb(struct player *p);
bool play_virtual(struct player *p);

/* What is left over at the end is wrong, too. */
bool play_finish(struct player *p);

#endif
