
/*
 * Where credentials may be asked for, and how.
 */

#ifndef SOCIAL_CREDENTIALS_REQUEST_H
#define SOCIAL_CREDENTIALS_REQUEST_H


#include "social_buf.h"
#include "social_credentials.h"


#define SOCIAL_CREDENTIALS_MAX_URL   1024
#define SOCIAL_CREDENTIALS_MAX_AUTH  8192


/*
 * Each returns NULL, or a static text that says what would be right, and goes
 * after "must".
 */

/*
 * AWS_CONTAINER_CREDENTIALS_FULL_URI: https; or http to this machine
 * (127.0.0.0/8, [::1], localhost) or to the addresses of the agents of ECS and
 * EKS, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23].  Credentials would
 * otherwise be accepted from who can change a response, and a token sent to who
 * can read it.  (AWS: SDKs and Tools Reference, "Container credential
 * provider")
 */
const char *social_credentials_check_container(social_str_t url);

/*
 * The URL of a service that an operator configures: http or https, a host,
 * neither user name, query nor fragment.
 */
const char *social_credentials_check_endpoint(social_str_t url);

/*
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: a path.
 */
const char *social_credentials_check_path(social_str_t path);

/*
 * A token that is sent in a header as it is: one line.
 */
const char *social_credentials_check_token(social_str_t token);

/*
 * The ARN of a role, and the name of a session of it.  (AWS STS API Reference,
 * "AssumeRoleWithWebIdentity")
 */
const char *social_credentials_check_role(social_str_t role);
const char *social_credentials_check_session(social_str_t session);

/*
 * Writes the URL of STS in a region (AWS General Reference, "AWS Security Token
 * Service endpoints"), and the body of AssumeRoleWithWebIdentity, a form.
 * False: the region is not one, or there is no room in "b".
 */
bool social_credentials_sts_url(social_buf_t *b, social_str_t region);
bool social_credentials_sts_body(social_buf_t *b, social_str_t role,
    social_str_t session, social_str_t token);


#endif /* SOCIAL_CREDENTIALS_REQUEST_H */
