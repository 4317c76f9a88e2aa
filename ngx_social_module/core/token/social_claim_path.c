
/*
 * Where a claim is in a payload.
 */

#include <string.h>

#include "social_claim_path.h"
#include "social_utf8.h"


static social_rc_e social_claim_path_dotted(social_claim_path_t *path,
    const char **why);
static social_rc_e social_claim_path_pointer(social_claim_path_t *path,
    unsigned char *buf, const char **why);
static social_rc_e social_claim_path_push(social_claim_path_t *path,
    social_str_t name, const char **why);


social_rc_e
social_claim_path_parse(social_str_t text, social_claim_kind_e kind,
    unsigned char *buf, social_claim_path_t *path, const char **why)
{
    size_t                     i;
    static const social_str_t  scope = social_string("scope");
    static const social_str_t  scp = social_string("scp");

    memset(path, 0, sizeof(social_claim_path_t));

    path->text = text;
    path->kind = social_str_eq(text, scope) || social_str_eq(text, scp)
                 ? SOCIAL_CLAIM_WORDS : kind;

    if (text.len == 0 || text.data[0] == '$') {
        *why = "it must not be empty or begin with \"$\" (variables are not "
               "supported)";
        return SOCIAL_DECLINED;
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            *why = "it must not contain control characters";
            return SOCIAL_DECLINED;
        }
    }

    if (!social_utf8_valid(text)) {
        *why = "it must be valid UTF-8";
        return SOCIAL_DECLINED;
    }

    return text.data[0] == '/' ? social_claim_path_pointer(path, buf, why)
                               : social_claim_path_dotted(path, why);
}


/*
 * A name without dots has no path.  One with dots is both: namespaced claims,
 * "https://example.com/roles" and "kubernetes.io", have them too.
 */

static social_rc_e
social_claim_path_dotted(social_claim_path_t *path, const char **why)
{
    size_t        i, start;
    social_str_t  name;

    path->name = path->text;

    if (memchr(path->text.data, '.', path->text.len) == NULL) {
        return SOCIAL_OK;
    }

    start = 0;

    for (i = 0; i <= path->text.len; i++) {

        if (i < path->text.len && path->text.data[i] != '.') {
            continue;
        }

        name.data = path->text.data + start;
        name.len = i - start;
        start = i + 1;

        if (name.len == 0) {
            *why = "it must not have an empty name before, between or after "
                   "dots (a path with names that have dots is written as "
                   "\"/a.b/c\")";
            return SOCIAL_DECLINED;
        }

        if (social_claim_path_push(path, name, why) != SOCIAL_OK) {
            return SOCIAL_DECLINED;
        }
    }

    return SOCIAL_OK;
}


static social_rc_e
social_claim_path_pointer(social_claim_path_t *path, unsigned char *buf,
    const char **why)
{
    size_t         i;
    social_str_t   name;
    unsigned char  ch, *p, *start;

    p = buf;
    start = buf;

    for (i = 1; i <= path->text.len; i++) {

        if (i == path->text.len || path->text.data[i] == '/') {

            name.data = start;
            name.len = (size_t) (p - start);
            start = p;

            if (social_claim_path_push(path, name, why) != SOCIAL_OK) {
                return SOCIAL_DECLINED;
            }

            continue;
        }

        ch = path->text.data[i];

        if (ch == '~') {

            i++;
            ch = i < path->text.len ? path->text.data[i] : '\0';

            if (ch != '0' && ch != '1') {
                *why = "\"~\" must be written as \"~0\", and a \"/\" of a name "
                       "as \"~1\", where it begins with \"/\"";
                return SOCIAL_DECLINED;
            }

            ch = ch == '0' ? '~' : '/';
        }

        *p++ = ch;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_claim_path_push(social_claim_path_t *path, social_str_t name,
    const char **why)
{
    if (path->count == SOCIAL_CLAIM_PATH_DEPTH) {
        *why = "it must not have more than 15 names";
        return SOCIAL_DECLINED;
    }

    path->names[path->count++] = name;

    return SOCIAL_OK;
}


const social_json_t *
social_claim_find(const social_json_t *payload, const social_claim_path_t *path)
{
    size_t                i;
    const social_json_t  *json;

    if (path->name.len) {

        json = social_json_present(payload, path->name);

        if (json != NULL || path->count == 0) {
            return json;
        }
    }

    json = payload;

    for (i = 0; i < path->count && json != NULL; i++) {
        json = social_json_present(json, path->names[i]);
    }

    return json;
}


/*
 * Each object is entered once at most for each place of the name, since the
 * lengths of the names that lead to it say which.
 */

const social_json_t *
social_claim_find_folded(const social_json_t *payload, social_str_t name)
{
    size_t                i;
    social_str_t          head, tail;
    const social_json_t  *json;

    json = social_json_member_folded(payload, name);

    if (json != NULL) {
        return json;
    }

    for (i = name.len; i-- > 1; /* void */ ) {

        if (name.data[i] != '_') {
            continue;
        }

        head.data = name.data;
        head.len = i;

        json = social_json_member_folded(payload, head);

        if (!social_json_is_object(json)) {
            continue;
        }

        tail.data = name.data + i + 1;
        tail.len = name.len - i - 1;

        json = social_claim_find_folded(json, tail);

        if (json != NULL) {
            return json;
        }
    }

    return NULL;
}


bool
social_claim_path_eq(const social_claim_path_t *a,
    const social_claim_path_t *b)
{
    return a == b
           || (a->kind == b->kind && social_str_eq(a->text, b->text));
}
