
/*
 * AWS's shared credentials file: profiles of access keys.
 * (AWS: SDKs and Tools Reference, Shared config and credentials files)
 */

#ifndef SOCIAL_CREDENTIALS_H
#define SOCIAL_CREDENTIALS_H


#include "social_rc.h"
#include "social_str.h"


typedef struct {
    social_str_t   access_key;
    social_str_t   secret;
    social_str_t   token;          /* empty, unless they are temporary */
} social_credentials_t;


/*
 * Finds a profile ("default" is one) in the text of such a file; the views
 * are of it.  SOCIAL_DECLINED: there is no such profile; SOCIAL_MALFORMED: it
 * lacks the access key or the secret.
 */
social_rc_e social_credentials_parse(social_str_t text, social_str_t profile,
    social_credentials_t *credentials);


#endif /* SOCIAL_CREDENTIALS_H */
