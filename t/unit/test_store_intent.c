
#include "social_unit.h"
#include "social_store_intent.h"


static void
intent_init(social_store_intent_t *intent)
{
    memset(intent, 0, sizeof(*intent));

    memcpy(intent->id, "0123456789abcdef0123456789abcdef", 32);
    memcpy(intent->etag, "d41d8cd98f00b204e9800998ecf8427e", 32);
    intent->seq = 1795354164000007;
    intent->size = 5;
    intent->announce = true;
    intent->key = S("a\nb.jpg");
}


static void
test_text(void **state)
{
    size_t                 len, i;
    social_str_t           text;
    unsigned char          buf[SOCIAL_STORE_INTENT_SIZE];
    social_store_intent_t  intent, back;

    (void) state;

    intent_init(&intent);
    intent.replaced = 1;
    memcpy(intent.replaces[0], "fedcba9876543210fedcba9876543210", 32);

    assert_int_equal(social_store_intent_write(&intent, buf, &len),
                     SOCIAL_OK);
    assert_memory_equal(buf,
        "social-intent 2\n"
        "id 0123456789abcdef0123456789abcdef\n"
        "seq 1795354164000007\n"
        "size 5\n"
        "etag d41d8cd98f00b204e9800998ecf8427e\n"
        "announce 1\n"
        "key 7\n"
        "a\nb.jpg\n"
        "replaces fedcba9876543210fedcba9876543210\n", len);

    text.data = buf;
    text.len = len;

    assert_int_equal(social_store_intent_read(text, &back), SOCIAL_OK);
    assert_memory_equal(back.id, intent.id, 32);
    assert_memory_equal(back.etag, intent.etag, 32);
    assert_int_equal(back.seq, intent.seq);
    assert_int_equal(back.size, 5);
    assert_true(back.announce);
    assert_str(back.key, "a\nb.jpg");
    assert_int_equal(back.replaced, 1);
    assert_memory_equal(back.replaces[0], intent.replaces[0], 32);

    /* cut within what is appended it is read, without that */

    for (i = 0; i < len; i++) {
        text.len = i;

        if (i < len - SOCIAL_STORE_INTENT_REPLACES) {
            assert_int_equal(social_store_intent_read(text, &back),
                             SOCIAL_MALFORMED);

        } else {
            assert_int_equal(social_store_intent_read(text, &back),
                             SOCIAL_OK);
            assert_int_equal(back.replaced, 0);
        }
    }

    /* two are the most */

    social_store_intent_replaces(intent.id, buf + len);
    text.len = len + SOCIAL_STORE_INTENT_REPLACES;
    assert_int_equal(social_store_intent_read(text, &back), SOCIAL_OK);
    assert_int_equal(back.replaced, 2);
    assert_memory_equal(back.replaces[1], intent.id, 32);

    social_store_intent_replaces(intent.id, buf + text.len);
    text.len += SOCIAL_STORE_INTENT_REPLACES;
    assert_int_equal(social_store_intent_read(text, &back),
                     SOCIAL_MALFORMED);
}


static void
test_version_1(void **state)
{
    social_store_intent_t  intent;

    (void) state;

    assert_int_equal(social_store_intent_read(
                         S("5 d41d8cd98f00b204e9800998ecf8427e\na\nb"),
                         &intent),
                     SOCIAL_OK);
    assert_int_equal(intent.size, 5);
    assert_int_equal(intent.seq, 0);
    assert_true(intent.announce);
    assert_memory_equal(intent.etag, "d41d8cd98f00b204e9800998ecf8427e", 32);
    assert_str(intent.key, "a\nb");

    assert_int_equal(social_store_intent_read(S(""), &intent),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_store_intent_read(S("junk\n"), &intent),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_store_intent_read(
                         S("5 d41d8cd98f00b204e9800998ecf8427e\n"), &intent),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_store_intent_read(
                         S("5 d41d8cd98f00b204e9800998ecf8427\na"), &intent),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_store_intent_read(
                         S("-5 d41d8cd98f00b204e9800998ecf8427e\na"),
                         &intent),
                     SOCIAL_MALFORMED);
}


static void
test_limits(void **state)
{
    size_t                 len;
    social_str_t           text;
    unsigned char          buf[SOCIAL_STORE_INTENT_SIZE + 1];
    unsigned char          key[SOCIAL_STORE_MAX_KEY + 1];
    social_store_intent_t  intent, back;

    (void) state;

    intent_init(&intent);
    memset(key, 'k', sizeof(key));

    intent.key.data = key;
    intent.key.len = SOCIAL_STORE_MAX_KEY;
    intent.seq = intent.size = SOCIAL_STORE_MAX_SIZE;
    intent.parts = SOCIAL_STORE_MAX_PARTS;
    intent.replaced = 2;
    memcpy(intent.replaces[0], intent.id, 32);
    memcpy(intent.replaces[1], intent.id, 32);

    assert_int_equal(social_store_intent_write(&intent, buf, &len),
                     SOCIAL_OK);
    text.data = buf;
    text.len = len;
    assert_int_equal(social_store_intent_read(text, &back), SOCIAL_OK);
    assert_int_equal(back.parts, SOCIAL_STORE_MAX_PARTS);
    assert_int_equal(back.key.len, SOCIAL_STORE_MAX_KEY);
    assert_int_equal(back.replaced, 2);

    text.len = sizeof(buf);
    assert_int_equal(social_store_intent_read(text, &back),
                     SOCIAL_MALFORMED);

    intent.key.len++;
    assert_int_equal(social_store_intent_write(&intent, buf, &len),
                     SOCIAL_MALFORMED);
    intent.key.len = 0;
    assert_int_equal(social_store_intent_write(&intent, buf, &len),
                     SOCIAL_MALFORMED);
    intent.key.len = 1;
    intent.size = -1;
    assert_int_equal(social_store_intent_write(&intent, buf, &len),
                     SOCIAL_MALFORMED);
    intent.size = 0;
    intent.parts = SOCIAL_STORE_MAX_PARTS + 1;
    assert_int_equal(social_store_intent_write(&intent, buf, &len),
                     SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests_name("store_intent", tests, NULL, NULL);
}
