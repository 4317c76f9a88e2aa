
/*
 * What the embedded store notes of uploads in parts.
 */

#include "social_unit.h"
#include "social_store_upload.h"


#define ID  "0123456789abcdef0123456789abcdef"


static void
upload_init(social_store_upload_t *upload)
{
    memset(upload, 0, sizeof(*upload));

    memcpy(upload->id, ID, 32);
    upload->created = 1795354164;
    upload->key = S("a\nb c");
    upload->type = S("image/jpeg");
    upload->headers = S("cache-control max-age=60\n");
}


static void
test_upload(void **state)
{
    size_t                  len, i;
    social_str_t            text;
    unsigned char           buf[SOCIAL_STORE_UPLOAD_SIZE];
    unsigned char           long_key[SOCIAL_STORE_MAX_KEY + 1];
    social_store_upload_t   upload, back;

    (void) state;

    upload_init(&upload);
    assert_int_equal(social_store_upload_write(&upload, buf, &len), SOCIAL_OK);

    text.data = buf;
    text.len = len;
    assert_str(text, "social-upload 1\nid " ID "\ncreated 1795354164\n"
               "checksum none\ntype image/jpeg\nkey 5\na\nb c\n"
               "headers 25\ncache-control max-age=60\nend\n");

    assert_int_equal(social_store_upload_read(text, &back), SOCIAL_OK);
    assert_memory_equal(back.id, ID, 32);
    assert_int_equal(back.created, 1795354164);
    assert_int_equal(back.algorithm.len, 0);
    assert_str(back.type, "image/jpeg");
    assert_str(back.key, "a\nb c");
    assert_str(back.headers, "cache-control max-age=60\n");

    /* one that is cut, as by a crash, is none */

    for (i = 0; i < len; i++) {
        text.len = i;
        assert_int_equal(social_store_upload_read(text, &back),
                         SOCIAL_MALFORMED);
    }

    upload.algorithm = S("crc64nvme");
    upload.full = true;
    upload.type.len = 0;
    upload.headers.len = 0;
    assert_int_equal(social_store_upload_write(&upload, buf, &len), SOCIAL_OK);
    text.len = len;
    assert_int_equal(social_store_upload_read(text, &back), SOCIAL_OK);
    assert_str(back.algorithm, "crc64nvme");
    assert_true(back.full);
    assert_str(back.type, "application/octet-stream");

    upload.full = false;
    assert_int_equal(social_store_upload_write(&upload, buf, &len), SOCIAL_OK);
    text.len = len;
    assert_int_equal(social_store_upload_read(text, &back), SOCIAL_OK);
    assert_false(back.full);

    /* a type with a line end adds no line */

    upload.type = S("a\nkey 1");
    assert_int_equal(social_store_upload_write(&upload, buf, &len), SOCIAL_OK);
    text.len = len;
    assert_int_equal(social_store_upload_read(text, &back), SOCIAL_OK);
    assert_str(back.type, "application/octet-stream");

    memset(long_key, 'k', sizeof(long_key));
    upload.key.data = long_key;
    upload.key.len = sizeof(long_key);
    assert_int_equal(social_store_upload_write(&upload, buf, &len),
                     SOCIAL_MALFORMED);
    upload.key.len--;
    assert_int_equal(social_store_upload_write(&upload, buf, &len), SOCIAL_OK);
    upload.key.len = 0;
    assert_int_equal(social_store_upload_write(&upload, buf, &len),
                     SOCIAL_MALFORMED);
}


static void
test_note(void **state)
{
    unsigned char         buf[SOCIAL_STORE_NOTE_SIZE];
    social_store_note_t   note, back;

    (void) state;

    memset(&note, 0, sizeof(note));
    memset(note.etag, 'e', 32);
    note.size = SOCIAL_STORE_MAX_SIZE;
    note.modified = 1795354164;

    assert_int_equal(social_store_note_write(&note, buf), SOCIAL_OK);
    assert_int_equal(social_store_note_read(buf, &back), SOCIAL_OK);
    assert_memory_equal(back.etag, note.etag, 32);
    assert_int_equal(back.size, SOCIAL_STORE_MAX_SIZE);
    assert_int_equal(back.modified, 1795354164);
    assert_int_equal(back.algorithm.len, 0);

    note.algorithm = S("sha256");
    note.checksum = S("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_int_equal(social_store_note_write(&note, buf), SOCIAL_OK);
    assert_int_equal(social_store_note_read(buf, &back), SOCIAL_OK);
    assert_str(back.algorithm, "sha256");
    assert_str(back.checksum, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");

    buf[SOCIAL_STORE_NOTE_SIZE - 1] = 'x';
    assert_int_equal(social_store_note_read(buf, &back), SOCIAL_MALFORMED);
    buf[SOCIAL_STORE_NOTE_SIZE - 1] = '\n';
    buf[0] = 'S';
    assert_int_equal(social_store_note_read(buf, &back), SOCIAL_MALFORMED);
    memset(buf, 0, sizeof(buf));
    assert_int_equal(social_store_note_read(buf, &back), SOCIAL_MALFORMED);

    note.checksum = S("a\nb");
    assert_int_equal(social_store_note_write(&note, buf), SOCIAL_MALFORMED);
    note.checksum = S("aa==");
    note.size = -1;
    assert_int_equal(social_store_note_write(&note, buf), SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_upload),
        cmocka_unit_test(test_note),
    };

    return cmocka_run_group_tests_name("store_upload", tests, NULL, NULL);
}
