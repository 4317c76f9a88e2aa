
/*
 * Tokens that RDS and Aurora accept as a password (Amazon RDS User Guide, "IAM
 * database authentication"): a signed query, as a URL without its scheme.
 */

#ifndef SOCIAL_RDS_H
#define SOCIAL_RDS_H


#include "social_sigv4.h"


#define SOCIAL_RDS_EXPIRES    900        /* seconds; RDS accepts no more */

/* enough work for session tokens of AWS, of 2 kB or so */
#define SOCIAL_RDS_WORK_SIZE  32768


/*
 * The region in the name of an endpoint, as in
 * "db.c1a2b3.eu-west-1.rds.amazonaws.com"; a view of it.  False: it is not the
 * name of one.
 */
bool social_rds_region(social_str_t host, social_str_t *region);

/*
 * Makes a token, a view of "work", for "user" to log in at "host" and "port"
 * (the name and the number of the endpoint) from "now" on.  SOCIAL_MALFORMED:
 * one of them is empty, not valid or too long; SOCIAL_FAILED: OpenSSL.  The
 * caller wipes "work".
 */
social_rc_e social_rds_token(const social_credentials_t *credentials,
    social_str_t region, social_str_t host, social_str_t port,
    social_str_t user, int64_t now, social_buf_t *work, social_str_t *token);


#endif /* SOCIAL_RDS_H */
