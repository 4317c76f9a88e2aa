
/*
 * What a JSON document says.
 */

#include <stdlib.h>
#include <string.h>

#include "social_json.h"


#define SOCIAL_JSON_MAX_EXACT  9007199254740992     /* 2^53 */

/* more than what a point could be moved by within a document */
#define SOCIAL_JSON_MAX_SHIFT  (INT64_C(1) << 40)


static bool social_json_name_folds(const social_json_t *member,
    social_str_t name);
static social_rc_e social_json_text(const social_json_t *json,
    social_json_type_e type, social_str_t *out);
static social_rc_e social_json_whole(social_str_t text, int64_t *out,
    bool *fraction);
static int64_t social_json_exponent(const unsigned char *p,
    const unsigned char *end);
static bool social_json_is(const social_json_t *json, social_json_type_e type);
static const unsigned char *social_json_skip_value(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *social_json_skip_string(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *social_json_skip_word(const unsigned char *p,
    const unsigned char *end);
static bool social_json_is_space(unsigned char ch);


/*
 * The value before the document is social_json_parse()'s own.
 */

void
social_json_free(social_json_t *json)
{
    if (json) {
        free(json[-1].u.copy);
        free(json - 1);
    }
}


social_str_t
social_json_unmarked(social_str_t text)
{
    static const unsigned char  mark[3] = { 0xef, 0xbb, 0xbf };

    if (text.len >= sizeof(mark)
        && memcmp(text.data, mark, sizeof(mark)) == 0)
    {
        text.data += sizeof(mark);
        text.len -= sizeof(mark);
    }

    return text;
}


const social_json_t *
social_json_member(const social_json_t *object, social_str_t name)
{
    uint32_t              i;
    const social_json_t  *node;

    if (!social_json_is(object, SOCIAL_JSON_OBJECT)
        || !(object->u.names & social_json_name_bit(name.data, name.len)))
    {
        return NULL;
    }

    node = object + 1;

    for (i = 0; i < object->count; i++) {

        if (node->name_len == name.len
            && (name.len == 0 || memcmp(node->name, name.data, name.len) == 0))
        {
            return node;
        }

        node += node->span;
    }

    return NULL;
}


const social_json_t *
social_json_present(const social_json_t *object, social_str_t name)
{
    const social_json_t  *json;

    json = social_json_member(object, name);

    return social_json_is_null(json) ? NULL : json;
}


const social_json_t *
social_json_member_folded(const social_json_t *object, social_str_t name)
{
    uint32_t              i;
    const social_json_t  *node;

    if (!social_json_is(object, SOCIAL_JSON_OBJECT)) {
        return NULL;
    }

    node = object + 1;

    for (i = 0; i < object->count; i++) {

        if (social_json_name_folds(node, name)) {
            return node;
        }

        node += node->span;
    }

    return NULL;
}


static bool
social_json_name_folds(const social_json_t *member, social_str_t name)
{
    size_t         i;
    unsigned char  ch;

    if (member->name_len != name.len) {
        return false;
    }

    for (i = 0; i < name.len; i++) {
        ch = social_lower(member->name[i]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))) {
            ch = '_';
        }

        if (ch != social_lower(name.data[i])) {
            return false;
        }
    }

    return true;
}


social_rc_e
social_json_string(const social_json_t *json, social_str_t *out)
{
    return social_json_text(json, SOCIAL_JSON_STRING, out);
}


social_rc_e
social_json_number(const social_json_t *json, social_str_t *out)
{
    return social_json_text(json, SOCIAL_JSON_NUMBER, out);
}


static social_rc_e
social_json_text(const social_json_t *json, social_json_type_e type,
    social_str_t *out)
{
    out->len = 0;
    out->data = (const unsigned char *) "";

    if (json == NULL) {
        return SOCIAL_DECLINED;
    }

    if (json->type != type) {
        return SOCIAL_MALFORMED;
    }

    out->data = json->u.data;
    out->len = json->count;

    return SOCIAL_OK;
}


social_rc_e
social_json_time(const social_json_t *json, int64_t *out)
{
    bool          fraction;
    social_rc_e   rc;
    social_str_t  text;

    *out = 0;

    rc = social_json_number(json, &text);

    return rc == SOCIAL_OK ? social_json_whole(text, out, &fraction) : rc;
}


bool
social_json_time_has_fraction(const social_json_t *json)
{
    bool          fraction;
    int64_t       whole;
    social_str_t  text;

    return social_json_number(json, &text) == SOCIAL_OK
           && social_json_whole(text, &whole, &fraction) == SOCIAL_OK
           && fraction;
}


social_rc_e
social_json_integer(const social_json_t *json, int64_t *out)
{
    size_t        i;
    social_rc_e   rc;
    social_str_t  text;

    *out = 0;

    rc = social_json_number(json, &text);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '.' || social_lower(text.data[i]) == 'e') {
            return SOCIAL_MALFORMED;
        }
    }

    return social_json_time(json, out);
}


/*
 * The whole part of a number, and whether there is more of it.  The exponent
 * says where the point is: the digits before it are the whole part, with zeros
 * behind the last where they are too few.  SOCIAL_MALFORMED: not in [0, 2^53].
 */

static social_rc_e
social_json_whole(social_str_t text, int64_t *out, bool *fraction)
{
    bool                  negative, zero;
    int64_t               n, point, place;
    const unsigned char  *p, *end, *mantissa_end;

    p = text.data;
    end = text.data + text.len;

    negative = (*p == '-');
    p += negative;

    mantissa_end = p;
    point = -1;

    while (mantissa_end < end && social_lower(*mantissa_end) != 'e') {

        if (*mantissa_end == '.') {
            point = mantissa_end - p;
        }

        mantissa_end++;
    }

    if (point == -1) {
        point = mantissa_end - p;
    }

    point += social_json_exponent(mantissa_end, end);

    n = 0;
    zero = true;
    *fraction = false;

    for (place = 0; p < mantissa_end; p++) {

        if (*p == '.') {
            continue;
        }

        zero = zero && *p == '0';

        if (place < point) {
            n = n * 10 + (*p - '0');

        } else {
            *fraction = *fraction || *p != '0';
        }

        if (n > SOCIAL_JSON_MAX_EXACT) {
            return SOCIAL_MALFORMED;
        }

        place++;
    }

    if (zero) {
        *out = 0;
        return SOCIAL_OK;
    }

    for ( /* void */ ; n && place < point; place++) {
        n *= 10;

        if (n > SOCIAL_JSON_MAX_EXACT) {
            return SOCIAL_MALFORMED;
        }
    }

    if (negative) {
        return SOCIAL_MALFORMED;
    }

    *out = n;

    return SOCIAL_OK;
}


/* of "e-5", or of nothing: 0 */

static int64_t
social_json_exponent(const unsigned char *p, const unsigned char *end)
{
    bool     negative;
    int64_t  n;

    n = 0;
    negative = false;

    for ( /* void */ ; p < end; p++) {

        if (*p == '-') {
            negative = true;

        } else if (*p >= '0' && *p <= '9' && n < SOCIAL_JSON_MAX_SHIFT) {
            n = n * 10 + (*p - '0');
        }
    }

    return negative ? -n : n;
}


size_t
social_json_count(const social_json_t *json)
{
    return social_json_is_array(json) ? json->count : 0;
}


const social_json_t *
social_json_element(const social_json_t *json, size_t i)
{
    const social_json_t  *node;

    if (i >= social_json_count(json)) {
        return NULL;
    }

    if (json->span == json->count + 1) {
        return json + 1 + i;
    }

    for (node = json + 1; i > 0; i--) {
        node += node->span;
    }

    return node;
}


const social_json_t *
social_json_next(const social_json_t *array, const social_json_t *element)
{
    const social_json_t  *next;

    if (!social_json_is_array(array)) {
        return NULL;
    }

    next = element ? element + element->span : array + 1;

    return next < array + array->span ? next : NULL;
}


const social_json_t *
social_json_next_member(const social_json_t *object,
    const social_json_t *member)
{
    const social_json_t  *next;

    if (!social_json_is(object, SOCIAL_JSON_OBJECT)) {
        return NULL;
    }

    next = member ? member + member->span : object + 1;

    return next < object + object->span ? next : NULL;
}


social_str_t
social_json_name(const social_json_t *member)
{
    social_str_t  name;

    name.data = member->name;
    name.len = member->name_len;

    return name;
}


/*
 * A name is decoded where it stands, so that it begins at the same place in
 * the copy as in the text.
 */

void
social_json_member_text(const social_json_t *document,
    const social_json_t *member, social_str_t text, social_str_t *whole,
    social_str_t *value)
{
    const unsigned char  *p, *name, *end;

    end = text.data + text.len;
    name = text.data + (member->name - document[-1].u.copy);

    p = social_json_skip_string(name, end);

    while (p < end && *p != ':') {
        p++;
    }

    do {
        p++;
    } while (p < end && social_json_is_space(*p));

    value->data = p;
    value->len = (size_t) (social_json_skip_value(p, end) - p);

    whole->data = name - 1;
    whole->len = value->len + (size_t) (p - whole->data);
}


/*
 * The end of a value of a text that was parsed before.
 */

static const unsigned char *
social_json_skip_value(const unsigned char *p, const unsigned char *end)
{
    size_t  depth;

    depth = 0;

    while (p < end) {

        switch (*p) {

        case '"':
            p = social_json_skip_string(p + 1, end);
            break;

        case '{':
        case '[':
            depth++;
            p++;
            continue;

        case '}':
        case ']':
            depth--;
            p++;
            break;

        case ',':
        case ':':
        case ' ':
        case '\t':
        case '\n':
        case '\r':
            p++;
            continue;

        default:
            p = social_json_skip_word(p, end);
        }

        if (depth == 0) {
            break;
        }
    }

    return p;
}


/*
 * From after the opening quote to after the closing one.
 */

static const unsigned char *
social_json_skip_string(const unsigned char *p, const unsigned char *end)
{
    while (p < end && *p != '"') {
        p += (*p == '\\') ? 2 : 1;
    }

    return p < end ? p + 1 : end;
}


/*
 * A number, true, false or null.
 */

static const unsigned char *
social_json_skip_word(const unsigned char *p, const unsigned char *end)
{
    while (p < end && *p != ',' && *p != '}' && *p != ']'
           && !social_json_is_space(*p))
    {
        p++;
    }

    return p;
}


static bool
social_json_is_space(unsigned char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}


bool
social_json_is_object(const social_json_t *json)
{
    return social_json_is(json, SOCIAL_JSON_OBJECT);
}


bool
social_json_is_array(const social_json_t *json)
{
    return social_json_is(json, SOCIAL_JSON_ARRAY);
}


bool
social_json_is_null(const social_json_t *json)
{
    return social_json_is(json, SOCIAL_JSON_NULL);
}


bool
social_json_is_boolean(const social_json_t *json)
{
    return social_json_is(json, SOCIAL_JSON_TRUE)
           || social_json_is(json, SOCIAL_JSON_FALSE);
}


bool
social_json_is_true(const social_json_t *json)
{
    return social_json_is(json, SOCIAL_JSON_TRUE);
}


static bool
social_json_is(const social_json_t *json, social_json_type_e type)
{
    return json != NULL && json->type == type;
}
