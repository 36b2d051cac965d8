/* The options --live SPEC --peer HOST:PORT of those commands that play against a
 * real NIC.
 */
#ifndef CMD_MEET_H
#define CMD_MEET_H

struct live;

struct meeting {
	const char *live, *peer; /* NULL: not given */
	const char *capture;	 /* of our end, or NULL */
};

/* Do they go together?  An exit status, said of @command. */
int meet_check(const char *command, const struct meeting *m);
/* *@live is the bench's, which the caller frees; NULL if none was asked for.  An
 * exit status, as above.
 */
int meet_peer(const char *command, const struct meeting *m, struct live **live);

#endif
