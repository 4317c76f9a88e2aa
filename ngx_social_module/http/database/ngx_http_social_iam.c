
/*
 * Tokens of IAM as passwords.
 *
 * A token is good for a quarter of an hour, and only for logging in: each
 * connection gets one of its own.
 */

#include "ngx_http_social_iam.h"
#include "social_rds.h"


static social_rc_e ngx_http_social_iam_token(
    const ngx_http_social_iam_t *iam, const social_credentials_t *keys,
    const char *host, const char *port, const char *user, char *password,
    char *why, size_t size);


char *
ngx_http_social_iam_init(ngx_conf_t *cf, ngx_http_social_iam_t *iam)
{
    char       error[SOCIAL_NET_ERROR_SIZE];
    u_char    *p;
    ngx_str_t  text, file, who;

    if (!iam->on) {

        if (iam->region.len || iam->credentials.len) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"region\" and \"credentials\" need \"iam=on\" in "
                       "\"social_database\" directive");
        }

        return NGX_CONF_OK;
    }

    text = iam->credentials;

    if (text.len == 0) {
        ngx_str_set(&text, "env");
    }

    if (ngx_strncmp(text.data, "file ", 5) == 0) {

        file.data = text.data + 5;
        file.len = text.len - 5;

        if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        p = ngx_pnalloc(cf->pool, sizeof("file ") + file.len);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        text.data = p;
        text.len = ngx_sprintf(p, "file %V%Z", &file) - p - 1;
    }

    ngx_str_set(&who, "\"social_database\"");

    iam->keys = ngx_http_social_credentials_add(cf, &text, &iam->region, &who,
                                                error);
    if (iam->keys == NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "no usable credentials (%s) for \"iam\" in "
                   "\"social_database\" directive", error);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_social_iam_check(ngx_conf_t *cf, const ngx_http_social_iam_t *iam,
    ngx_str_t *conninfo)
{
    char                 why[NGX_MAX_CONF_ERRSTR / 4];
    size_t               i;
    social_rc_e          rc;
    const char          *wrong;
    social_str_t         region;
    social_pq_target_t   target;

    rc = social_pq_target_read((char *) conninfo->data, &target, why,
                               sizeof(why));

    if (rc == SOCIAL_DECLINED) {
        return ngx_http_social_conf_error(cf, NULL,
                   "the connection string is not valid (%s) in "
                   "\"social_database\" directive", why);
    }

    if (rc != SOCIAL_OK) {
        return NGX_CONF_ERROR;
    }

    wrong = NULL;

    if (!social_pq_target_is_encrypted(&target)) {
        wrong = "\"iam=on\" needs TLS (sslmode=verify-full, or require) and "
                "no socket of this machine";
    }

    for (i = 0; wrong == NULL && i < target.n; i++) {

        if (target.hosts[i].host[0] == '\0') {
            wrong = "\"iam=on\" needs the name of the endpoint in \"host\"";

        } else if (iam->region.len == 0
                   && !social_rds_region(social_str(target.hosts[i].host),
                                         &region))
        {
            wrong = "no region is known for \"iam=on\" (the host is not an "
                    "endpoint of RDS; add \"region\")";
        }
    }

    social_pq_target_free(&target);

    if (wrong != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                                  "%s in \"social_database\" directive", wrong);
    }

    return NGX_CONF_OK;
}


social_rc_e
ngx_http_social_iam_password(const ngx_http_social_iam_t *iam,
    const char *host, const char *port, const char *user, char *password,
    char *why, size_t size)
{
    social_rc_e               rc;
    social_net_credentials_t  credentials;

    if (ngx_http_social_credentials_copy(iam->keys, &credentials) != NGX_OK) {
        (void) ngx_snprintf((u_char *) why, size,
                            "there are no credentials now%Z");
        why[size - 1] = '\0';
        return SOCIAL_DECLINED;
    }

    rc = ngx_http_social_iam_token(iam, &credentials.keys, host, port, user,
                                   password, why, size);

    social_net_credentials_free(&credentials);

    return rc;
}


static social_rc_e
ngx_http_social_iam_token(const ngx_http_social_iam_t *iam,
    const social_credentials_t *keys, const char *host, const char *port,
    const char *user, char *password, char *why, size_t size)
{
    u_char        buf[SOCIAL_RDS_WORK_SIZE];
    social_rc_e   rc;
    social_buf_t  work;
    social_str_t  region, token;

    region.data = iam->region.data;
    region.len = iam->region.len;
    token.data = NULL;
    token.len = 0;
    rc = SOCIAL_MALFORMED;

    social_buf_init(&work, buf, sizeof(buf));

    if (region.len || social_rds_region(social_str(host), &region)) {
        rc = social_rds_token(keys, region, social_str(host),
                              social_str(port), social_str(user), time(NULL),
                              &work, &token);
    }

    if (rc == SOCIAL_OK && token.len < SOCIAL_PQ_PASSWORD_SIZE) {
        ngx_memcpy(password, token.data, token.len);
        password[token.len] = '\0';

    } else {
        (void) ngx_snprintf((u_char *) why, size, "no IAM token could be made"
                            "%Z");
        rc = SOCIAL_DECLINED;
    }

    ngx_explicit_memzero(buf, sizeof(buf));

    return rc;
}
