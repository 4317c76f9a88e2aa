
/*
 * Where a claim is in a payload: its name, or a path into objects.
 */

#ifndef SOCIAL_CLAIM_PATH_H
#define SOCIAL_CLAIM_PATH_H


#include "social_json.h"


/* the payload itself is one level of a document */
#define SOCIAL_CLAIM_PATH_DEPTH  (SOCIAL_JSON_MAX_DEPTH - 1)


/* what the values of a claim are, besides the strings of an array */

typedef enum {
    SOCIAL_CLAIM_TEXT = 0,             /* a string */
    SOCIAL_CLAIM_WORDS,                /* the words of a string */
    SOCIAL_CLAIM_NAMES                 /* a string, or an object's names */
} social_claim_kind_e;


typedef struct {
    social_str_t           text;       /* as it is written */
    social_str_t           name;       /* of the payload's own member, which
                                          comes first; empty: it does not */
    size_t                 count;      /* of "names"; 0: it has no path */
    social_str_t           names[SOCIAL_CLAIM_PATH_DEPTH];
    social_claim_kind_e    kind;
} social_claim_path_t;


/*
 * The initializer of a claim that has a constant name.
 */
#define social_claim_path(string)                                             \
    { social_string(string), social_string(string), 0, { { 0, NULL } },       \
      SOCIAL_CLAIM_TEXT }

#define social_claim_path_words(string)                                       \
    { social_string(string), social_string(string), 0, { { 0, NULL } },       \
      SOCIAL_CLAIM_WORDS }


/*
 * Parses what an operator writes:
 *
 *     name           a member of the payload, whatever is in its name
 *     a.b.c          that too, if the payload has one of this name; else the
 *                    member "c" of the object "b" of the object "a"
 *     /a/b.c/d       a JSON pointer (RFC 6901, 3): exactly this path, with "~1"
 *                    for "/" and "~0" for "~" in a name; elements of arrays
 *                    cannot be pointed to
 *
 * SOCIAL_OK: "path" has views of "text" and of "buf", which has text.len bytes.
 * Its kind is "kind", save that "scope" and "scp" alone are of words
 * (RFC 6749, 3.3).  SOCIAL_DECLINED: "why" says what must be, a constant.
 */
social_rc_e social_claim_path_parse(social_str_t text,
    social_claim_kind_e kind, unsigned char *buf, social_claim_path_t *path,
    const char **why);

/*
 * The claim at that path, owned by the payload; NULL if there is none, or it,
 * or an object on the way to it, is null.
 */
const social_json_t *social_claim_find(const social_json_t *payload,
    const social_claim_path_t *path);

/*
 * The claim whose name, or whose path with one byte between its names, folds to
 * "name" as of social_json_member_folded(); the longest name first on each
 * level.  NULL: there is none.
 */
const social_json_t *social_claim_find_folded(const social_json_t *payload,
    social_str_t name);

/*
 * Whether both are written in the same way and have the same values.
 */
bool social_claim_path_eq(const social_claim_path_t *a,
    const social_claim_path_t *b);


#endif /* SOCIAL_CLAIM_PATH_H */
