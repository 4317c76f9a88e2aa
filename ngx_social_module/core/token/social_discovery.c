
/*
 * OpenID Connect Discovery, as far as keys go.
 */

#include <string.h>

#include "social_discovery.h"
#include "social_json.h"


static social_rc_e social_discovery_read(const social_json_t *json,
    social_str_t issuer, char *uri, const char **why);


size_t
social_discovery_url(social_str_t issuer, unsigned char *buf, size_t size)
{
    size_t                     len;
    static const social_str_t  path =
        social_string("/.well-known/openid-configuration");

    if (issuer.len && issuer.data[issuer.len - 1] == '/') {
        issuer.len--;
    }

    len = issuer.len + path.len;

    if (len < size) {
        memcpy(buf, issuer.data, issuer.len);
        memcpy(buf + issuer.len, path.data, path.len);
        buf[len] = '\0';
    }

    return len;
}


social_rc_e
social_discovery_parse(social_str_t text, social_str_t issuer, char *uri,
    const char **why)
{
    social_rc_e     rc;
    social_json_t  *json;

    *why = "out of memory";

    rc = social_json_parse(social_json_unmarked(text), &json);

    if (rc != SOCIAL_OK) {
        if (rc == SOCIAL_MALFORMED) {
            *why = "the discovery document is not a JSON object";
        }

        return rc;
    }

    rc = social_discovery_read(json, issuer, uri, why);

    social_json_free(json);

    return rc;
}


static social_rc_e
social_discovery_read(const social_json_t *json, social_str_t issuer,
    char *uri, const char **why)
{
    social_rc_e                rc;
    social_str_t               s;
    static const social_str_t  issuer_name = social_string("issuer");
    static const social_str_t  uri_name = social_string("jwks_uri");
    static const social_str_t  http = social_string("http://");

    /*
     * Compared before anything else is used: the server of one issuer must not
     * name the keys of another.
     */

    rc = social_json_string(social_json_member(json, issuer_name), &s);

    if (rc != SOCIAL_OK) {
        *why = "the discovery document has no string \"issuer\"";
        return rc;
    }

    if (!social_str_eq(s, issuer)) {
        *why = "the \"issuer\" of the discovery document is not the "
               "configured one";
        return SOCIAL_DECLINED;
    }

    rc = social_json_string(social_json_member(json, uri_name), &s);

    if (rc != SOCIAL_OK) {
        *why = "the discovery document has no string \"jwks_uri\"";
        return rc;
    }

    if (social_url_check(s, false, why) != SOCIAL_OK
        || (social_str_starts(s, http) && !social_str_starts(issuer, http)))
    {
        *why = "the \"jwks_uri\" of the discovery document is not an https "
               "URL that keys may be fetched from";
        return SOCIAL_DECLINED;
    }

    memcpy(uri, s.data, s.len);
    uri[s.len] = '\0';

    return SOCIAL_OK;
}
