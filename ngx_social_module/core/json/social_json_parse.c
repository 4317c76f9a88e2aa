
/*
 * JSON in one pass.
 *
 * DESIGN: our own parser, since jansson's took a third of the time of
 * verifying a token.  Of one of 1,160 bytes (scripts/bench/verify;
 * instructions counted by callgrind, which come out the same on a busy
 * machine):
 *
 *                                  jansson 2.14          this
 *   social_jwt_parse, _free     135,075  8.0 us   17,622  0.86 us
 *   the whole verification      454,735 23.5 us  337,190 15.9 us
 *
 * Most of it is memory: jansson allocates for each object, value and string.
 * Here a document is one array of values, and its strings are decoded where
 * they stand, in the caller's buffer or in one copy.  No value points to
 * another, so that the array can be moved when it has to grow.
 *
 * Untrusted input is parsed before any signature has been verified: the
 * time is linear in the text but for the names of large objects, which are
 * sorted; the memory is 32 bytes for every two of the text at most, and three
 * times that while it grows; and the depth takes no stack.
 *
 * It accepts what jansson accepts with JSON_REJECT_DUPLICATES, with the same
 * result: t/unit/test_json_differential.c and t/fuzz/fuzz_json.c verify that,
 * with the exceptions listed there.
 */

#include <stdlib.h>
#include <string.h>

#include "social_json.h"
#include "social_utf8.h"


/* the members of an object that are compared with each other one by one */
#define SOCIAL_JSON_FEW  32

/* in all bytes of a word at once */
#define social_json_each(byte)  (UINT64_C(0x0101010101010101) * (byte))
#define social_json_high        social_json_each(0x80)

/*
 * The high bits of the bytes below "n", or equal to it, with "n" at most 0x80
 * and the word's own high bits clear or of no interest.  Bits above the lowest
 * that is right may be wrong: a borrow makes them.
 */
#define social_json_below(word, n)                                            \
    (((word) - social_json_each(n)) & ~(word) & social_json_high)
#define social_json_equal(word, n)                                            \
    social_json_below((word) ^ social_json_each(n), 1)


typedef struct {
    uint32_t         node;
    uint32_t         count;
    uint64_t         names;
    unsigned char    close;
} social_json_frame_t;


typedef struct {
    unsigned char        *next;
    unsigned char        *end;
    social_json_t        *nodes;     /* the first has the copy of the text */
    uint32_t              count;
    uint32_t              size;
    uint32_t              depth;
    bool                  in_name;   /* the text ended in a name, or else */
    bool                  in_value;  /* in the string of the last node */
    social_json_frame_t   frames[SOCIAL_JSON_MAX_DEPTH];
} social_json_parser_t;


static social_rc_e social_json_parse_text(unsigned char *text, size_t len,
    unsigned char *copy, social_json_t **json, social_str_t original,
    social_json_where_t *where);
static void social_json_locate(const social_json_parser_t *p,
    social_str_t rest, social_json_where_t *where);
static size_t social_json_path_add(char *path, size_t len,
    const social_json_t *node);
static social_rc_e social_json_parse_document(social_json_parser_t *p);
static social_rc_e social_json_parse_name(social_json_parser_t *p,
    social_str_t *name);
static social_rc_e social_json_parse_value(social_json_parser_t *p,
    social_str_t name);
static social_rc_e social_json_open(social_json_parser_t *p,
    social_json_type_e type);
static social_rc_e social_json_close(social_json_parser_t *p);
static social_rc_e social_json_check_names(const social_json_t *object);
static int social_json_compare_names(const void *one, const void *two);
static bool social_json_grow(social_json_parser_t *p);
static unsigned char social_json_space(social_json_parser_t *p);
static bool social_json_word(social_json_parser_t *p, const char *word,
    size_t len);
static bool social_json_scan_number(unsigned char **next,
    const unsigned char *end);
static unsigned char *social_json_scan_digits(unsigned char *p,
    const unsigned char *end);
static bool social_json_scan_string(unsigned char **next, unsigned char *end,
    social_str_t *out);
static unsigned char *social_json_scan_plain(unsigned char *p,
    const unsigned char *end);
static bool social_json_scan_escape(unsigned char **next,
    const unsigned char *end, unsigned char **dst);
static bool social_json_scan_hex(unsigned char **next,
    const unsigned char *end, uint32_t *code);
static unsigned char *social_json_put_utf8(unsigned char *dst, uint32_t code);


social_rc_e
social_json_parse(social_str_t text, social_json_t **json)
{
    return social_json_parse_where(text, json, NULL);
}


social_rc_e
social_json_parse_where(social_str_t text, social_json_t **json,
    social_json_where_t *where)
{
    social_rc_e     rc;
    unsigned char  *copy;

    *json = NULL;

    if (where) {
        where->path[0] = '\0';
        where->why = NULL;
    }

    if (text.len == 0 || text.len > SOCIAL_JSON_MAX_SIZE) {
        return SOCIAL_MALFORMED;
    }

    copy = malloc(text.len);
    if (copy == NULL) {
        return SOCIAL_FAILED;
    }

    memcpy(copy, text.data, text.len);

    rc = social_json_parse_text(copy, text.len, copy, json, text, where);

    if (rc != SOCIAL_OK) {
        free(copy);
    }

    return rc;
}


social_rc_e
social_json_parse_in_place(unsigned char *text, size_t len,
    social_json_t **json)
{
    *json = NULL;

    if (len == 0 || len > SOCIAL_JSON_MAX_SIZE) {
        return SOCIAL_MALFORMED;
    }

    return social_json_parse_text(text, len, NULL, json,
                                  (social_str_t) { 0, NULL }, NULL);
}


/*
 * "original" is the text before anything in it was decoded, for "where".
 */

static social_rc_e
social_json_parse_text(unsigned char *text, size_t len, unsigned char *copy,
    social_json_t **json, social_str_t original, social_json_where_t *where)
{
    social_rc_e           rc;
    social_json_t        *nodes;
    social_json_parser_t  p;

    p.next = text;
    p.end = text + len;
    p.count = 1;
    p.depth = 0;
    p.in_name = false;
    p.in_value = false;

    /* what documents have on average; SOCIAL_JSON_MAX_SIZE keeps it small */

    p.size = (uint32_t) (len / 32) + 16;

    p.nodes = malloc(p.size * sizeof(social_json_t));
    if (p.nodes == NULL) {
        return SOCIAL_FAILED;
    }

    rc = social_json_parse_document(&p);
    nodes = p.nodes;

    if (rc != SOCIAL_OK) {

        if (where && (p.in_name || p.in_value)) {
            original.data += p.next - text;
            original.len -= (size_t) (p.next - text);
            social_json_locate(&p, original, where);
        }

        free(nodes);
        return rc;
    }

    nodes[0].u.copy = copy;
    *json = &nodes[1];

    return SOCIAL_OK;
}


/*
 * The parser stopped at the beginning of a string, of which "rest" begins with
 * the first character.  What leads to it is open, or the last node.
 */

static void
social_json_locate(const social_json_parser_t *p, social_str_t rest,
    social_json_where_t *where)
{
    size_t    len;
    uint32_t  i;

    where->why = social_json_wrong_string(rest);

    if (where->why == NULL) {
        return;
    }

    len = 0;

    /* the document itself has no name */

    for (i = 1; i < p->depth && len < SOCIAL_JSON_PATH_SIZE; i++) {
        len = social_json_path_add(where->path, len,
                                   &p->nodes[p->frames[i].node]);
    }

    if (p->in_value && len < SOCIAL_JSON_PATH_SIZE) {
        (void) social_json_path_add(where->path, len,
                                    &p->nodes[p->count - 1]);
    }
}


/*
 * The new length, or SOCIAL_JSON_PATH_SIZE: nothing may be added any more.
 */

static size_t
social_json_path_add(char *path, size_t len, const social_json_t *node)
{
    uint32_t       i;
    unsigned char  ch;

    for (i = 0; i < node->name_len; i++) {
        ch = social_lower(node->name[i]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '_' || ch == '-' || ch == ':'))
        {
            return SOCIAL_JSON_PATH_SIZE;
        }
    }

    if (node->name_len == 0) {
        return len;
    }

    if (len + 1 + node->name_len + 1 > SOCIAL_JSON_PATH_SIZE) {
        return SOCIAL_JSON_PATH_SIZE;
    }

    if (len) {
        path[len++] = '.';
    }

    memcpy(path + len, node->name, node->name_len);
    len += node->name_len;
    path[len] = '\0';

    return len;
}


/*
 * Not recursive: depth is an index, and what is open is in "frames".
 */

static social_rc_e
social_json_parse_document(social_json_parser_t *p)
{
    bool           first;
    uint32_t       depth;
    social_rc_e    rc;
    social_str_t   name;
    unsigned char  ch, close;

    name.len = 0;
    name.data = NULL;

    if (social_json_space(p) != '{') {
        return SOCIAL_MALFORMED;
    }

    rc = social_json_parse_value(p, name);
    first = true;

    while (rc == SOCIAL_OK && p->depth) {

        ch = social_json_space(p);
        close = p->frames[p->depth - 1].close;

        if (ch == close) {
            p->next++;
            rc = social_json_close(p);
            first = false;
            continue;
        }

        if (!first) {
            if (ch != ',') {
                return SOCIAL_MALFORMED;
            }

            p->next++;
            (void) social_json_space(p);
        }

        if (close == '}') {
            rc = social_json_parse_name(p, &name);
            if (rc != SOCIAL_OK) {
                return rc;
            }
        }

        p->frames[p->depth - 1].count++;

        depth = p->depth;
        rc = social_json_parse_value(p, name);
        first = p->depth > depth;
        name.len = 0;
    }

    if (rc == SOCIAL_OK) {
        (void) social_json_space(p);
        rc = p->next == p->end ? SOCIAL_OK : SOCIAL_MALFORMED;
    }

    return rc;
}


/*
 * The name of a member and the colon.  A name whose bit is taken is compared
 * with those before it, when they are few, or else later with all.
 */

static social_rc_e
social_json_parse_name(social_json_parser_t *p, social_str_t *name)
{
    uint32_t              i;
    uint64_t              bit;
    social_json_t        *node;
    social_json_frame_t  *frame;

    if (p->next == p->end || *p->next != '"') {
        return SOCIAL_MALFORMED;
    }

    p->next++;

    if (!social_json_scan_string(&p->next, p->end, name)) {
        p->in_name = true;
        return SOCIAL_MALFORMED;
    }

    frame = &p->frames[p->depth - 1];
    bit = social_json_name_bit(name->data, name->len);

    if ((frame->names & bit) && frame->count < SOCIAL_JSON_FEW) {

        node = &p->nodes[frame->node + 1];

        for (i = 0; i < frame->count; i++) {

            if (node->name_len == name->len
                && memcmp(node->name, name->data, name->len) == 0)
            {
                return SOCIAL_MALFORMED;
            }

            node += node->span;
        }
    }

    frame->names |= bit;

    if (social_json_space(p) != ':') {
        return SOCIAL_MALFORMED;
    }

    p->next++;
    (void) social_json_space(p);

    return SOCIAL_OK;
}


/* a value, or the beginning of one that has others in it */

static social_rc_e
social_json_parse_value(social_json_parser_t *p, social_str_t name)
{
    bool            good;
    social_str_t    s;
    social_json_t  *node;

    if (p->next == p->end) {
        return SOCIAL_MALFORMED;
    }

    if (p->count == p->size && !social_json_grow(p)) {
        return SOCIAL_FAILED;
    }

    node = &p->nodes[p->count++];

    node->name = name.data;
    node->name_len = (uint32_t) name.len;
    node->span = 1;
    node->count = 0;

    switch (*p->next) {

    case '{':
        return social_json_open(p, SOCIAL_JSON_OBJECT);

    case '[':
        return social_json_open(p, SOCIAL_JSON_ARRAY);

    case '"':
        p->next++;

        if (!social_json_scan_string(&p->next, p->end, &s)) {
            p->in_value = true;
            return SOCIAL_MALFORMED;
        }

        good = true;
        node->type = SOCIAL_JSON_STRING;
        node->u.data = s.data;
        node->count = (uint32_t) s.len;
        break;

    case 't':
        good = social_json_word(p, "true", 4);
        node->type = SOCIAL_JSON_TRUE;
        break;

    case 'f':
        good = social_json_word(p, "false", 5);
        node->type = SOCIAL_JSON_FALSE;
        break;

    case 'n':
        good = social_json_word(p, "null", 4);
        node->type = SOCIAL_JSON_NULL;
        break;

    default:
        node->type = SOCIAL_JSON_NUMBER;
        node->u.data = p->next;
        good = social_json_scan_number(&p->next, p->end);
        node->count = (uint32_t) (p->next - node->u.data);
        break;
    }

    return good ? SOCIAL_OK : SOCIAL_MALFORMED;
}


static social_rc_e
social_json_open(social_json_parser_t *p, social_json_type_e type)
{
    social_json_frame_t  *frame;

    if (p->depth == SOCIAL_JSON_MAX_DEPTH) {
        return SOCIAL_MALFORMED;
    }

    p->next++;

    frame = &p->frames[p->depth++];

    frame->node = p->count - 1;
    frame->count = 0;
    frame->names = 0;
    frame->close = type == SOCIAL_JSON_OBJECT ? '}' : ']';

    p->nodes[frame->node].type = type;

    return SOCIAL_OK;
}


static social_rc_e
social_json_close(social_json_parser_t *p)
{
    social_json_t        *node;
    social_json_frame_t  *frame;

    frame = &p->frames[--p->depth];
    node = &p->nodes[frame->node];

    node->span = p->count - frame->node;
    node->count = frame->count;
    node->u.names = frame->names;

    if (frame->close == '}' && frame->count > SOCIAL_JSON_FEW) {
        return social_json_check_names(node);
    }

    return SOCIAL_OK;
}


/*
 * Equal names stand side by side when they are sorted.  A hash would need a
 * secret against chosen names that collide; sorting needs none.
 */

static social_rc_e
social_json_check_names(const social_json_t *object)
{
    uint32_t               i;
    social_rc_e            rc;
    const social_json_t   *node, **nodes;

    nodes = malloc(object->count * sizeof(social_json_t *));
    if (nodes == NULL) {
        return SOCIAL_FAILED;
    }

    node = object + 1;

    for (i = 0; i < object->count; i++) {
        nodes[i] = node;
        node += node->span;
    }

    qsort(nodes, object->count, sizeof(social_json_t *),
          social_json_compare_names);

    rc = SOCIAL_OK;

    for (i = 1; i < object->count; i++) {
        if (social_json_compare_names(&nodes[i - 1], &nodes[i]) == 0) {
            rc = SOCIAL_MALFORMED;
            break;
        }
    }

    free(nodes);

    return rc;
}


static int
social_json_compare_names(const void *one, const void *two)
{
    const social_json_t  *a, *b;

    a = *(const social_json_t *const *) one;
    b = *(const social_json_t *const *) two;

    if (a->name_len != b->name_len) {
        return a->name_len < b->name_len ? -1 : 1;
    }

    return memcmp(a->name, b->name, a->name_len);
}


static bool
social_json_grow(social_json_parser_t *p)
{
    social_json_t  *nodes;

    nodes = malloc((size_t) p->size * 2 * sizeof(social_json_t));
    if (nodes == NULL) {
        return false;
    }

    memcpy(nodes, p->nodes, p->count * sizeof(social_json_t));
    free(p->nodes);

    p->nodes = nodes;
    p->size *= 2;

    return true;
}


/*
 * Skips white space (RFC 8259, 2), and returns what follows it: 0, which
 * nothing may begin with, at the end.
 */

static unsigned char
social_json_space(social_json_parser_t *p)
{
    unsigned char  ch;

    while (p->next < p->end) {

        ch = *p->next;

        if (ch != ' ' && ch != '\n' && ch != '\r' && ch != '\t') {
            return ch;
        }

        p->next++;
    }

    return '\0';
}


static bool
social_json_word(social_json_parser_t *p, const char *word, size_t len)
{
    if ((size_t) (p->end - p->next) < len || memcmp(p->next, word, len) != 0) {
        return false;
    }

    p->next += len;

    return true;
}


/*
 * Skips a number (RFC 8259, 6).  False: it is not one.
 */

static bool
social_json_scan_number(unsigned char **next, const unsigned char *end)
{
    unsigned char  *p, *digits;

    p = *next;

    if (p < end && *p == '-') {
        p++;
    }

    digits = p;
    p = social_json_scan_digits(p, end);

    if (p == digits || (*digits == '0' && p - digits > 1)) {
        return false;
    }

    if (p < end && *p == '.') {
        digits = ++p;
        p = social_json_scan_digits(p, end);

        if (p == digits) {
            return false;
        }
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < end && (*p == '-' || *p == '+')) {
            p++;
        }

        digits = p;
        p = social_json_scan_digits(p, end);

        if (p == digits) {
            return false;
        }
    }

    *next = p;

    return true;
}


static unsigned char *
social_json_scan_digits(unsigned char *p, const unsigned char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    return p;
}


/*
 * Reads a string after its opening quote, and decodes it to plain UTF-8 in
 * place, which takes no more room.  False: not closed, or with bytes that may
 * not be in a string (RFC 8259, 7 and 8.1; RFC 3629, 4), an unknown escape,
 * half a surrogate pair, or U+0000.
 */

static bool
social_json_scan_string(unsigned char **next, unsigned char *end,
    social_str_t *out)
{
    size_t          n;
    uint32_t        code;
    social_str_t    rest;
    unsigned char  *p, *run, *dst;

    p = *next;
    dst = p;

    out->data = p;

    for ( ;; ) {

        run = p;
        p = social_json_scan_plain(p, end);

        if (p == end) {
            return false;
        }

        if (*p >= 0x80) {
            rest.data = p;
            rest.len = (size_t) (end - p);

            n = social_utf8_next(rest, &code);
            if (n == 0) {
                return false;
            }

            p += n;
        }

        n = (size_t) (p - run);

        if (dst != run) {
            memmove(dst, run, n);
        }

        dst += n;

        if (p == end) {
            return false;
        }

        if (*p == '"') {
            out->len = (size_t) (dst - out->data);
            *next = p + 1;
            return true;
        }

        if (*p == '\\') {
            p++;

            if (!social_json_scan_escape(&p, end, &dst)) {
                return false;
            }

            continue;
        }

        if (*p < 0x20) {
            return false;
        }
    }
}


/*
 * The first byte that is not plain ASCII: a quote, a backslash, a control
 * character, or part of a longer UTF-8 sequence.
 */

static unsigned char *
social_json_scan_plain(unsigned char *p, const unsigned char *end)
{
    uint64_t  word, found;

    while (end - p >= 8) {

        memcpy(&word, p, 8);

#if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        word = __builtin_bswap64(word);
#endif

        found = (word & social_json_high) | social_json_below(word, 0x20)
                | social_json_equal(word, '"') | social_json_equal(word, '\\');

        if (found) {
            return p + __builtin_ctzll(found) / 8;
        }

        p += 8;
    }

    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


/*
 * What follows a backslash; written over it, since it is never longer.
 */

static bool
social_json_scan_escape(unsigned char **next, const unsigned char *end,
    unsigned char **dst)
{
    uint32_t              code, low;
    unsigned char         ch;
    const char           *found;
    static const char     from[] = "\"\\/bfnrt";
    static const char     to[] = "\"\\/\b\f\n\r\t";

    if (*next == end) {
        return false;
    }

    ch = *(*next)++;

    if (ch != 'u') {
        found = memchr(from, ch, sizeof(from) - 1);
        if (found == NULL) {
            return false;
        }

        *(*dst)++ = (unsigned char) to[found - from];

        return true;
    }

    if (!social_json_scan_hex(next, end, &code) || code == 0) {
        return false;
    }

    if (code >= 0xd800 && code <= 0xdfff) {

        if (code >= 0xdc00 || end - *next < 6
            || (*next)[0] != '\\' || (*next)[1] != 'u')
        {
            return false;
        }

        *next += 2;

        if (!social_json_scan_hex(next, end, &low)
            || low < 0xdc00 || low > 0xdfff)
        {
            return false;
        }

        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }

    *dst = social_json_put_utf8(*dst, code);

    return true;
}


static bool
social_json_scan_hex(unsigned char **next, const unsigned char *end,
    uint32_t *code)
{
    unsigned       i;
    uint32_t       n;
    unsigned char  ch;

    if (end - *next < 4) {
        return false;
    }

    n = 0;

    for (i = 0; i < 4; i++) {
        ch = social_lower((*next)[i]);

        if (ch >= '0' && ch <= '9') {
            n = n << 4 | (uint32_t) (ch - '0');

        } else if (ch >= 'a' && ch <= 'f') {
            n = n << 4 | (uint32_t) (ch - 'a' + 10);

        } else {
            return false;
        }
    }

    *next += 4;
    *code = n;

    return true;
}


static unsigned char *
social_json_put_utf8(unsigned char *dst, uint32_t code)
{
    if (code < 0x80) {
        *dst++ = (unsigned char) code;
        return dst;
    }

    if (code < 0x800) {
        *dst++ = (unsigned char) (0xc0 | code >> 6);

    } else {

        if (code < 0x10000) {
            *dst++ = (unsigned char) (0xe0 | code >> 12);

        } else {
            *dst++ = (unsigned char) (0xf0 | code >> 18);
            *dst++ = (unsigned char) (0x80 | (code >> 12 & 0x3f));
        }

        *dst++ = (unsigned char) (0x80 | (code >> 6 & 0x3f));
    }

    *dst++ = (unsigned char) (0x80 | (code & 0x3f));

    return dst;
}
