
/*
 * The response to the event of a token that is about to be issued.
 */

#include <string.h>

#include "social_cognito_event.h"


#define SOCIAL_COGNITO_PIECE  64            /* bytes */


typedef struct {
    unsigned char                 *buf;
    size_t                         size;
    size_t                         len;

    const social_cognito_event_t  *event;
    social_str_t                   text;
    social_str_t                   id;
    social_str_t                   roles;
} social_cognito_out_t;


static void social_cognito_claims_object(social_cognito_out_t *out,
    const social_json_t *object, unsigned level);
static bool social_cognito_claims_replaces(const social_cognito_out_t *out,
    const social_json_t *object, const social_json_t *member, unsigned level);
static void social_cognito_claims_leaf(social_cognito_out_t *out);
static const char *const *social_cognito_claims_names(
    const social_cognito_out_t *out, unsigned level);
static void social_cognito_claims_put(social_cognito_out_t *out,
    social_str_t s);
static void social_cognito_claims_text(social_cognito_out_t *out,
    const char *text);
static void social_cognito_claims_string(social_cognito_out_t *out,
    social_str_t s);


/*
 * The members that lead from "response" to the claims; the last level is that
 * of the claims themselves.
 */

static const char *const  social_cognito_claims_v1[][3] = {
    { "claimsOverrideDetails", NULL },
    { "claimsToAddOrOverride", NULL },
    { "user_id", "roles", NULL }
};

static const char *const  social_cognito_claims_v2[][3] = {
    { "claimsAndScopeOverrideDetails", NULL },
    { "idTokenGeneration", "accessTokenGeneration", NULL },
    { "claimsToAddOrOverride", NULL },
    { "user_id", "roles", NULL }
};


size_t
social_cognito_event_claims(const social_cognito_event_t *event,
    social_str_t text, social_str_t id, social_str_t roles,
    unsigned char *buf, size_t size)
{
    social_str_t               whole, value, s;
    const social_json_t       *response;
    social_cognito_out_t       out;
    static const social_str_t  name = social_string("response");

    memset(&out, 0, sizeof(social_cognito_out_t));

    out.buf = buf;
    out.size = size;
    out.event = event;
    out.text = text;
    out.id = id;
    out.roles = roles;

    response = social_json_member(event->json, name);

    if (response != NULL) {
        social_json_member_text(event->json, response, text, &whole, &value);

        s.data = text.data;
        s.len = (size_t) (value.data - text.data);
        social_cognito_claims_put(&out, s);

        social_cognito_claims_object(&out, response, 0);

        s.data = value.data + value.len;
        s.len = (size_t) (text.data + text.len - s.data);
        social_cognito_claims_put(&out, s);

        return out.len;
    }

    /* the last "}" is that of the event, which is not empty */

    for (s = text; s.data[s.len - 1] != '}'; s.len--) {
        /* void */
    }

    s.len--;

    social_cognito_claims_put(&out, s);
    social_cognito_claims_text(&out, ",\"response\":");
    social_cognito_claims_object(&out, NULL, 0);

    s.data += s.len;
    s.len = (size_t) (text.data + text.len - s.data);
    social_cognito_claims_put(&out, s);

    return out.len;
}


/*
 * An object with all that it has but what is replaced on the way to the claims.
 * Anything but an object is replaced as a whole: null, as AWS sends it.
 */

static void
social_cognito_claims_object(social_cognito_out_t *out,
    const social_json_t *object, unsigned level)
{
    unsigned              i;
    social_str_t          whole, value;
    const char *const    *names;
    const social_json_t  *member;

    social_cognito_claims_text(out, "{");

    for (member = social_json_next_member(object, NULL);
         member;
         member = social_json_next_member(object, member))
    {
        if (social_cognito_claims_replaces(out, object, member, level)) {
            continue;
        }

        social_json_member_text(out->event->json, member, out->text, &whole,
                                &value);
        social_cognito_claims_put(out, whole);
        social_cognito_claims_text(out, ",");
    }

    names = social_cognito_claims_names(out, level);

    if (social_cognito_claims_names(out, level + 1) == NULL) {
        social_cognito_claims_leaf(out);

    } else {
        for (i = 0; names[i]; i++) {
            social_cognito_claims_text(out, i ? ",\"" : "\"");
            social_cognito_claims_text(out, names[i]);
            social_cognito_claims_text(out, "\":");

            member = object ? social_json_member(object, social_str(names[i]))
                            : NULL;
            social_cognito_claims_object(out, member, level + 1);
        }
    }

    social_cognito_claims_text(out, "}");
}


/*
 * Where there are no roles, the claim of that name is somebody else's.
 */

static bool
social_cognito_claims_replaces(const social_cognito_out_t *out,
    const social_json_t *object, const social_json_t *member, unsigned level)
{
    unsigned            i;
    const char *const  *names;

    names = social_cognito_claims_names(out, level);

    for (i = 0; names[i]; i++) {
        if (social_json_member(object, social_str(names[i])) == member) {
            return out->roles.len != 0 || strcmp(names[i], "roles") != 0;
        }
    }

    return false;
}


static void
social_cognito_claims_leaf(social_cognito_out_t *out)
{
    bool          first;
    social_str_t  rest, role;

    social_cognito_claims_text(out, "\"user_id\":");
    social_cognito_claims_string(out, out->id);

    if (out->roles.len == 0) {
        return;
    }

    social_cognito_claims_text(out, ",\"roles\":");

    if (out->event->version == 1) {
        social_cognito_claims_string(out, out->roles);
        return;
    }

    rest = out->roles;
    first = true;

    while (social_str_next(&rest, " ", &role)) {
        social_cognito_claims_text(out, first ? "[" : ",");
        social_cognito_claims_string(out, role);
        first = false;
    }

    social_cognito_claims_text(out, first ? "[]" : "]");
}


/*
 * NULL after the last level.
 */

static const char *const *
social_cognito_claims_names(const social_cognito_out_t *out, unsigned level)
{
    if (out->event->version == 1) {
        return level < 3 ? social_cognito_claims_v1[level] : NULL;
    }

    return level < 4 ? social_cognito_claims_v2[level] : NULL;
}


static void
social_cognito_claims_put(social_cognito_out_t *out, social_str_t s)
{
    if (s.len && out->len <= out->size && s.len <= out->size - out->len) {
        memcpy(out->buf + out->len, s.data, s.len);
    }

    out->len += s.len;
}


static void
social_cognito_claims_text(social_cognito_out_t *out, const char *text)
{
    social_cognito_claims_put(out, social_str(text));
}


/*
 * In pieces, cut where no character is: what the database gives is ASCII, and
 * an escape is of one byte then.
 */

static void
social_cognito_claims_string(social_cognito_out_t *out, social_str_t s)
{
    social_str_t   piece;
    unsigned char  buf[6 * SOCIAL_COGNITO_PIECE];

    social_cognito_claims_text(out, "\"");

    while (s.len) {
        piece.data = s.data;
        piece.len = s.len < SOCIAL_COGNITO_PIECE ? s.len
                                                 : SOCIAL_COGNITO_PIECE;
        s.data += piece.len;
        s.len -= piece.len;

        piece.len = (size_t) (social_json_escape(buf, piece) - buf);
        piece.data = buf;
        social_cognito_claims_put(out, piece);
    }

    social_cognito_claims_text(out, "\"");
}
