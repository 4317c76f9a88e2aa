
#include "social_unit.h"
#include "social_event_file.h"


/* printf '1 1700000000 5 2\nevt_1{}' | sha256sum */

#define KNOWN                                                                 \
    "22a1f0f4173efcfab1c0248e888756511f9ad2885ead3e1186acb4f7b8ea66d2"        \
    " 1 1700000000 5 2\nevt_1{}"


static social_str_t
written(const social_event_file_t *file)
{
    social_str_t          s;
    static unsigned char  buf[SOCIAL_EVENT_FILE_MAX_SIZE];

    s.data = buf;
    s.len = social_event_file_size(file);
    assert_true(s.len <= sizeof(buf));

    memset(buf, '?', sizeof(buf));
    assert_int_equal(social_event_file_write(file, buf), SOCIAL_OK);
    assert_true(s.len == sizeof(buf) || buf[s.len] == '?');

    return s;
}


static void
test_round_trip(void **state)
{
    size_t                i, n;
    social_str_t          text;
    social_event_file_t   file, got;
    static unsigned char  body[SOCIAL_EVENT_FILE_MAX_BODY];
    static unsigned char  id[SOCIAL_EVENT_FILE_MAX_ID];
    static const int64_t  times[] = { 0, 9, 1700000000, INT64_MAX };

    (void) state;

    memset(body, '\n', sizeof(body));
    memset(id, '\0', sizeof(id));

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {

        for (n = 0; n <= sizeof(body); n = 2 * n + 1) {
            file.at = times[i];
            file.id = (social_str_t) { n < sizeof(id) ? n : sizeof(id), id };
            file.body = (social_str_t) { n, body };

            text = written(&file);

            memset(&got, 0, sizeof(got));
            assert_int_equal(social_event_file_parse(text, &got), SOCIAL_OK);
            assert_true(got.at == file.at);
            assert_true(social_str_eq(got.id, file.id));
            assert_true(social_str_eq(got.body, file.body));
        }
    }

    file.id = (social_str_t) { sizeof(id), id };
    file.body = (social_str_t) { sizeof(body), body };
    file.at = INT64_MAX;
    assert_true(social_event_file_size(&file) <= SOCIAL_EVENT_FILE_MAX_SIZE);
}


/* as files that are on disk now: they are read by versions to come */

static void
test_format(void **state)
{
    social_str_t         text;
    social_event_file_t  file, got;

    (void) state;

    file.at = 1700000000;
    file.id = S("evt_1");
    file.body = S("{}");

    text = written(&file);
    assert_str(text, KNOWN);

    assert_int_equal(social_event_file_parse(social_str(KNOWN), &got),
                     SOCIAL_OK);
}


/* no byte can be changed, lost or added */

static void
test_damaged(void **state)
{
    size_t                i;
    unsigned              bit;
    social_str_t          text;
    unsigned char        *copy;
    social_event_file_t   file, got;

    (void) state;

    file.at = 1700000000;
    file.id = S("evt_1");
    file.body = S("{\"version\":\"1\"}");

    text = written(&file);

    copy = malloc(text.len + 1);
    assert_non_null(copy);

    for (i = 0; i < text.len; i++) {

        for (bit = 1; bit < 256; bit <<= 1) {
            memcpy(copy, text.data, text.len);
            copy[i] ^= (unsigned char) bit;

            assert_int_equal(
                social_event_file_parse((social_str_t) { text.len, copy },
                                        &got),
                SOCIAL_MALFORMED);
        }

        memcpy(copy, text.data, text.len);
        assert_int_equal(
            social_event_file_parse((social_str_t) { i, copy }, &got),
            SOCIAL_MALFORMED);
    }

    memcpy(copy, text.data, text.len);
    copy[text.len] = ' ';
    assert_int_equal(
        social_event_file_parse((social_str_t) { text.len + 1, copy }, &got),
        SOCIAL_MALFORMED);

    free(copy);
}


static void
test_names(void **state)
{
    size_t                      i;
    char                        buf[SOCIAL_EVENT_NAME_SIZE + 1];
    char                        before[SOCIAL_EVENT_NAME_SIZE + 1];
    social_event_name_t         got;
    static const social_event_name_t  names[] = {
        { 0, 0, 0 },
        { 1, UINT64_MAX, UINT32_MAX },
        { 0x0123456789abcdef, 0xfedcba9876543210, 0x01234567 },
        { UINT64_MAX, 1, 1 }
    };
    static const char          *bad[] = {
        "", ".", "..", "x",
        "0123456789abcdef-fedcba9876543210-0123456",
        "0123456789abcdef-fedcba9876543210-012345678",
        "0123456789ABCDEF-fedcba9876543210-01234567",
        "0123456789abcdef_fedcba9876543210-01234567",
        "0123456789abcdef-fedcba9876543210_01234567",
        "0123456789abcdeg-fedcba9876543210-01234567",
        "0123456789abcdef-gedcba9876543210-01234567",
        "0123456789abcdef-fedcba9876543210-0123456x"
    };

    (void) state;

    before[0] = '\0';

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        social_event_name_write(&names[i], buf);
        assert_int_equal(strlen(buf), SOCIAL_EVENT_NAME_SIZE);

        /* they sort by time */
        assert_true(strcmp(before, buf) < 0);
        strcpy(before, buf);

        assert_int_equal(social_event_name_parse(social_str(buf), &got),
                         SOCIAL_OK);
        assert_memory_equal(&got.time, &names[i].time, sizeof(got.time));
        assert_memory_equal(&got.user, &names[i].user, sizeof(got.user));
        assert_int_equal(got.size, names[i].size);
    }

    assert_string_equal(before, "ffffffffffffffff-0000000000000001-00000001");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(social_event_name_parse(social_str(bad[i]), &got),
                         SOCIAL_MALFORMED);
    }
}


static void
test_users(void **state)
{
    uint64_t  a, b;

    (void) state;

    assert_int_equal(social_event_name_user(S("pool"), S("sub"), &a),
                     SOCIAL_OK);
    assert_int_equal(social_event_name_user(S("pool"), S("sub"), &b),
                     SOCIAL_OK);
    assert_true(a == b);

    assert_int_equal(social_event_name_user(S("pools"), S("ub"), &b),
                     SOCIAL_OK);
    assert_true(a != b);

    assert_int_equal(social_event_name_user(S("pool"), S("sub2"), &b),
                     SOCIAL_OK);
    assert_true(a != b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_users)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
