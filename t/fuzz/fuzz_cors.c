
/*
 * Origins and preflights out of any bytes.  The input is lines: a configured
 * origin, a request's Origin, a method, a list of headers.
 */

#include <stdlib.h>
#include <string.h>

#include "social_cors.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static social_str_t fuzz_line(social_str_t *rest);
static void fuzz_origin(social_str_t text, social_str_t value);
static void fuzz_preflight(const social_cors_origin_t *origin,
    const social_cors_preflight_t *preflight);
static void fuzz_assert(bool truth);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char            buf[4];
    const char              *reason;
    social_str_t             rest, text;
    social_cors_origin_t     any;
    social_cors_preflight_t  preflight;

    rest.data = data;
    rest.len = size;

    text = fuzz_line(&rest);
    preflight.origin = fuzz_line(&rest);
    preflight.method = fuzz_line(&rest);
    preflight.headers = rest;

    fuzz_origin(text, preflight.origin);

    social_cors_origin_parse(social_str("*"), buf, &any, &reason);
    fuzz_preflight(&any, &preflight);

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
    fuzz_assert(buf != NULL && again != NULL);

    if (social_cors_origin_parse(text, buf, &o, &reason) != SOCIAL_OK) {
        fuzz_assert(reason != NULL && *reason != '\0');
        goto done;
    }

    if (o.kind == SOCIAL_CORS_EXACT) {
        fuzz_assert(social_cors_origin_match(&o, 1, o.text));
        fuzz_assert(social_cors_origin_parse(o.text, again, &same, &reason)
                    == SOCIAL_OK);
        fuzz_assert(social_cors_origin_same(&o, &same));
    }

    if (!social_cors_origin_match(&o, 1, value) || o.kind == SOCIAL_CORS_ANY) {
        goto done;
    }

    fuzz_assert(social_cors_origin_parse(value, again, &same, &reason)
                == SOCIAL_OK);
    fuzz_assert(same.kind == SOCIAL_CORS_EXACT);
    fuzz_assert(social_str_eq(same.text, value));

done:

    free(buf);
    free(again);
}


/*
 * The answer keeps within its size, and never names Authorization unless it
 * was listed.
 */

static void
fuzz_preflight(const social_cors_origin_t *origin,
    const social_cors_preflight_t *preflight)
{
    size_t                 n;
    social_str_t           refused, rest, name;
    unsigned char         *out;
    social_cors_rules_t    rules;
    social_cors_verdict_e  verdict;

    memset(&rules, 0, sizeof(rules));

    rules.origins = origin;
    rules.norigins = 1;
    rules.any_method = true;
    rules.any_header = true;

    verdict = social_cors_preflight(&rules, preflight, &refused);

    n = social_cors_allow_headers_size(&rules, preflight->headers);
    out = malloc(n + 1);
    fuzz_assert(out != NULL);

    rest.data = out;
    rest.len = social_cors_allow_headers(&rules, preflight->headers, out);
    fuzz_assert(rest.len <= n);

    while (social_cors_names_next(&rest, &name) == SOCIAL_OK) {
        fuzz_assert(!social_str_caseeq(name, social_str("authorization")));
    }

    fuzz_assert(rest.len == 0);
    fuzz_assert(verdict != SOCIAL_CORS_REFUSED_ORIGIN);

    free(out);
}


static void
fuzz_assert(bool truth)
{
    if (!truth) {
        abort();
    }
}
