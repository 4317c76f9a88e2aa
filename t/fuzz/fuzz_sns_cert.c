
/*
 * Certificates in PEM, of SNS and of those that are trusted: whatever is in
 * them, they are refused with a reason, or can be verified with.
 */

#include "fuzz.h"
#include "social_sns_cert.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char          *why;
    social_rc_e          rc;
    social_str_t         text;
    social_sns_t         sns;
    social_sns_cert_t   *cert;
    social_sns_trust_t   trust;

    text = fuzz_copy(data, size);

    memset(&trust, 0, sizeof(social_sns_trust_t));
    memset(&sns, 0, sizeof(social_sns_t));

    trust.host = social_str("sns.us-east-1.amazonaws.com");
    sns.signature = social_str("c2ln");

    rc = social_sns_cert_parse(text, &trust, 1798761600, &cert, &why);

    FUZZ_CHECK((rc == SOCIAL_OK) == (cert != NULL));
    FUZZ_CHECK(rc == SOCIAL_OK || rc == SOCIAL_DECLINED);

    if (rc == SOCIAL_OK) {
        FUZZ_CHECK(social_sns_cert_is_current(cert, 1798761600));
        FUZZ_CHECK(social_sns_cert_verify(cert, &sns) == SOCIAL_DECLINED);
        social_sns_cert_destroy(cert);
    }

    if (social_sns_cert_are_anchors(text)) {
        trust.anchors = text;
        rc = social_sns_cert_parse(text, &trust, 1798761600, &cert, &why);
        social_sns_cert_destroy(cert);
    }

    fuzz_free(text);

    return 0;
}
