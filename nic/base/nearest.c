#include "nic/base/nearest.h"

#include <stddef.h>
#include <string.h>

#define WORD_MAX 32u /* longer words get no suggestion */

static unsigned lesser(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters to insert, delete, replace or swap with their neighbour
 * (Damerau and Levenshtein's distance, no letter touched twice).
 */
static unsigned edit_distance(const char *a, const char *b)
{
	const size_t alen = strlen(a), blen = strlen(b);
	/* From a's first i letters to b's first j. */
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= alen; i++) {
		for (size_t j = 0; j <= blen; j++) {
			if (!i || !j) {
				d[i][j] = (unsigned)(i + j);
				continue;
			}
			d[i][j] = lesser(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = lesser(d[i][j], d[i - 1][j - 1] + (a[i - 1] !=
								     b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = lesser(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[alen][blen];
}

void nearest_init(struct nearest *n, const char *word)
{
	n->word = word;
	n->best = NULL;
	/* One slip in a short word, two in a longer one. */
	n->distance = strlen(word) < 5 ? 2 : 3;
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	unsigned distance;

	if (strlen(n->word) > WORD_MAX || strlen(candidate) > WORD_MAX)
		return;
	distance = edit_distance(n->word, candidate);
	if (distance < n->distance && distance < strlen(candidate)) {
		n->best = candidate;
		n->distance = distance;
	}
}
