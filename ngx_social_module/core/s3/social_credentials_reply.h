
/*
 * What the services say that give credentials away: containers, instances and
 * STS.
 */

#ifndef SOCIAL_CREDENTIALS_REPLY_H
#define SOCIAL_CREDENTIALS_REPLY_H


#include "social_credentials.h"


/* of a reply; those of AWS have 1 to 3 kB */
#define SOCIAL_CREDENTIALS_MAX_REPLY  16384

#define SOCIAL_CREDENTIALS_MAX_ROLE   64
#define SOCIAL_CREDENTIALS_MAX_CODE   64


/*
 * Reads the JSON of a container's endpoint or an instance's metadata (Amazon
 * ECS Developer Guide, "Task IAM role"; Amazon EC2 User Guide, "Retrieve
 * security credentials from instance metadata"), which is written over; the
 * views are of it.  Token and Expiration are required.  SOCIAL_DECLINED: it is
 * a refusal, and "code", which is empty otherwise, has its Code: 1 to
 * SOCIAL_CREDENTIALS_MAX_CODE letters and digits.  SOCIAL_MALFORMED: it is not
 * such a reply, or its credentials are not valid by
 * social_credentials_check().  SOCIAL_FAILED: out of memory.
 */
social_rc_e social_credentials_read_json(unsigned char *text, size_t len,
    social_credentials_t *credentials, social_str_t *code);

/*
 * Reads the XML of AssumeRoleWithWebIdentity (AWS STS API Reference); the views
 * are of it.  Errors as above, but for refusals, which have another status.
 */
social_rc_e social_credentials_read_xml(social_str_t text,
    social_credentials_t *credentials);

/*
 * Reads the name of an instance's role out of a list of them: the first line,
 * with the characters of names in IAM.  False: it is not one.
 */
bool social_credentials_read_role(social_str_t text, social_str_t *role);


#endif /* SOCIAL_CREDENTIALS_REPLY_H */
