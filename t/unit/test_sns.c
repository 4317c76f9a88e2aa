
#include <time.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "social_encoding.h"
#include "social_sns_cert.h"
#include "social_unit.h"


#define NOW   1767225600                    /* 2026-01-01 */
#define TIME  "2026-01-01T00:00:00.123Z"
#define HOST  "sns.us-west-2.amazonaws.com"

#define NOTIFICATION                                                          \
    "\"Type\":\"Notification\",\"MessageId\":\"22b80b92\","                   \
    "\"TopicArn\":\"arn:aws:sns:us-west-2:123456789012:MyTopic\","            \
    "\"Message\":\"a \\\"b\\\"\\n\\u00e9\",\"Timestamp\":\"" TIME "\","       \
    "\"SigningCertURL\":\"https://" HOST "/SimpleNotificationService-a.pem\"" \
    ",\"UnsubscribeURL\":\"https://" HOST "/?Action=Unsubscribe\""

#define CONFIRMATION                                                          \
    "\"Type\":\"SubscriptionConfirmation\",\"MessageId\":\"165545c9\","       \
    "\"Token\":\"2336\",\"TopicArn\":\"arn:aws:sns:us-west-2:1:MyTopic\","    \
    "\"Message\":\"You have chosen\",\"SubscribeURL\":\"https://" HOST        \
    "/?Action=ConfirmSubscription&Token=2336\",\"Timestamp\":\"" TIME "\","   \
    "\"SigningCertURL\":\"https://" HOST "/SimpleNotificationService-a.pem\""

#define SIGNED  ",\"SignatureVersion\":\"1\",\"Signature\":\"c2ln\""


static EVP_PKEY        *ca_key, *key, *other_key, *small_key, *ec_key;
static X509            *ca, *other_ca;
static social_json_t   *json;
static social_sns_t     sns;
static const char      *field, *why;


static social_rc_e
sns_read(const char *text)
{
    social_json_free(json);
    json = NULL;
    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    return social_sns_read(json, &sns, &field, &why);
}


static void
assert_string_to_sign(const char *expected)
{
    size_t          len;
    unsigned char   buf[1024];

    len = social_sns_string(&sns, NULL, 0);
    assert_true(len < sizeof(buf));

    memset(buf, 'X', sizeof(buf));
    assert_int_equal(social_sns_string(&sns, buf, len), len);
    assert_int_equal(buf[len], 'X');
    assert_str(((social_str_t) { len, buf }), expected);

    /* and not a byte more than there is room for */

    memset(buf, 'X', sizeof(buf));
    assert_int_equal(social_sns_string(&sns, buf, len - 3), len);
    assert_int_equal(buf[len - 3], 'X');
    assert_memory_equal(buf, expected, len - 3);
}


static void
test_notification(void **state)
{
    (void) state;

    assert_int_equal(sns_read("{" NOTIFICATION SIGNED "}"), SOCIAL_OK);
    assert_int_equal(sns.type, SOCIAL_SNS_NOTIFICATION);
    assert_int_equal(sns.version, 1);
    assert_int_equal(sns.time, NOW);
    assert_string_to_sign("Message\na \"b\"\n\xc3\xa9\nMessageId\n22b80b92\n"
                          "Timestamp\n" TIME "\nTopicArn\n"
                          "arn:aws:sns:us-west-2:123456789012:MyTopic\nType\n"
                          "Notification\n");

    assert_int_equal(sns_read("{" NOTIFICATION SIGNED ",\"Subject\":\"S\"}"),
                     SOCIAL_OK);
    assert_string_to_sign("Message\na \"b\"\n\xc3\xa9\nMessageId\n22b80b92\n"
                          "Subject\nS\nTimestamp\n" TIME "\nTopicArn\n"
                          "arn:aws:sns:us-west-2:123456789012:MyTopic\nType\n"
                          "Notification\n");

    /* an empty one is there, too, and one of null is not */

    assert_int_equal(sns_read("{" NOTIFICATION SIGNED ",\"Subject\":\"\"}"),
                     SOCIAL_OK);
    assert_true(sns.has_subject);

    assert_int_equal(sns_read("{" NOTIFICATION SIGNED ",\"Subject\":null}"),
                     SOCIAL_OK);
    assert_false(sns.has_subject);
}


static void
test_confirmation(void **state)
{
    (void) state;

    assert_int_equal(sns_read("{" CONFIRMATION ",\"Subject\":\"no\","
                              "\"SignatureVersion\":\"2\",\"Signature\":"
                              "\"c2ln\"}"), SOCIAL_OK);
    assert_int_equal(sns.type, SOCIAL_SNS_SUBSCRIPTION);
    assert_int_equal(sns.version, 2);
    assert_string_to_sign("Message\nYou have chosen\nMessageId\n165545c9\n"
                          "SubscribeURL\nhttps://" HOST
                          "/?Action=ConfirmSubscription&Token=2336\n"
                          "Timestamp\n" TIME "\nToken\n2336\nTopicArn\n"
                          "arn:aws:sns:us-west-2:1:MyTopic\nType\n"
                          "SubscriptionConfirmation\n");
}


static void
test_malformed(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        const char  *field;
    } bad[] = {
        { "{" CONFIRMATION "}", "Signature" },
        { "{\"Type\":\"X\"}", "Type" },
        { "{\"Type\":7}", "Type" },
        { "{}", "Type" },
        { "{\"Type\":\"Notification\"}", "MessageId" },
        { "{" NOTIFICATION SIGNED ",\"Subject\":5}", "Subject" },
        { "{" NOTIFICATION ",\"Signature\":\"a\",\"SignatureVersion\":\"3\"}",
          "SignatureVersion" },
        { "{" NOTIFICATION ",\"Signature\":\"a\",\"SignatureVersion\":1}",
          "SignatureVersion" },
        { "{" NOTIFICATION ",\"Signature\":\"\",\"SignatureVersion\":\"1\"}",
          "Signature" },
        { "{\"Type\":\"Notification\",\"MessageId\":\"1\",\"TopicArn\":\"t\","
          "\"Message\":\"m\",\"Timestamp\":\"now\",\"SigningCertURL\":\"u\""
          SIGNED "}", "Timestamp" },
        { "{\"Type\":\"UnsubscribeConfirmation\",\"MessageId\":\"1\","
          "\"TopicArn\":\"t\",\"Message\":\"m\",\"Timestamp\":\"" TIME "\","
          "\"SigningCertURL\":\"u\"" SIGNED "}", "Token" },
        { NULL, NULL }
    };

    (void) state;

    for (i = 0; bad[i].text != NULL; i++) {
        assert_int_equal(sns_read(bad[i].text), SOCIAL_MALFORMED);
        assert_string_equal(field, bad[i].field);
        assert_non_null(why);
    }
}


static void
test_recent(void **state)
{
    (void) state;

    assert_int_equal(sns_read("{" NOTIFICATION SIGNED "}"), SOCIAL_OK);
    assert_true(social_sns_is_recent(&sns, NOW));
    assert_true(social_sns_is_recent(&sns, NOW + SOCIAL_SNS_MAX_AGE));
    assert_false(social_sns_is_recent(&sns, NOW + SOCIAL_SNS_MAX_AGE + 1));
    assert_true(social_sns_is_recent(&sns, NOW - SOCIAL_SNS_MAX_AHEAD));
    assert_false(social_sns_is_recent(&sns, NOW - SOCIAL_SNS_MAX_AHEAD - 1));
}


static void
test_urls(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-a.pem",
        "https://sns.cn-north-1.amazonaws.com.cn/x.pem",
        "https://sns.us-gov-west-1.amazonaws.com/a/b.pem", NULL
    };

    static const char *const  bad[] = {
        "http://sns.us-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.us-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com@evil.example/x.pem",
        "https://evil.example:80@sns.us-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com:444/x.pem",
        "https://sns.evil.example.amazonaws.com/x.pem",
        "https://sns..amazonaws.com/x.pem",
        "https://sns.us.amazonaws.com/x.pem",
        "https://SNS.us-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com.cnn/x.pem",
        "https://sns.us-west-2.amazonaws.com",
        "https://sns.us-west-2.amazonaws.com/",
        "https://sns.us-west-2.amazonaws.com/x.crt",
        "https://sns.us-west-2.amazonaws.com/?x.pem",
        "https://sns.us-west-2.amazonaws.com/x.pem?",
        "https://sns.us-west-2.amazonaws.com/#x.pem",
        "https://sns.us-west-2.amazonaws.com\\@evil.example/x.pem",
        "https://sns.us-west-2.amazonaws.com/ x.pem",
        "https://sns.us-west-2.amazonaws.com/\r\nx.pem",
        "https://sns.us-west-2.amazonaws.com/\xc3\xa9.pem",
        "https://s3.us-west-2.amazonaws.com/x.pem",
        "https://xsns.us-west-2.amazonaws.com/x.pem",
        "https:///x.pem", "x.pem", "", NULL
    };

    char  text[SOCIAL_SNS_MAX_URL + 2];

    (void) state;

    for (i = 0; good[i] != NULL; i++) {
        assert_true(social_sns_is_cert_url(social_str(good[i]), S("")));
        assert_false(social_sns_is_cert_url(social_str(good[i]),
                                            S("localhost")));
        assert_false(social_sns_is_subscribe_url(social_str(good[i]), S("")));
    }

    for (i = 0; bad[i] != NULL; i++) {
        assert_false(social_sns_is_cert_url(social_str(bad[i]), S("")));
    }

    assert_true(social_sns_is_cert_url(S("https://localhost:8443/x.pem"),
                                       S("localhost:8443")));
    assert_false(social_sns_is_cert_url(S("https://localhost:8444/x.pem"),
                                        S("localhost:8443")));
    assert_false(social_sns_is_cert_url(S("https://localhost:84430/x.pem"),
                                        S("localhost:8443")));
    assert_false(social_sns_is_cert_url(S("https://localhost.evil/x.pem"),
                                        S("localhost")));
    assert_false(social_sns_is_cert_url(S("https://" HOST "/x.pem"),
                                        S("localhost:8443")));

    assert_true(social_sns_is_subscribe_url(S("https://" HOST
        "/?Action=ConfirmSubscription&TopicArn=arn&Token=1"), S("")));
    assert_false(social_sns_is_subscribe_url(S("https://" HOST
        "/?Action=Unsubscribe&TopicArn=arn&Token=1"), S("")));
    assert_false(social_sns_is_subscribe_url(S("https://evil.example"
        "/?Action=ConfirmSubscription&Token=1"), S("")));
    assert_false(social_sns_is_subscribe_url(S("http://" HOST
        "/?Action=ConfirmSubscription&Token=1"), S("")));

    snprintf(text, sizeof(text), "https://" HOST "/%0*d.pem",
             (int) (SOCIAL_SNS_MAX_URL - strlen("https://" HOST "/.pem")), 1);
    assert_true(social_sns_is_cert_url(social_str(text), S("")));
    snprintf(text, sizeof(text), "https://" HOST "/%0*d.pem",
             (int) (SOCIAL_SNS_MAX_URL - strlen("https://" HOST "/.pem")) + 1,
             1);
    assert_false(social_sns_is_cert_url(social_str(text), S("")));
}


/*
 * A certificate of "subject", valid from a day before to a day after NOW.
 */

static X509 *
make_cert(const char *subject, const char *names, EVP_PKEY *of, X509 *issuer,
    EVP_PKEY *by, int days)
{
    X509            *x509;
    X509V3_CTX       ctx;
    X509_EXTENSION  *ext;
    static long      serial;

    x509 = X509_new();
    assert_non_null(x509);

    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    ASN1_TIME_set(X509_getm_notBefore(x509), NOW - 86400);
    ASN1_TIME_set(X509_getm_notAfter(x509), NOW + days * 86400L);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               (const unsigned char *) subject, -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(issuer ? issuer : x509));
    X509_set_pubkey(x509, of);

    X509V3_set_ctx(&ctx, issuer ? issuer : x509, x509, NULL, NULL, 0);

    ext = names ? X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, names)
                : X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints,
                                      "critical,CA:TRUE");
    assert_non_null(ext);
    X509_add_ext(x509, ext, -1);
    X509_EXTENSION_free(ext);

    assert_true(X509_sign(x509, by, EVP_sha256()) > 0);

    return x509;
}


static social_str_t
pem_of(X509 *one, X509 *two)
{
    BIO             *bio;
    char            *p;
    long             n;
    unsigned char   *copy;

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, one);

    if (two != NULL) {
        PEM_write_bio_X509(bio, two);
    }

    n = BIO_get_mem_data(bio, &p);
    copy = malloc((size_t) n);
    assert_non_null(copy);
    memcpy(copy, p, (size_t) n);
    BIO_free(bio);

    return (social_str_t) { (size_t) n, copy };
}


static social_rc_e
check_cert(X509 *one, X509 *two, const char *host, bool only, X509 *anchor)
{
    social_rc_e          rc;
    social_str_t         pem;
    social_sns_cert_t   *cert;
    social_sns_trust_t   trust;

    memset(&trust, 0, sizeof(trust));
    trust.host = social_str(host);
    trust.only_host = only;

    if (anchor != NULL) {
        trust.anchors = pem_of(anchor, NULL);
    }

    pem = pem_of(one, two);
    why = NULL;
    rc = social_sns_cert_parse(pem, &trust, NOW, &cert, &why);

    assert_true((rc == SOCIAL_OK) == (cert != NULL));
    assert_true(rc == SOCIAL_OK || why != NULL);

    social_sns_cert_destroy(cert);
    free((void *) (uintptr_t) pem.data);
    free((void *) (uintptr_t) trust.anchors.data);

    return rc;
}


static void
test_cert_names(void **state)
{
    X509  *x;

    (void) state;

    x = make_cert("sns.amazonaws.com", "DNS:sns.amazonaws.com", key, ca,
                  ca_key, 1);
    assert_int_equal(check_cert(x, NULL, HOST, false, NULL), SOCIAL_OK);
    assert_int_equal(check_cert(x, NULL, HOST, true, NULL), SOCIAL_DECLINED);
    assert_int_equal(check_cert(x, NULL, "localhost:8443", true, NULL),
                     SOCIAL_DECLINED);
    X509_free(x);

    x = make_cert("x", "DNS:sns-us-west-2.amazonaws.com", key, ca, ca_key, 1);
    assert_int_equal(check_cert(x, NULL, HOST, false, NULL), SOCIAL_OK);
    assert_int_equal(check_cert(x, NULL, "sns.us-west-1.amazonaws.com", false,
                                NULL), SOCIAL_DECLINED);
    X509_free(x);

    x = make_cert("x", "DNS:localhost", key, ca, ca_key, 1);
    assert_int_equal(check_cert(x, NULL, "localhost:8443", true, NULL),
                     SOCIAL_OK);
    assert_int_equal(check_cert(x, NULL, HOST, false, NULL), SOCIAL_DECLINED);
    assert_string_equal(why, "it is for another name");
    X509_free(x);

    x = make_cert("x", "IP:127.0.0.1", key, ca, ca_key, 1);
    assert_int_equal(check_cert(x, NULL, "127.0.0.1:8443", true, NULL),
                     SOCIAL_OK);
    assert_int_equal(check_cert(x, NULL, "127.0.0.2:8443", true, NULL),
                     SOCIAL_DECLINED);
    X509_free(x);
}


static void
test_cert_keys(void **state)
{
    X509                *x;
    social_sns_cert_t   *cert;
    social_sns_trust_t   trust;

    (void) state;

    x = make_cert("x", "DNS:localhost", small_key, ca, ca_key, 1);
    assert_int_equal(check_cert(x, NULL, "localhost", true, NULL),
                     SOCIAL_DECLINED);
    X509_free(x);

    x = make_cert("x", "DNS:localhost", ec_key, ca, ca_key, 1);
    assert_int_equal(check_cert(x, NULL, "localhost", true, NULL),
                     SOCIAL_DECLINED);
    X509_free(x);

    x = make_cert("x", "DNS:localhost", key, ca, ca_key, 0);
    assert_int_equal(check_cert(x, NULL, "localhost", true, NULL),
                     SOCIAL_DECLINED);
    assert_string_equal(why, "it has expired, or is not valid yet");
    X509_free(x);

    memset(&trust, 0, sizeof(trust));
    trust.host = S("localhost");

    assert_int_equal(social_sns_cert_parse(S("hello"), &trust, NOW, &cert,
                                           &why), SOCIAL_DECLINED);
    assert_int_equal(social_sns_cert_parse(S(""), &trust, NOW, &cert, &why),
                     SOCIAL_DECLINED);
    assert_int_equal(social_sns_cert_parse(S("-----BEGIN CERTIFICATE-----\n"
        "AAAA\n-----END CERTIFICATE-----\n"), &trust, NOW, &cert, &why),
        SOCIAL_DECLINED);
    assert_false(social_sns_cert_are_anchors(S("hello")));
}


static void
test_cert_chain(void **state)
{
    X509  *x, *middle, *self, *late;

    (void) state;

    x = make_cert("x", "DNS:localhost", key, ca, ca_key, 1);
    assert_int_equal(check_cert(x, NULL, "localhost", true, ca), SOCIAL_OK);
    assert_int_equal(check_cert(x, NULL, "localhost", true, other_ca),
                     SOCIAL_DECLINED);
    assert_string_equal(why, "its chain does not lead to a certificate that "
                             "is trusted");

    /* one that is named as an anchor need not be a root */

    assert_int_equal(check_cert(x, NULL, "localhost", true, x), SOCIAL_OK);
    X509_free(x);

    self = make_cert("localhost", "DNS:localhost", other_key, NULL, other_key,
                     1);
    assert_int_equal(check_cert(self, NULL, "localhost", true, ca),
                     SOCIAL_DECLINED);

    /* nor is what was sent with it an anchor */

    assert_int_equal(check_cert(self, self, "localhost", true, ca),
                     SOCIAL_DECLINED);
    X509_free(self);

    middle = make_cert("middle", NULL, other_key, ca, ca_key, 1);
    x = make_cert("x", "DNS:localhost", key, middle, other_key, 1);
    assert_int_equal(check_cert(x, NULL, "localhost", true, ca),
                     SOCIAL_DECLINED);
    assert_int_equal(check_cert(x, middle, "localhost", true, ca), SOCIAL_OK);
    assert_int_equal(check_cert(x, NULL, "localhost", true, middle),
                     SOCIAL_OK);
    X509_free(x);
    X509_free(middle);

    late = make_cert("middle", NULL, other_key, ca, ca_key, 0);
    x = make_cert("x", "DNS:localhost", key, late, other_key, 1);
    assert_int_equal(check_cert(x, late, "localhost", true, ca),
                     SOCIAL_DECLINED);
    X509_free(x);
    X509_free(late);
}


static void
sign(EVP_PKEY *by, const EVP_MD *md, char *out, size_t size)
{
    size_t          len, n;
    EVP_MD_CTX     *ctx;
    unsigned char   text[1024], signature[512], base64[1024];

    len = social_sns_string(&sns, text, sizeof(text));
    assert_true(len <= sizeof(text));

    ctx = EVP_MD_CTX_new();
    n = sizeof(signature);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, by), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &n, text, len), 1);
    EVP_MD_CTX_free(ctx);

    len = social_base64_encode((social_str_t) { n, signature }, base64);
    assert_true(len < size);
    memcpy(out, base64, len);
    out[len] = '\0';
}


static void
test_signatures(void **state)
{
    X509                *x;
    char                 text[1024];
    social_str_t         pem;
    social_sns_cert_t   *cert;
    social_sns_trust_t   trust;

    (void) state;

    memset(&trust, 0, sizeof(trust));
    trust.host = S("localhost");

    x = make_cert("x", "DNS:localhost", key, ca, ca_key, 1);
    pem = pem_of(x, NULL);
    assert_int_equal(social_sns_cert_parse(pem, &trust, NOW, &cert, &why),
                     SOCIAL_OK);
    X509_free(x);
    free((void *) (uintptr_t) pem.data);

    assert_true(social_sns_cert_is_current(cert, NOW));
    assert_false(social_sns_cert_is_current(cert, NOW + 90000));
    assert_false(social_sns_cert_is_current(cert, NOW - 90000));

    assert_int_equal(sns_read("{" NOTIFICATION SIGNED "}"), SOCIAL_OK);

    sign(key, EVP_sha1(), text, sizeof(text));
    sns.signature = social_str(text);
    assert_int_equal(social_sns_cert_verify(cert, &sns), SOCIAL_OK);

    /* which hash it is says the message */

    sns.version = 2;
    assert_int_equal(social_sns_cert_verify(cert, &sns), SOCIAL_DECLINED);

    sign(key, EVP_sha256(), text, sizeof(text));
    sns.signature = social_str(text);
    assert_int_equal(social_sns_cert_verify(cert, &sns), SOCIAL_OK);

    /* another message, another key */

    sns.message = S("other");
    assert_int_equal(social_sns_cert_verify(cert, &sns), SOCIAL_DECLINED);

    sign(other_key, EVP_sha256(), text, sizeof(text));
    sns.signature = social_str(text);
    assert_int_equal(social_sns_cert_verify(cert, &sns), SOCIAL_DECLINED);

    sns.signature = S("%%%");
    assert_int_equal(social_sns_cert_verify(cert, &sns), SOCIAL_DECLINED);
    sns.signature = S("");
    assert_int_equal(social_sns_cert_verify(cert, &sns), SOCIAL_DECLINED);

    social_sns_cert_destroy(cert);
    social_sns_cert_destroy(NULL);
}


static int
setup(void **state)
{
    (void) state;

    ca_key = EVP_RSA_gen(2048);
    key = EVP_RSA_gen(2048);
    other_key = EVP_RSA_gen(2048);
    small_key = EVP_RSA_gen(1024);
    ec_key = EVP_EC_gen("P-256");

    ca = make_cert("ca", NULL, ca_key, NULL, ca_key, 10);
    other_ca = make_cert("other", NULL, other_key, NULL, other_key, 10);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    X509_free(ca);
    X509_free(other_ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(small_key);
    EVP_PKEY_free(ec_key);
    social_json_free(json);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_notification),
        cmocka_unit_test(test_confirmation),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_recent),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_cert_names),
        cmocka_unit_test(test_cert_keys),
        cmocka_unit_test(test_cert_chain),
        cmocka_unit_test(test_signatures)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
