
/*
 * Verifying: what is malformed, what is too large, and what is answered.
 */

#include "social_unit_verify.h"


/*
 * A header that is none of ours: each says what it is refused for.
 */

static void
test_header_grammar(void **state)
{
    size_t    i;
    verify_t  v;

#define A  "AWS4-HMAC-SHA256 "
#define C  "Credential=" UNIT_ACCESS_KEY "/20260101/us-east-1/s3/aws4_request"
#define H  "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;" \
           "x-amz-meta-k"
#define G  "Signature=" EMPTY

    static const struct {
        const char             *text;
        social_sigv4_status_e   status;
    } cases[] = {
        { A C ", " H ", " G, SOCIAL_SIGV4_SIGNATURE },
        { A C "," H "," G, SOCIAL_SIGV4_SIGNATURE },
        { A G "," H "," C, SOCIAL_SIGV4_SIGNATURE },
        { "  " A " " C " , " H " , " G " ", SOCIAL_SIGV4_SIGNATURE },
        { "", SOCIAL_SIGV4_UNSUPPORTED },
        { "AWS AKID:c2ln", SOCIAL_SIGV4_UNSUPPORTED },
        { "Bearer x", SOCIAL_SIGV4_UNSUPPORTED },
        { "aws4-hmac-sha256 " C ", " H ", " G, SOCIAL_SIGV4_UNSUPPORTED },
        { "AWS4-ECDSA-P256-SHA256 " C ", " H ", " G,
          SOCIAL_SIGV4_UNSUPPORTED },
        { "AWS4-HMAC-SHA256", SOCIAL_SIGV4_HEADER },
        { A C ", " H, SOCIAL_SIGV4_HEADER },
        { A C ", " G, SOCIAL_SIGV4_HEADER },
        { A H ", " G, SOCIAL_SIGV4_HEADER },
        { A C ", " C ", " H ", " G, SOCIAL_SIGV4_HEADER },
        { A C ", " H ", " H ", " G, SOCIAL_SIGV4_HEADER },
        { A C ", " H ", " G ", " G, SOCIAL_SIGV4_HEADER },
        { A C ", " H ", " G ", X=1", SOCIAL_SIGV4_HEADER },
        { A "Credential=, " H ", " G, SOCIAL_SIGV4_HEADER },
        { A "Credential=a, " H ", " G, SOCIAL_SIGV4_HEADER },
        { A "Credential=/20260101/us-east-1/s3/aws4_request, " H ", " G,
          SOCIAL_SIGV4_HEADER },
        { A "Credential=a//us-east-1/s3/aws4_request, " H ", " G,
          SOCIAL_SIGV4_HEADER },
        { A "Credential=a/20260101/us-east-1/s3/aws4_reques, " H ", " G,
          SOCIAL_SIGV4_HEADER },
        { A "Credential=a/20260101/us-east-1/s3/, " H ", " G,
          SOCIAL_SIGV4_HEADER },
        { A "Credential=a/2026010/us-east-1/s3/aws4_request, " H ", " G,
          SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=host;content-type, " G, SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=host;host, " G, SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=Host, " G, SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=;host, " G, SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=host;, " G, SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=a;;host, " G, SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=;, " G, SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=, " G, SOCIAL_SIGV4_HEADER },
        { A C ", SignedHeaders=ho:st, " G, SOCIAL_SIGV4_HEADER },
        { A C ", " H ", Signature=", SOCIAL_SIGV4_HEADER },
        { A C ", " H ", Signature=e3", SOCIAL_SIGV4_HEADER },
        { A C ", " H ", " G "0", SOCIAL_SIGV4_HEADER },
        { A C ", " H ", Signature=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B"
          "934CA495991B7852B855", SOCIAL_SIGV4_HEADER },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(&v);
        unit_request_add(&v.r, S("Authorization"), social_str(cases[i].text));
        unit_request_add(&v.r, S("X-Amz-Date"), S("20260101T000000Z"));
        unit_request_add(&v.r, S("X-Amz-Content-Sha256"), S(EMPTY));

        if (verify(&v) != cases[i].status) {
            fail_msg("%s: %d", cases[i].text, (int) verify(&v));
        }
    }

    start(&v);
    sign_headers(&v);
    set(&v, "x-amz-date", S("Thu, 01 Jan 2026 00:00:00 GMT"));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_MISSING_HEADER);
    drop(&v, "x-amz-date");
    assert_int_equal(verify(&v), SOCIAL_SIGV4_MISSING_HEADER);

    start(&v);
    drop(&v, "x-amz-meta-k");
    unit_request_add(&v.r, S("Authorization"),
        S(A C ", SignedHeaders=host;x-amz-date, " G));
    unit_request_add(&v.r, S("X-Amz-Date"), S("20260101T000000Z"));
    assert_int_equal(verify(&v), SOCIAL_SIGV4_MISSING_HEADER);

    /* more names than a request can have headers */
    {
        static unsigned char  names[8192];
        social_buf_t          b;

        social_buf_init(&b, names, sizeof(names));
        social_buf_text(&b, A C ", " G ", SignedHeaders=a");
        for (i = 1; i < SOCIAL_SIGV4_MAX_HEADERS + 1; i++) {
            social_buf_byte(&b, ';');
            social_buf_byte(&b, (unsigned char) ('a' + i / 26));
            social_buf_byte(&b, (unsigned char) ('a' + i % 26));
        }

        start(&v);
        unit_request_add(&v.r, S("Authorization"), social_buf_since(&b, 0));
        assert_int_equal(verify(&v), SOCIAL_SIGV4_HEADER);
    }
}


static void
test_query_grammar(void **state)
{
    size_t    i;
    verify_t  v;

#undef C
#undef H
#undef G
#define L  "X-Amz-Algorithm=AWS4-HMAC-SHA256&"
#define C  "X-Amz-Credential=" UNIT_ACCESS_KEY                                \
           "%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&"
#define D  "X-Amz-Date=20260101T000000Z&"
#define E  "X-Amz-Expires=300&"
#define H  "X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-k&"
#define G  "X-Amz-Signature=" EMPTY

    static const struct {
        const char             *text;
        social_sigv4_status_e   status;
    } cases[] = {
        { L C D E H G, SOCIAL_SIGV4_SIGNATURE },
        { G "&" H E D C L, SOCIAL_SIGV4_SIGNATURE },
        { C D E H G, SOCIAL_SIGV4_QUERY },
        { L D E H G, SOCIAL_SIGV4_QUERY },
        { L C E H G, SOCIAL_SIGV4_QUERY },
        { L C D H G, SOCIAL_SIGV4_QUERY },
        { L C D E G, SOCIAL_SIGV4_QUERY },
        { L C D E H, SOCIAL_SIGV4_QUERY },
        { "x-amz-algorithm=AWS4-HMAC-SHA256&" C D E H G, SOCIAL_SIGV4_QUERY },
        { "X-AMZ-SIGNATURE=1", SOCIAL_SIGV4_QUERY },
        { "x-amz-signature=1&" L C D E H G, SOCIAL_SIGV4_SIGNATURE },
        { "X-Amz-Algorithm=AWS4-HMAC-SHA1&" C D E H G,
          SOCIAL_SIGV4_UNSUPPORTED },
        { "X-Amz-Algorithm&" C D E H G, SOCIAL_SIGV4_UNSUPPORTED },
        { L C "X-Amz-Date=2026&" E H G, SOCIAL_SIGV4_QUERY },
        { L C "X-Amz-Date=20260102T000000Z&" E H G, SOCIAL_SIGV4_QUERY },
        { L C "X-Amz-Date=19700101T000000Z&" E H G, SOCIAL_SIGV4_QUERY },
        { L C D "X-Amz-Expires=0&" H G, SOCIAL_SIGV4_QUERY },
        { L C D "X-Amz-Expires=&" H G, SOCIAL_SIGV4_QUERY },
        { L C D "X-Amz-Expires=-1&" H G, SOCIAL_SIGV4_QUERY },
        { L C D "X-Amz-Expires=%2B1&" H G, SOCIAL_SIGV4_QUERY },
        { L C D "X-Amz-Expires=1.5&" H G, SOCIAL_SIGV4_QUERY },
        { L C D "X-Amz-Expires=0x10&" H G, SOCIAL_SIGV4_QUERY },
        { L C D "X-Amz-Expires=604801&" H G, SOCIAL_SIGV4_QUERY },
        { L C D "X-Amz-Expires=18446744073709551617&" H G,
          SOCIAL_SIGV4_QUERY },
        { L C D E "X-Amz-SignedHeaders=&" G, SOCIAL_SIGV4_QUERY },
        { L C D E "X-Amz-SignedHeaders=host,x&" G, SOCIAL_SIGV4_QUERY },
        { L C D E H "X-Amz-Signature=0", SOCIAL_SIGV4_QUERY },
        { L C D E H G "%00", SOCIAL_SIGV4_MALFORMED },
        { L C D E H G "%zz", SOCIAL_SIGV4_MALFORMED },
        { L C D E H G "&a=%", SOCIAL_SIGV4_MALFORMED },
        { L "X-Amz-Credential=x&" D E H G, SOCIAL_SIGV4_QUERY },
        { L C D E H G "&X-Amz-Content-Sha256=x", SOCIAL_SIGV4_PAYLOAD },
        { L C D E H G "&X-Amz-Security-Token=x", SOCIAL_SIGV4_TOKEN },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(&v);
        v.r.request.query = social_str(cases[i].text);

        if (verify(&v) != cases[i].status) {
            fail_msg("%s: %d", cases[i].text, (int) verify(&v));
        }
    }
}


static void
test_limits(void **state)
{
    size_t          i;
    verify_t        v;
    social_buf_t    work;
    social_str_t    large;
    unsigned char  *space;

    (void) state;

    space = malloc(SOCIAL_SIGV4_WORK_SIZE);
    assert_non_null(space);
    memset(space, '/', SOCIAL_SIGV4_WORK_SIZE);
    large.data = space;

    large.len = SOCIAL_SIGV4_MAX_PATH + 1;
    both(none, v.r.request.path = large,
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    large.len = SOCIAL_SIGV4_MAX_QUERY + 1;
    both(none, v.r.request.query = large,
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    large.len = SOCIAL_SIGV4_MAX_HEADER_SIZE + 1;
    both(none, unit_request_add(&v.r, S("a"), large),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    both(none, while (v.r.request.header_count <= SOCIAL_SIGV4_MAX_HEADERS)
                   unit_request_add(&v.r, S("a"), S("b")),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    both(none, v.r.request.path = S(""),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    both(none, v.r.request.path = S("*"),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    both(none, v.r.request.path = S("/%00"),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    both(none, v.r.request.path = S("/%"),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    both(none, v.r.request.method = S(""),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    both(none, unit_request_add(&v.r, S("a"), S("b\nhost:x")),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);
    both(none, unit_request_add(&v.r, S("a b"), S("")),
         SOCIAL_SIGV4_MALFORMED, SOCIAL_SIGV4_MALFORMED);

    /* too little work refuses, and never accepts what is cut short */

    start(&v);
    sign_query(&v);

    for (i = 0; i < 4096; i++) {
        social_buf_init(&work, space, i);

        if (social_sigv4_verify(&v.policy, &v.r.request, v.now, &work,
                                &v.verified)
            == SOCIAL_SIGV4_OK)
        {
            break;
        }
    }

    assert_true(i > 1000 && i < 4096);
    free(space);
}


static void
test_errors(void **state)
{
    unsigned      i;
    social_str_t  message;

    (void) state;

    assert_int_equal(social_sigv4_error(SOCIAL_SIGV4_OK, &message),
                     SOCIAL_S3_OK);

    for (i = SOCIAL_SIGV4_ANONYMOUS; i <= SOCIAL_SIGV4_FAILED; i++) {
        assert_true(social_s3_error_status(
                        social_sigv4_error((social_sigv4_status_e) i,
                                           &message)) >= 400);
        assert_true(message.len != 0);
    }

    assert_int_equal(social_sigv4_error(SOCIAL_SIGV4_EXPIRED, &message),
                     SOCIAL_S3_ACCESS_DENIED);
    assert_str(message, "Request has expired");
    assert_int_equal(social_sigv4_error(SOCIAL_SIGV4_STREAMING, &message),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(social_sigv4_error((social_sigv4_status_e) 999,
                                        &message), SOCIAL_S3_INTERNAL_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_header_grammar),
        cmocka_unit_test(test_query_grammar),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests_name("sigv4_grammar", tests, NULL, NULL);
}
