
/*
 * Preflights: the requested method and headers, against the configured lists.
 */

#include <string.h>

#include "social_cors.h"


static bool social_cors_method_allowed(const social_cors_rules_t *rules,
    social_str_t method);
static bool social_cors_header_listed(const social_cors_rules_t *rules,
    social_str_t name);
static bool social_cors_is_authorization(social_str_t name);
static bool social_cors_names_valid(social_str_t list);
static unsigned char *social_cors_append(const unsigned char *start,
    unsigned char *p, social_str_t name);


social_rc_e
social_cors_names_next(social_str_t *rest, social_str_t *name)
{
    size_t         i;
    unsigned char *comma;

    name->len = 0;
    name->data = rest->data;

    if (rest->len == 0) {
        return SOCIAL_DECLINED;
    }

    comma = memchr(rest->data, ',', rest->len);
    i = (comma != NULL) ? (size_t) (comma - rest->data) : rest->len;

    name->len = i;
    *name = social_str_trim(*name);

    if (!social_str_is_token(*name)) {
        return SOCIAL_MALFORMED;
    }

    if (comma == NULL) {
        rest->data += i;
        rest->len = 0;
        return SOCIAL_OK;
    }

    rest->data += i + 1;
    rest->len -= i + 1;

    /* a comma is followed by another name */

    return (rest->len == 0) ? SOCIAL_MALFORMED : SOCIAL_OK;
}


social_cors_verdict_e
social_cors_preflight(const social_cors_rules_t *rules,
    const social_cors_preflight_t *preflight, social_str_t *refused)
{
    social_str_t  rest, name;

    refused->len = 0;
    refused->data = NULL;

    if (!social_cors_origin_match(rules->origins, rules->norigins,
                                  preflight->origin))
    {
        *refused = preflight->origin;
        return SOCIAL_CORS_REFUSED_ORIGIN;
    }

    if (!social_cors_method_allowed(rules, preflight->method)) {
        *refused = preflight->method;
        return SOCIAL_CORS_REFUSED_METHOD;
    }

    if (!social_cors_names_valid(preflight->headers)) {
        *refused = preflight->headers;
        return SOCIAL_CORS_REFUSED_HEADER;
    }

    rest = preflight->headers;

    while (social_cors_names_next(&rest, &name) == SOCIAL_OK) {

        if (social_cors_header_listed(rules, name)
            || (rules->any_header && !social_cors_is_authorization(name)))
        {
            continue;
        }

        *refused = name;
        return SOCIAL_CORS_REFUSED_HEADER;
    }

    return SOCIAL_CORS_ALLOWED;
}


/*
 * Methods are case-sensitive; those that a form can send need no permission
 * (Fetch, "CORS-safelisted method").
 */

static bool
social_cors_method_allowed(const social_cors_rules_t *rules,
    social_str_t method)
{
    size_t  i;

    if (!social_str_is_token(method)) {
        return false;
    }

    if (rules->any_method
        || social_str_eq(method, social_str("GET"))
        || social_str_eq(method, social_str("HEAD"))
        || social_str_eq(method, social_str("POST")))
    {
        return true;
    }

    for (i = 0; i < rules->nmethods; i++) {
        if (social_str_eq(rules->methods[i], method)) {
            return true;
        }
    }

    return false;
}


static bool
social_cors_header_listed(const social_cors_rules_t *rules, social_str_t name)
{
    size_t  i;

    for (i = 0; i < rules->nheaders; i++) {
        if (social_str_caseeq(rules->headers[i], name)) {
            return true;
        }
    }

    return false;
}


static bool
social_cors_is_authorization(social_str_t name)
{
    return social_str_caseeq(name, social_str("authorization"));
}


static bool
social_cors_names_valid(social_str_t list)
{
    social_rc_e   rc;
    social_str_t  name;

    if (list.len > SOCIAL_CORS_HEADERS_MAX) {
        return false;
    }

    do {
        rc = social_cors_names_next(&list, &name);
    } while (rc == SOCIAL_OK);

    return rc == SOCIAL_DECLINED;
}


size_t
social_cors_allow_headers_size(const social_cors_rules_t *rules,
    social_str_t requested)
{
    size_t  i, size;

    size = 0;

    for (i = 0; i < rules->nheaders; i++) {
        size += rules->headers[i].len + 2;
    }

    if (rules->any_header && requested.len <= SOCIAL_CORS_HEADERS_MAX) {
        /* each comma of the request grows by a space */
        size += 2 * requested.len + 2;
    }

    return size;
}


size_t
social_cors_allow_headers(const social_cors_rules_t *rules,
    social_str_t requested, unsigned char *out)
{
    size_t          i;
    social_str_t    name;
    unsigned char  *p;

    p = out;

    for (i = 0; i < rules->nheaders; i++) {
        p = social_cors_append(out, p, rules->headers[i]);
    }

    if (!rules->any_header || !social_cors_names_valid(requested)) {
        return (size_t) (p - out);
    }

    while (social_cors_names_next(&requested, &name) == SOCIAL_OK) {

        if (social_cors_is_authorization(name)
            || social_cors_header_listed(rules, name))
        {
            continue;
        }

        p = social_cors_append(out, p, name);
    }

    return (size_t) (p - out);
}


static unsigned char *
social_cors_append(const unsigned char *start, unsigned char *p,
    social_str_t name)
{
    if (p != start) {
        *p++ = ',';
        *p++ = ' ';
    }

    memcpy(p, name.data, name.len);

    return p + name.len;
}
