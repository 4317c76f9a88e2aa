
/*
 * jansson as a second opinion on JSON, with a limit on depth before it and its
 * strictest flags on: what social_json.c was before it had a parser of its
 * own.  For unit tests and fuzzers: needs no cmocka.
 */

#ifndef SOCIAL_UNIT_JSON_H
#define SOCIAL_UNIT_JSON_H


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "social_json.h"


#define social_unit_json_say(what)                                            \
    (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, what), false)

#define social_unit_json_must(condition)                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            return social_unit_json_say(#condition);                          \
        }                                                                     \
    } while (0)


static inline bool
social_unit_json_too_deep(social_str_t text)
{
    bool    string;
    size_t  i, depth;

    string = false;
    depth = 0;

    for (i = 0; i < text.len; i++) {

        switch (text.data[i]) {

        case '"':
            string = !string;
            break;

        case '\\':
            if (string) {
                i++;
            }
            break;

        case '{':
        case '[':
            if (!string && ++depth > SOCIAL_JSON_MAX_DEPTH) {
                return true;
            }
            break;

        case '}':
        case ']':
            if (!string && depth > 0) {
                depth--;
            }
            break;
        }
    }

    return false;
}


/*
 * The end of a number that begins at "p" (RFC 8259, 6), as far as it is one.
 */
static inline const char *
social_unit_json_number_end(const char *p, const char *end)
{
    p += (*p == '-');

    if (p < end && *p == '0') {
        p++;

    } else {
        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }
    }

    if (p < end && *p == '.') {
        for (p++; p < end && *p >= '0' && *p <= '9'; p++) { /* void */ }
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += (p < end && (*p == '+' || *p == '-'));

        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }
    }

    return p;
}


/*
 * The next number of a document from "p" on, and its end; NULL: there is none.
 */
static inline const char *
social_unit_json_next_number(const char *p, const char *end, const char **last)
{
    bool  string;

    for (string = false; p < end; p++) {

        if (string && *p == '\\') {
            p++;

        } else if (*p == '"') {
            string = !string;

        } else if (!string && (*p == '-' || (*p >= '0' && *p <= '9'))) {
            *last = social_unit_json_number_end(p, end);
            return p;
        }
    }

    return NULL;
}


/*
 * Puts a 1 in the place of the number that ends at "end", with spaces around
 * it: what is not a number with it before must not be one after.
 */
static inline void
social_unit_json_small(char *text, size_t end)
{
    const char  *p, *last;

    last = text;

    do {
        p = social_unit_json_next_number(last, text + end, &last);

        if (p == NULL) {
            abort();
        }

    } while (last < text + end);

    memset(text + (p - text), ' ', (size_t) (last - p));
    text[p - text + 1] = '1';
}


/*
 * NULL: refused.  There are two exceptions.  After a number or a word, jansson
 * skips a NUL byte that is not part of either, and parses what follows it
 * (RFC 8259, 2: no white space, nor anything else outside a string); we do
 * not.  And it refuses integers of more than 64 bits and what no double can
 * hold, which we keep as they are written: another number stands for them, and
 * "small" is set.
 */
static inline json_t *
social_unit_json_parse(social_str_t text, bool *small)
{
    char          *copy;
    json_t        *value;
    json_error_t   error;

    *small = false;

    if (text.len == 0 || social_unit_json_too_deep(text)
        || memchr(text.data, '\0', text.len) != NULL)
    {
        return NULL;
    }

    copy = malloc(text.len);
    if (copy == NULL) {
        abort();
    }

    memcpy(copy, text.data, text.len);

    for ( ;; ) {
        value = json_loadb(copy, text.len, JSON_REJECT_DUPLICATES, &error);

        if (value != NULL
            || json_error_code(&error) != json_error_numeric_overflow)
        {
            break;
        }

        *small = true;
        social_unit_json_small(copy, (size_t) error.position);
    }

    free(copy);

    if (value != NULL && !json_is_object(value)) {
        json_decref(value);
        return NULL;
    }

    return value;
}


/*
 * Whether the numbers of two documents are the same, to the letter.
 */
static inline bool
social_unit_json_same_numbers(social_str_t one, social_str_t two)
{
    const char  *a, *b, *a_end, *b_end;

    a_end = (const char *) one.data;
    b_end = (const char *) two.data;

    for ( ;; ) {
        a = social_unit_json_next_number(a_end, (const char *) one.data
                                                + one.len, &a_end);
        b = social_unit_json_next_number(b_end, (const char *) two.data
                                                + two.len, &b_end);

        if (a == NULL || b == NULL) {
            return a == b;
        }

        if (a_end - a != b_end - b
            || memcmp(a, b, (size_t) (a_end - a)) != 0)
        {
            return false;
        }
    }
}


/*
 * What jansson writes, with DEL escaped as social_json_write() has it; the
 * caller frees it.
 */
static inline char *
social_unit_json_write(const json_t *value)
{
    char  *text, *escaped, *p, *s;

    text = json_dumps(value,
                      JSON_COMPACT|JSON_ENCODE_ANY|JSON_ENSURE_ASCII);
    escaped = malloc(text ? strlen(text) * 6 + 1 : 1);

    if (text == NULL || escaped == NULL) {
        abort();
    }

    for (p = escaped, s = text; *s; s++) {
        if (*s == 0x7f) {
            memcpy(p, "\\u007F", 6);
            p += 6;

        } else {
            *p++ = *s;
        }
    }

    *p = '\0';
    free(text);

    return escaped;
}


/*
 * What we write, with the numbers that came; jansson would write it as it
 * writes its own.
 */
static inline bool
social_unit_json_same_text(social_str_t from, const social_json_t *ours,
    const json_t *theirs)
{
    bool           same, small;
    char          *text, *again;
    size_t         len;
    json_t        *value;
    social_str_t   s;
    unsigned char *buf;

    text = social_unit_json_write(theirs);
    len = social_json_write(ours, NULL, 0);

    buf = malloc(len + 1);
    if (buf == NULL) {
        abort();
    }

    s.data = buf;
    s.len = social_json_write(ours, buf, len);

    value = social_unit_json_parse(s, &small);
    again = value ? social_unit_json_write(value) : NULL;

    same = s.len == len && again != NULL && strcmp(again, text) == 0
           && len <= 6 * from.len && memchr(buf, 0x7f, len) == NULL
           && social_unit_json_same_numbers(from, s);

    if (!same) {
        buf[len] = '\0';
        fprintf(stderr, "ours %s\nthey %s\n", buf, text);
    }

    json_decref(value);
    free(again);
    free(text);
    free(buf);

    return same;
}


/*
 * Whether every accessor says of our value what it said of jansson's.
 */
static inline bool
social_unit_json_same(const social_json_t *ours, json_t *theirs, bool small)
{
    bool                  whole;
    double                real;
    size_t                i, n;
    json_t               *value;
    int64_t               number;
    const char           *name;
    social_rc_e           rc;
    social_str_t          s;
    const social_json_t  *item;

    const double  exact = 9007199254740992;

    social_unit_json_must(ours != NULL);
    social_unit_json_must(social_json_is_object(ours)
                          == json_is_object(theirs));
    social_unit_json_must(social_json_is_array(ours) == json_is_array(theirs));
    social_unit_json_must(social_json_is_null(ours) == json_is_null(theirs));
    social_unit_json_must(social_json_count(ours) == json_array_size(theirs));

    rc = social_json_string(ours, &s);
    social_unit_json_must((rc == SOCIAL_OK) == json_is_string(theirs));
    social_unit_json_must(s.len == json_string_length(theirs));
    social_unit_json_must(s.len == 0
                          || memcmp(s.data, json_string_value(theirs), s.len)
                             == 0);

    real = json_number_value(theirs);

    if (json_is_integer(theirs)) {
        real = json_integer_value(theirs) > INT64_C(9007199254740992)
               ? exact + 2 : real;
    }

    rc = social_json_number(ours, &s);
    social_unit_json_must((rc == SOCIAL_OK) == json_is_number(theirs));

    /* which rounds what we do not, at 2^53 and to a fraction of zero, too */

    whole = json_is_integer(theirs);

    if (!small && (whole || real > 0) && (whole || real < exact)) {
        rc = social_json_time(ours, &number);
        social_unit_json_must((rc == SOCIAL_OK)
                              == (json_is_number(theirs)
                                  && real >= 0 && real <= exact));
        social_unit_json_must(rc != SOCIAL_OK || number == (int64_t) real
                              || (!whole && (double) number == real - 1
                                  && social_json_time_has_fraction(ours)));

        rc = social_json_integer(ours, &number);
        social_unit_json_must((rc == SOCIAL_OK)
                              == (whole && real >= 0 && real <= exact));
    }

    n = 0;
    item = NULL;

    json_array_foreach(theirs, i, value) {
        item = social_json_next(ours, item);
        social_unit_json_must(item == social_json_element(ours, i));

        if (!social_unit_json_same(item, value, small)) {
            return false;
        }
    }

    social_unit_json_must(social_json_next(ours, item) == NULL
                          || json_array_size(theirs) == 0);
    social_unit_json_must(social_json_element(ours, json_array_size(theirs))
                          == NULL);

    json_object_foreach(theirs, name, value) {
        n++;

        /* a look at each of very many is one look too many */

        if (n < 1000
            && !social_unit_json_same(social_json_member(ours,
                                                         social_str(name)),
                                      value, small))
        {
            return false;
        }
    }

    return true;
}


/*
 * Parses "text" by all three ways, and compares the results; "accepted" is the
 * outcome that they share.  False: they differ, which is printed.
 */
static inline bool
social_unit_json_agree(social_str_t text, bool *accepted)
{
    bool            same, small;
    json_t         *theirs;
    social_rc_e     rc, in_place;
    unsigned char  *copy;
    social_json_t  *ours, *views;

    /* of exactly that size, so that a byte read past its end is seen */

    copy = malloc(text.len ? text.len : 1);
    if (copy == NULL) {
        abort();
    }

    if (text.len) {
        memcpy(copy, text.data, text.len);
    }

    theirs = social_unit_json_parse(text, &small);
    rc = social_json_parse(text, &ours);
    in_place = social_json_parse_in_place(copy, text.len, &views);

    *accepted = (rc == SOCIAL_OK);

    same = rc == in_place
           && (rc == SOCIAL_OK || rc == SOCIAL_MALFORMED)
           && (rc == SOCIAL_OK) == (ours != NULL)
           && (rc == SOCIAL_OK) == (views != NULL)
           && (rc == SOCIAL_OK) == (theirs != NULL);

    if (!same) {
        fprintf(stderr, "ours %d, in place %d, jansson %s\n", rc, in_place,
                theirs ? "accepts" : "refuses");

    } else if (theirs != NULL) {
        same = social_unit_json_same(ours, theirs, small)
               && social_unit_json_same(views, theirs, small)
               && social_unit_json_same_text(text, ours, theirs)
               && social_unit_json_same_text(text, views, theirs);
    }

    if (!same) {
        size_t  i;

        fprintf(stderr, "of %zu bytes: ", text.len);

        for (i = 0; i < text.len; i++) {
            fprintf(stderr, text.data[i] < 0x20 || text.data[i] >= 0x7f
                            ? "\\x%02x" : "%c", text.data[i]);
        }

        fprintf(stderr, "\n");
    }

    social_json_free(ours);
    social_json_free(views);
    json_decref(theirs);
    free(copy);

    return same;
}


#endif /* SOCIAL_UNIT_JSON_H */
