
/*
 * Thumbprints of keys, and what tokens are bound to.
 */

#include "social_unit.h"
#include "social_base64url.h"
#include "social_confirmation.h"


static social_rc_e
thumbprint(const char *text, char out[SOCIAL_THUMBPRINT_TEXT + 1])
{
    social_rc_e     rc;
    social_str_t    s;
    unsigned char   digest[SOCIAL_THUMBPRINT_SIZE];
    social_json_t  *json;

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    rc = social_thumbprint(json, digest);

    if (rc == SOCIAL_OK) {
        s.data = digest;
        s.len = sizeof(digest);

        assert_int_equal(social_base64url_encode(s, (unsigned char *) out),
                         SOCIAL_THUMBPRINT_TEXT);
        out[SOCIAL_THUMBPRINT_TEXT] = '\0';
    }

    social_json_free(json);

    return rc;
}


static void
test_known(void **state)
{
    char    text[SOCIAL_THUMBPRINT_TEXT + 1];
    size_t  i;

    static const struct {
        const char  *key, *thumbprint;
    } cases[] = {

        /* RFC 7638, 3.1 */
        { "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFb"
          "WhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o"
          "knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F"
          "DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI"
          "SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0L"
          "s1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\","
          "\"kid\":\"2011-04-29\"}",
          "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },

        /* RFC 8037, A.3 */
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
          "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
          "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },

        /* RFC 9449, 4.1 and 6.1 */
        { "{\"kty\":\"EC\",\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"
          "\",\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\","
          "\"crv\":\"P-256\"}",
          "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(thumbprint(cases[i].key, text), SOCIAL_OK);
        assert_string_equal(text, cases[i].thumbprint);
    }
}


static void
test_refused(void **state)
{
    char    text[SOCIAL_THUMBPRINT_TEXT + 1];
    size_t  i;

    static const struct {
        const char   *key;
        social_rc_e   rc;
    } cases[] = {
        { "{}", SOCIAL_MALFORMED },
        { "{\"kty\":7}", SOCIAL_MALFORMED },
        { "{\"kty\":\"oct\",\"k\":\"AA\"}", SOCIAL_DECLINED },
        { "{\"kty\":\"ec\",\"crv\":\"P-256\",\"x\":\"A\",\"y\":\"A\"}",
          SOCIAL_DECLINED },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"EC\",\"x\":\"A\",\"y\":\"A\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\",\"y\":\"A\"}",
          SOCIAL_MALFORMED },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":7,\"y\":\"A\"}",
          SOCIAL_MALFORMED },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A\\\"\",\"y\":\"A\"}",
          SOCIAL_MALFORMED },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A=\",\"y\":\"A\"}",
          SOCIAL_MALFORMED },
        { "{\"kty\":\"RSA\",\"n\":\"A\"}", SOCIAL_MALFORMED },
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", SOCIAL_MALFORMED },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(thumbprint(cases[i].key, text), cases[i].rc);
    }
}


#define JKT  "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
#define X5T  "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"   /* RFC 8705, 3.1 */
#define X5U  "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"


static social_rc_e
confirmation(const char *text, social_confirmation_t *c)
{
    social_rc_e     rc;
    social_json_t  *json;

    assert_int_equal(social_json_parse(social_str(text), &json), SOCIAL_OK);

    rc = social_confirmation(json, c);
    social_json_free(json);

    return rc;
}


static void
test_confirmation(void **state)
{
    size_t                  i;
    social_confirmation_t   c;

    static const struct {
        const char   *payload;
        social_rc_e   rc;
        bool          key, certificate;
    } cases[] = {
        { "{}", SOCIAL_OK, false, false },
        { "{\"cnf\":null}", SOCIAL_OK, false, false },
        { "{\"cnf\":{}}", SOCIAL_OK, false, false },
        { "{\"cnf\":{\"kid\":\"a\"}}", SOCIAL_OK, false, false },
        { "{\"cnf\":{\"jkt\":\"" JKT "\"}}", SOCIAL_OK, true, false },
        { "{\"cnf\":{\"x5t#S256\":\"" X5U "\"}}", SOCIAL_OK, false, true },
        { "{\"cnf\":{\"x5t#S256\":\"" X5U "\",\"jkt\":\"" JKT "\"}}",
          SOCIAL_OK, true, true },
        { "{\"jkt\":\"" JKT "\"}", SOCIAL_OK, false, false },

        { "{\"cnf\":7}", SOCIAL_MALFORMED, false, false },
        { "{\"cnf\":\"" JKT "\"}", SOCIAL_MALFORMED, false, false },
        { "{\"cnf\":[]}", SOCIAL_MALFORMED, false, false },
        { "{\"cnf\":{\"jkt\":null}}", SOCIAL_MALFORMED, false, false },
        { "{\"cnf\":{\"jkt\":\"\"}}", SOCIAL_MALFORMED, false, false },
        { "{\"cnf\":{\"jkt\":\"" JKT "A\"}}", SOCIAL_MALFORMED, false, false },
        { "{\"cnf\":{\"jkt\":\"" JKT "=\"}}", SOCIAL_MALFORMED, false, false },
        { "{\"cnf\":{\"jkt\":\"0ZcOCORZNYy\"}}", SOCIAL_MALFORMED, false,
          false },
        { "{\"cnf\":{\"x5t#S256\":[\"" X5U "\"]}}", SOCIAL_MALFORMED, false,
          false },

        /* bits that are of no byte: there is one spelling only */
        { "{\"cnf\":{\"x5t#S256\":\"" X5T "\"}}", SOCIAL_MALFORMED, false,
          false },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(confirmation(cases[i].payload, &c), cases[i].rc);

        if (cases[i].rc == SOCIAL_OK) {
            assert_int_equal(c.key, cases[i].key);
            assert_int_equal(c.certificate, cases[i].certificate);
        }
    }

    assert_int_equal(confirmation(cases[6].payload, &c), SOCIAL_OK);
    assert_int_equal(c.jkt[0], 0xd1);
    assert_int_equal(c.x5t[0], 0x6f);
}


/* "certificate" as bytes */

#define BASE64  "Y2VydGlmaWNhdGU="
#define BEGIN   "-----BEGIN CERTIFICATE-----"
#define END     "-----END CERTIFICATE-----"


static void
test_certificate(void **state)
{
    size_t          i;
    social_rc_e     rc;
    unsigned char  *buf, digest[SOCIAL_SHA256_SIZE];
    unsigned char   wanted[SOCIAL_SHA256_SIZE];

    static const struct {
        social_str_t  text;
        social_rc_e   rc;
    } cases[] = {
        { social_string(BEGIN "\n" BASE64 "\n" END "\n"), SOCIAL_OK },
        { social_string(BEGIN "\r\nY2VydGlm\r\naWNhdGU=\r\n" END), SOCIAL_OK },
        { social_string(BEGIN "\n\t" BASE64 "\n\t" END), SOCIAL_OK },
        { social_string(BEGIN " " BASE64 " " END), SOCIAL_OK },
        { social_string(BEGIN "\n" BASE64 "\n" END "\n" BEGIN "\nAAAA\n" END),
          SOCIAL_OK },
        { social_string("-----BEGIN%20CERTIFICATE-----%0A" BASE64
                        "%0A-----END%20CERTIFICATE-----%0A"), SOCIAL_OK },
        { social_string("-----BEGIN%20CERTIFICATE-----%0AY2VydGlmaWNhdGU%3D"
                        "%0A-----END%20CERTIFICATE-----%0A"), SOCIAL_OK },
        { social_string(":" BASE64 ":"), SOCIAL_OK },
        { social_string(" :" BASE64 ": "), SOCIAL_OK },

        { { 0, NULL }, SOCIAL_MALFORMED },
        { social_string(""), SOCIAL_MALFORMED },
        { social_string(":"), SOCIAL_MALFORMED },
        { social_string("::"), SOCIAL_MALFORMED },
        { social_string(":" BASE64), SOCIAL_MALFORMED },
        { social_string(BASE64 ":"), SOCIAL_MALFORMED },
        { social_string(":Y2VydGlmaWNhdGU:"), SOCIAL_MALFORMED },
        { social_string(":" BASE64 ":, :" BASE64 ":"), SOCIAL_MALFORMED },
        { social_string(BASE64), SOCIAL_MALFORMED },
        { social_string(BEGIN END), SOCIAL_MALFORMED },
        { social_string(BEGIN "\n" BASE64 "\n"), SOCIAL_MALFORMED },
        { social_string(BEGIN "\n" BASE64 "\n-----END"), SOCIAL_MALFORMED },
        { social_string(BEGIN), SOCIAL_MALFORMED },
        { social_string(BASE64 "\n" END), SOCIAL_MALFORMED },
        { social_string(BEGIN "\nY2Vy*GlmaWNhdGU=\n" END), SOCIAL_MALFORMED },
        { social_string("%zz"), SOCIAL_MALFORMED },
        { social_string("-----BEGIN+CERTIFICATE-----\n" BASE64
                        "\n-----END+CERTIFICATE-----"), SOCIAL_MALFORMED },
    };

    (void) state;

    assert_int_equal(social_sha256(S("certificate"), wanted), SOCIAL_OK);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        /* as much room as the contract asks for, and no more */

        buf = malloc(cases[i].text.len ? cases[i].text.len : 1);
        assert_non_null(buf);

        rc = social_certificate_digest(cases[i].text, buf, digest);
        assert_int_equal(rc, cases[i].rc);

        if (rc == SOCIAL_OK) {
            assert_memory_equal(digest, wanted, sizeof(wanted));
        }

        free(buf);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_confirmation),
        cmocka_unit_test(test_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
