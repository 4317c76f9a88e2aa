
/*
 * Origins and preflights out of any bytes.  The input is lines: a configured
 * origin, a request's Origin, a method, a list of headers.
 */

#include "fuzz.h"
#include "social_cors.h"


static social_str_t fuzz_line(social_str_t *rest);
static void fuzz_origin(social_str_t text, social_str_t value);
static void fuzz_matched(const social_cors_origin_t *o, social_str_t value);
static void fuzz_preflight(const social_cors_origin_t *origin,
    const social_cors_preflight_t *preflight);
static void fuzz_verdict(const social_cors_rules_t *rules,
    const social_cors_preflight_t *preflight, bool listed);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char              *reason;
    social_str_t             rest, line, text;
    unsigned char           *buf;
    social_cors_origin_t     origin;
    social_cors_preflight_t  preflight;

    rest.data = data;
    rest.len = size;

    line = fuzz_line(&rest);
    text = fuzz_copy(line.data, line.len);
    line = fuzz_line(&rest);
    preflight.origin = fuzz_copy(line.data, line.len);
    line = fuzz_line(&rest);
    preflight.method = fuzz_copy(line.data, line.len);
    preflight.headers = fuzz_copy(rest.data, rest.len);

    fuzz_origin(text, preflight.origin);

    buf = malloc(text.len + 1);
    FUZZ_CHECK(buf != NULL);

    if (social_cors_origin_parse(text, buf, &origin, &reason) == SOCIAL_OK) {
        fuzz_preflight(&origin, &preflight);
    }

    FUZZ_CHECK(social_cors_origin_parse(social_str("*"), buf, &origin, &reason)
               == SOCIAL_OK);
    fuzz_preflight(&origin, &preflight);

    free(buf);
    fuzz_free(text);
    fuzz_free(preflight.origin);
    fuzz_free(preflight.method);
    fuzz_free(preflight.headers);

    return 0;
}


static social_str_t
fuzz_line(social_str_t *rest)
{
    size_t        i;
    social_str_t  line;

    for (i = 0; i < rest->len && rest->data[i] != '\n'; i++) { /* void */ }

    line.data = rest->data;
    line.len = i;

    if (i < rest->len) {
        i++;
    }

    rest->data += i;
    rest->len -= i;

    return line;
}


/*
 * What was taken is taken again in its normal form, and matches itself; what
 * matches a wildcard could have been configured.
 */

static void
fuzz_origin(social_str_t text, social_str_t value)
{
    const char            *reason;
    unsigned char         *buf, *again;
    social_cors_origin_t   o, same;

    buf = malloc(text.len + 1);
    again = malloc(text.len + value.len + 1);
    FUZZ_CHECK(buf != NULL && again != NULL);

    FUZZ_CHECK(!social_cors_origin_match(NULL, 0, value));

    if (social_cors_origin_parse(text, buf, &o, &reason) != SOCIAL_OK) {
        FUZZ_CHECK(reason != NULL && *reason != '\0');
        goto done;
    }

    if (o.kind == SOCIAL_CORS_EXACT) {
        FUZZ_CHECK(social_cors_origin_match(&o, 1, o.text));
        FUZZ_CHECK(social_cors_origin_parse(o.text, again, &same, &reason)
                   == SOCIAL_OK);
        FUZZ_CHECK(social_cors_origin_same(&o, &same));
    }

    if (!social_cors_origin_match(&o, 1, value) || o.kind == SOCIAL_CORS_ANY) {
        goto done;
    }

    fuzz_matched(&o, value);

    FUZZ_CHECK(social_cors_origin_parse(value, again, &same, &reason)
               == SOCIAL_OK);
    FUZZ_CHECK(same.kind == SOCIAL_CORS_EXACT);
    FUZZ_CHECK(social_str_eq(same.text, value));

done:

    free(buf);
    free(again);
}


/*
 * The same in other words: the scheme, then nothing but the bytes of a host
 * and a port, and in front of a domain a label at least.
 */

static void
fuzz_matched(const social_cors_origin_t *o, social_str_t value)
{
    bool           web;
    size_t         i, tail;
    unsigned char  ch;

    if (o->kind == SOCIAL_CORS_EXACT) {
        FUZZ_CHECK(social_str_eq(o->text, value));
        return;
    }

    FUZZ_CHECK(social_str_starts(value, o->text));

    web = social_str_starts(value, social_str("http://"))
          || social_str_starts(value, social_str("https://"));

    for (i = o->text.len; i < value.len; i++) {
        ch = web ? value.data[i] : social_lower(value.data[i]);

        if (o->kind == SOCIAL_CORS_PORTS) {
            FUZZ_CHECK(i == o->text.len ? ch == ':' : ch >= '0' && ch <= '9');
        }

        FUZZ_CHECK((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
                   || ch == '-' || ch == '.' || ch == ':' || ch == '_'
                   || ch == '[' || ch == ']');
    }

    if (o->kind == SOCIAL_CORS_SUBDOMAINS) {
        FUZZ_CHECK(value.len > o->text.len + o->suffix.len);

        tail = value.len - o->suffix.len;
        FUZZ_CHECK(memcmp(value.data + tail, o->suffix.data, o->suffix.len)
                   == 0);
        FUZZ_CHECK(o->suffix.data[0] == '.' && value.data[tail - 1] != '.');
        FUZZ_CHECK(value.data[o->text.len] != '.');
    }
}


/*
 * The answer keeps within its size, and never names Authorization unless it
 * was listed.
 */

static void
fuzz_preflight(const social_cors_origin_t *origin,
    const social_cors_preflight_t *preflight)
{
    social_cors_rules_t  rules;

    static const social_str_t  methods[] = {
        social_string("PUT"), social_string("PATCH")
    };
    static const social_str_t  headers[] = {
        social_string("X-A"), social_string("Authorization")
    };

    memset(&rules, 0, sizeof(rules));

    rules.origins = origin;
    rules.norigins = 1;
    rules.any_method = true;
    rules.any_header = true;

    fuzz_verdict(&rules, preflight, false);

    rules.methods = methods;
    rules.nmethods = 2;
    rules.headers = headers;
    rules.nheaders = 2;

    fuzz_verdict(&rules, preflight, true);

    rules.any_method = false;
    rules.any_header = false;

    fuzz_verdict(&rules, preflight, true);
}


static void
fuzz_verdict(const social_cors_rules_t *rules,
    const social_cors_preflight_t *preflight, bool listed)
{
    bool                   match;
    size_t                 n;
    social_str_t           refused, out, rest, name;
    unsigned char         *buf;
    social_cors_verdict_e  verdict;

    verdict = social_cors_preflight(rules, preflight, &refused);
    fuzz_read(refused);

    match = social_cors_origin_match(rules->origins, rules->norigins,
                                     preflight->origin);

    FUZZ_CHECK(match == (verdict != SOCIAL_CORS_REFUSED_ORIGIN));

    switch (verdict) {

    case SOCIAL_CORS_ALLOWED:
        FUZZ_CHECK(refused.len == 0);
        FUZZ_CHECK(social_str_is_token(preflight->method));
        break;

    case SOCIAL_CORS_REFUSED_ORIGIN:
        FUZZ_CHECK(social_str_eq(refused, preflight->origin));
        break;

    case SOCIAL_CORS_REFUSED_METHOD:
        FUZZ_CHECK(social_str_eq(refused, preflight->method));
        FUZZ_CHECK(!social_str_eq(refused, social_str("GET"))
                   && !social_str_eq(refused, social_str("POST")));
        break;

    default:
        FUZZ_CHECK(fuzz_within(refused, preflight->headers));
        break;
    }

    n = social_cors_allow_headers_size(rules, preflight->headers);
    buf = malloc(n ? n : 1);
    FUZZ_CHECK(buf != NULL);

    out.data = buf;
    out.len = social_cors_allow_headers(rules, preflight->headers, buf);
    FUZZ_CHECK(out.len <= n);

    /* it goes into a header: names, and nothing but names */

    rest = out;

    while (social_cors_names_next(&rest, &name) == SOCIAL_OK) {
        FUZZ_CHECK(social_str_is_token(name));
        FUZZ_CHECK(listed
                   || !social_str_caseeq(name, social_str("authorization")));
    }

    FUZZ_CHECK(rest.len == 0);

    free(buf);
}
