/* "Did you mean ...?": the candidate that a misspelt word is closest to. */
#ifndef NIC_BASE_NEAREST_H
#define NIC_BASE_NEAREST_H

struct nearest {
	const char *word;
	const char *best;  /* NULL: nothing is close enough to suggest */
	unsigned distance; /* of @best, or the first that is too far */
};

/* @word is borrowed, as are the candidates. */
void nearest_init(struct nearest *n, const char *word);
void nearest_offer(struct nearest *n, const char *candidate);

#endif
