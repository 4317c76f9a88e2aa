
/*
 * Signing and verifying: aws-c-auth's suite and the examples of AWS's
 * documentation.
 */

#include <dirent.h>

#include <jansson.h>
#include <time.h>

#include "social_unit_sigv4.h"
#include "social_encoding.h"
#include "social_time.h"


#define SUITE  SOCIAL_TOP "/../shared/vectors/sigv4/v4"
#define DOCS   SOCIAL_TOP "/../shared/vectors/s3/aws-doc-s3-sigv4.json"


typedef struct {
    const char                  *name;
    json_t                      *context;
    social_credentials_t   credentials;
    social_sigv4_scope_t         scope;
    social_sigv4_mode_e          mode;
    int64_t                      expires;
    bool                         sign_body;
    bool                         token_after;
    unit_request_t               request;
    unsigned char               *text;
    unsigned char                digest[SOCIAL_SIGV4_SIGNATURE_SIZE];
} suite_case_t;


static social_str_t
member(const json_t *object, const char *name)
{
    const char    *text;
    social_str_t   none = { 0, NULL };

    text = json_string_value(json_object_get(object, name));

    return text ? social_str(text) : none;
}


static unsigned char *
suite_read(const char *name, const char *file, size_t *len)
{
    char            path[1024];
    unsigned char  *text;

    snprintf(path, sizeof(path), "%s/%s/%s", SUITE, name, file);

    text = social_unit_read(path, len);
    assert_non_null(text);

    return text;
}


static void
suite_expect(const char *name, const char *file, social_str_t got)
{
    size_t          len;
    unsigned char  *text;

    text = suite_read(name, file, &len);

    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }

    if (got.len != len || memcmp(got.data, text, len) != 0) {
        fail_msg("%s/%s:\n%.*s\nand not\n%.*s", name, file, (int) len, text,
                 (int) got.len, got.data);
    }

    free(text);
}


static void
suite_load(suite_case_t *c, const char *name)
{
    size_t         len;
    struct tm      tm;
    social_str_t   s;
    unsigned char  raw[SOCIAL_SHA256_SIZE], *text;

    memset(c, 0, sizeof(suite_case_t));
    c->name = name;

    text = suite_read(name, "context.json", &len);
    c->context = json_loadb((char *) text, len, 0, NULL);
    assert_non_null(c->context);
    free(text);

    memset(&tm, 0, sizeof(struct tm));
    assert_non_null(strptime(json_string_value(json_object_get(c->context,
                                                               "timestamp")),
                             "%Y-%m-%dT%H:%M:%SZ", &tm));
    c->scope.now = timegm(&tm);

    c->scope.region = member(c->context, "region");
    c->scope.service = member(c->context, "service");
    c->mode = json_is_true(json_object_get(c->context, "normalize"))
              ? SOCIAL_SIGV4_NORMALIZED : SOCIAL_SIGV4_PLAIN;
    c->sign_body = json_is_true(json_object_get(c->context, "sign_body"));
    c->token_after =
        json_is_true(json_object_get(c->context, "omit_session_token"));
    c->expires = json_integer_value(
                     json_object_get(c->context, "expiration_in_seconds"));

    c->credentials.access_key = member(json_object_get(c->context,
                                           "credentials"), "access_key_id");
    c->credentials.secret = member(json_object_get(c->context,
                                       "credentials"), "secret_access_key");
    c->credentials.token = member(json_object_get(c->context, "credentials"),
                                  "token");

    c->text = suite_read(name, "request.txt", &len);
    unit_request_parse(&c->request, c->text, len);
    c->request.request.mode = c->mode;

    assert_int_equal(social_sha256(c->request.body, raw), SOCIAL_OK);
    s.data = raw;
    s.len = sizeof(raw);
    social_hex_encode(s, c->digest);
}


static void
suite_free(suite_case_t *c)
{
    json_decref(c->context);
    free(c->text);
}


/*
 * What the suite's own signer sends, verified; where the session token was
 * added after signing, that is refused, as S3 would.
 */

static void
suite_verify(suite_case_t *c, const char *file, social_sigv4_status_e after)
{
    size_t                   len;
    unsigned char           *text;
    unit_request_t           r;
    social_sigv4_status_e    status;
    social_sigv4_verified_t  verified;

    len = 0;
    text = suite_read(c->name, file, &len);
    unit_request_parse(&r, text, len);
    r.request.mode = c->mode;
    r.request.payload.data = c->digest;
    r.request.payload.len = sizeof(c->digest);

    status = unit_verify(&c->credentials, &c->scope, &r.request,
                         c->scope.now + 1, &verified);

    if (status != (c->token_after ? after : SOCIAL_SIGV4_OK)) {
        fail_msg("%s/%s: %d\n%.*s", c->name, file, (int) status,
                 (int) verified.canonical.len, verified.canonical.data);
    }

    free(text);
}


static void
suite_headers(const char *name)
{
    suite_case_t                c;
    social_buf_t                work;
    social_sigv4_signed_t       made;
    social_sigv4_verified_t     verified;
    social_credentials_t  signing;

    suite_load(&c, name);
    signing = c.credentials;

    if (c.token_after) {
        signing.token.len = 0;
    }

    if (c.sign_body) {
        c.request.request.payload.data = c.digest;
        c.request.request.payload.len = sizeof(c.digest);
    }

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_headers(&signing, &c.scope,
                         &c.request.request, &work, &made), SOCIAL_OK);

    suite_expect(name, "header-canonical-request.txt", made.canonical);
    suite_expect(name, "header-string-to-sign.txt", made.string_to_sign);
    suite_expect(name, "header-signature.txt", made.signature);

    unit_request_signed(&c.request, &made);
    assert_int_equal(unit_verify(&signing, &c.scope, &c.request.request,
                                 c.scope.now, &verified), SOCIAL_SIGV4_OK);
    assert_true(social_str_eq(verified.canonical, made.canonical));

    suite_verify(&c, "header-signed-request.txt", SOCIAL_SIGV4_NOT_SIGNED);
    suite_free(&c);
}


static void
suite_query(const char *name)
{
    suite_case_t                c;
    social_buf_t                work;
    social_sigv4_signed_t       made;
    social_sigv4_verified_t     verified;
    social_credentials_t  signing;

    suite_load(&c, name);
    signing = c.credentials;

    if (c.token_after) {
        signing.token.len = 0;
    }

    c.request.request.payload.data = c.digest;
    c.request.request.payload.len = sizeof(c.digest);

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_query(&signing, &c.scope,
                         &c.request.request, c.expires, &work, &made),
                     SOCIAL_OK);

    suite_expect(name, "query-canonical-request.txt", made.canonical);
    suite_expect(name, "query-string-to-sign.txt", made.string_to_sign);
    suite_expect(name, "query-signature.txt", made.signature);

    c.request.request.query = made.query;
    assert_int_equal(unit_verify(&signing, &c.scope, &c.request.request,
                                 c.scope.now, &verified), SOCIAL_SIGV4_OK);
    assert_true(social_str_eq(verified.canonical, made.canonical));

    suite_verify(&c, "query-signed-request.txt", SOCIAL_SIGV4_SIGNATURE);
    suite_free(&c);
}


static void
test_suite(void **state)
{
    DIR            *dir;
    size_t          n;
    struct dirent  *e;

    (void) state;

    dir = opendir(SUITE);
    if (dir == NULL) {
        print_message("SKIPPED: %s is not there\n", SUITE);
        skip();
    }

    n = 0;

    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] != '.') {
            suite_headers(e->d_name);
            suite_query(e->d_name);
            n++;
        }
    }

    closedir(dir);

    print_message("%zu cases, each with headers and in a query\n", n);
    assert_true(n >= 38);
}


static void
docs_policy(json_t *test, const social_credentials_t *credentials,
    social_str_t date, social_str_t region, social_str_t service)
{
    social_str_t        s;
    unsigned char       text[SOCIAL_SIGV4_SIGNATURE_SIZE];
    social_sigv4_key_t  key;

    date.len = 8;
    assert_int_equal(social_sigv4_key(credentials->secret, date, region,
                                      service, &key), SOCIAL_OK);

    s.data = key.key;
    s.len = sizeof(key.key);
    social_hex_encode(s, text);
    assert_memory_equal(text, member(test, "signing_key_hex").data, 64);

    assert_int_equal(social_sigv4_signature(&key,
                         member(test, "policy_base64"), text), SOCIAL_OK);
    assert_memory_equal(text, member(test, "expected_signature").data, 64);
}


static void
docs_request(json_t *test, const social_credentials_t *credentials,
    social_sigv4_scope_t *scope, bool presign)
{
    json_t                   *value;
    const char               *name;
    social_buf_t              work;
    social_str_t              query;
    unit_request_t            r;
    social_sigv4_signed_t     made;
    social_sigv4_verified_t   verified;

    memset(&r, 0, sizeof(r));
    r.request.method = member(test, "method");
    r.request.path = member(test, "path");

    json_object_foreach(json_object_get(test, "headers"), name, value) {
        if (strcmp(name, "x-amz-date") != 0
            && strcmp(name, "x-amz-content-sha256") != 0)
        {
            unit_request_add(&r, social_str(name),
                             social_str(json_string_value(value)));
        }
    }

    social_buf_init(&work, unit_work, sizeof(unit_work));

    if (presign) {
        assert_int_equal(social_sigv4_sign_query(credentials, scope,
                             &r.request, 86400, &work, &made), SOCIAL_OK);

    } else {
        query = member(test, "canonical_query");
        r.request.query = query;
        r.request.payload = member(test, "payload_hash");
        assert_int_equal(social_sigv4_sign_headers(credentials, scope,
                             &r.request, &work, &made), SOCIAL_OK);
    }

    assert_true(social_str_eq(made.canonical,
                              member(test, "canonical_request")));
    assert_true(social_str_eq(made.string_to_sign,
                              member(test, "string_to_sign")));
    assert_true(social_str_eq(made.signed_headers,
                              member(test, "signed_headers")));
    assert_true(social_str_eq(made.signature,
                              member(test, "expected_signature")));

    if (presign) {
        r.request.query = made.query;

    } else {
        unit_request_signed(&r, &made);
        r.request.payload.len = 0;
    }

    assert_int_equal(unit_verify(credentials, scope, &r.request, scope->now,
                                 &verified), SOCIAL_SIGV4_OK);
    assert_int_equal(verified.payload,
                     presign ? SOCIAL_SIGV4_PAYLOAD_UNSIGNED
                             : SOCIAL_SIGV4_PAYLOAD_DIGEST);
}


static void
test_docs(void **state)
{
    size_t                       i, len;
    json_t                      *root, *tests, *test;
    const char                  *kind;
    social_str_t                 date;
    unsigned char               *text;
    social_sigv4_scope_t         scope;
    social_credentials_t   credentials;

    (void) state;

    len = 0;
    text = social_unit_read(DOCS, &len);
    if (text == NULL) {
        print_message("SKIPPED: %s is not there\n", DOCS);
        skip();
    }

    root = json_loadb((char *) text, len, 0, NULL);
    assert_non_null(root);

    tests = json_object_get(root, "tests");
    assert_true(json_array_size(tests) >= 6);

    json_array_foreach(tests, i, test) {

        memset(&credentials, 0, sizeof(credentials));
        memset(&scope, 0, sizeof(scope));

        credentials.access_key = member(test, "access_key_id");
        credentials.secret = member(test, "secret_access_key");
        scope.region = member(test, "region");
        scope.service = member(test, "service");

        date = member(test, "timestamp");
        assert_int_equal(social_time_amz_parse(date, &scope.now), SOCIAL_OK);

        kind = json_string_value(json_object_get(test, "kind"));

        if (strcmp(kind, "post-policy") == 0) {
            docs_policy(test, &credentials, date, scope.region,
                        scope.service);

        } else {
            docs_request(test, &credentials, &scope,
                         strcmp(kind, "presign-query") == 0);
        }
    }

    json_decref(root);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_docs),
    };

    return cmocka_run_group_tests_name("sigv4_suite", tests, NULL, NULL);
}
