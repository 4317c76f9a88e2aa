
/*
 * Cached verdicts on verified tokens, in memory that several processes share:
 * a table of fixed size, never a token itself.
 *
 * DESIGN.  A token is known by a digest of all that its verdict rests on.  The
 * digest chooses a set of eight slots, and the one to begin with.  Each slot is
 * one line of the processor's cache, and has a word that is a function of all
 * its others.  Who writes just writes; who reads copies the slot, and goes
 * without where that word is not what it should be.  So no process ever waits
 * for another, and nothing is ever held: what was written by two at the same
 * time, by one that was killed, or by one that was stopped and goes on long
 * after somebody else used the slot, is a verdict of neither, but for a chance
 * of 2^-63.  The slot is then as good as an empty one to a process that needs
 * room, so that a process takes one verdict with it at most, however it ends.
 * (R. Hyatt, T. Mann, "A lock-less transposition table implementation for
 * parallel search", ICGA Journal 25(1), 2002)
 */

#ifndef SOCIAL_TOKEN_TABLE_H
#define SOCIAL_TOKEN_TABLE_H


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


#define SOCIAL_TOKEN_DIGEST_SIZE  16
#define SOCIAL_TOKEN_MARKS        4


typedef struct {
    uint64_t       generation;   /* of the keys that it was verified by */
    int64_t        expires;      /* the last second in which it is good */
    uint64_t       epoch;        /* of the revocations it was verified by */
    unsigned       issuer;       /* which of the location's, below 65536 */
    uint32_t       marks[SOCIAL_TOKEN_MARKS];    /* of its sessions */
} social_token_verdict_t;


typedef struct social_token_table_s  social_token_table_t;


/*
 * How many tokens a table has room for that takes at most "size" bytes; 0:
 * too little for any.
 */
size_t social_token_table_capacity(size_t size);

/*
 * Makes a table of the "size" bytes at "p", which are aligned to 64 bytes.
 * NULL: they are too few.  There is nothing to free.
 */
social_token_table_t *social_token_table_create(void *p, size_t size);

/*
 * Copies what is cached of a token.  False: nothing, or it is being written.
 * Whether it still holds, in time and by keys and revocations, is for the
 * caller to say.
 */
bool social_token_table_get(const social_token_table_t *table,
    const unsigned char digest[SOCIAL_TOKEN_DIGEST_SIZE],
    social_token_verdict_t *verdict);

/*
 * Stores a verdict, in place of the one on the same token, of one that has
 * expired at "now", of what is not whole, or of any other.
 */
void social_token_table_put(social_token_table_t *table,
    const unsigned char digest[SOCIAL_TOKEN_DIGEST_SIZE],
    const social_token_verdict_t *verdict, int64_t now);


#endif /* SOCIAL_TOKEN_TABLE_H */
