
/*
 * "iam=on" of "social_database": tokens of IAM as passwords for RDS and Aurora.
 */

#ifndef NGX_HTTP_SOCIAL_IAM_H
#define NGX_HTTP_SOCIAL_IAM_H


#include "ngx_http_social_credentials.h"
#include "social_pq_connect.h"


typedef struct {
    ngx_flag_t             on;
    ngx_str_t              region;         /* empty: that of the endpoint */
    ngx_str_t              credentials;    /* empty: "env" */
    ngx_http_social_credentials_t  *keys;
} ngx_http_social_iam_t;


/*
 * While the configuration is read: reads the credentials, and refuses what
 * cannot work or would send a token without TLS.  NGX_CONF_ERROR: already
 * logged.
 */
char *ngx_http_social_iam_init(ngx_conf_t *cf, ngx_http_social_iam_t *iam);

/*
 * Refuses a connection string that would send a token without TLS, or to a
 * host whose region is not known.
 */
char *ngx_http_social_iam_check(ngx_conf_t *cf,
    const ngx_http_social_iam_t *iam, ngx_str_t *conninfo);

/*
 * Makes a password, in a thread; otherwise as social_pq_password_pt.
 */
social_rc_e ngx_http_social_iam_password(const ngx_http_social_iam_t *iam,
    const char *host, const char *port, const char *user, char *password,
    char *why, size_t size);


#endif /* NGX_HTTP_SOCIAL_IAM_H */
