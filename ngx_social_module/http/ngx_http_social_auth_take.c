
/*
 * Where the token of a request is.
 */

#include "ngx_http_social_auth.h"


social_token_status_e
ngx_http_social_auth_take(ngx_http_request_t *r,
    ngx_http_social_auth_loc_conf_t *alcf, social_str_t *token)
{
    ngx_table_elt_t        *h;
    social_token_status_e   status;

    h = r->headers_in.authorization;

    if (h == NULL) {
        return SOCIAL_TOKEN_NONE;
    }

    status = social_token_from_bearer(ngx_http_social_view(&h->value), token);

    if (status == SOCIAL_TOKEN_OK && social_token_is_placeholder(*token)) {

        /* a script without a token: the same as none */

        return SOCIAL_TOKEN_NONE;
    }

    return status;
}
