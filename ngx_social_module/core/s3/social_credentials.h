
/*
 * Credentials of AWS: limits, lifetimes, and the profiles of its shared files.
 * (AWS: SDKs and Tools Reference, "Shared config and credentials files")
 */

#ifndef SOCIAL_CREDENTIALS_H
#define SOCIAL_CREDENTIALS_H


#include "social_rc.h"
#include "social_str.h"


/*
 * AWS says of session tokens that they are typically shorter (IAM User Guide,
 * "AWS STS API"); those that it gives have 1 to 2 kB.
 */
#define SOCIAL_CREDENTIALS_MAX_TOKEN  4096


typedef struct {
    social_str_t   access_key;
    social_str_t   secret;
    social_str_t   token;          /* empty, unless they are temporary */
    int64_t        expires;        /* seconds since the epoch; 0: never */
} social_credentials_t;


/*
 * What a profile says; any view may be empty.
 */
typedef struct {
    bool                  found;
    social_credentials_t  keys;
    social_str_t          region;
    social_str_t          role;                  /* role_arn */
    social_str_t          session;               /* role_session_name */
    social_str_t          token_file;            /* web_identity_token_file */

    /* a setting that says where the keys are, and that is not supported */
    social_str_t          unsupported;
} social_credentials_profile_t;


/*
 * Finds a profile ("default" is one) in the text of a shared file: under
 * "[NAME]", or in a config file, "config", under "[profile NAME]" and
 * "[default]".  Of a setting that is there twice, the last one counts.  All
 * views are of the text.
 */
void social_credentials_profile_read(social_str_t text, social_str_t name,
    bool config, social_credentials_profile_t *profile);

/*
 * Adds what the config file says to what the credentials file says, which has
 * precedence.  Keys are taken together, from one of them.
 */
void social_credentials_profile_merge(social_credentials_profile_t *profile,
    const social_credentials_profile_t *config);

/*
 * Finds the keys of a profile of a credentials file.  SOCIAL_DECLINED: no
 * profile has that name; SOCIAL_MALFORMED: it lacks the access key or the
 * secret.
 */
social_rc_e social_credentials_parse(social_str_t text, social_str_t profile,
    social_credentials_t *credentials);

/*
 * Whether requests can be signed with them: access key and secret are there,
 * nothing is longer than the limits, and all is printable ASCII without
 * spaces, so that it can be sent in a header.  NULL, or a static text that
 * says what is wrong.
 */
const char *social_credentials_check(const social_credentials_t *credentials);

/*
 * Whether they have expired at "now".
 */
bool social_credentials_expired(const social_credentials_t *credentials,
    int64_t now);

/*
 * The seconds after which temporary credentials that were fetched at "now" are
 * fetched again: 15 minutes, or five minutes before they expire, by when AWS's
 * services have the next ones; with ten minutes left or less, half of that, and
 * at least one.
 */
int64_t social_credentials_refresh(const social_credentials_t *credentials,
    int64_t now);


#endif /* SOCIAL_CREDENTIALS_H */
