
#include "social_unit.h"
#include "social_store_meta.h"
#include "social_store_path.h"


static void
meta_init(social_store_meta_t *meta)
{
    memset(meta, 0, sizeof(*meta));

    memcpy(meta->id, "0123456789abcdef0123456789abcdef", 32);
    memcpy(meta->etag, "d41d8cd98f00b204e9800998ecf8427e", 32);
    meta->seq = 1795354164000007;
    meta->size = 12345678901;
    meta->modified = 1795354164;
    meta->type = S("image/jpeg");
}


/* what is written is read, with whatever follows it */

static void
test_text(void **state)
{
    size_t               len, i;
    social_str_t         text, block, name, value;
    social_buf_t         headers, checksums;
    unsigned char        buf[SOCIAL_STORE_META_SIZE + 4], h[256], c[256];
    social_store_meta_t  meta, back;

    (void) state;

    meta_init(&meta);

    social_buf_init(&headers, h, sizeof(h));
    social_store_meta_add(&headers, S("Cache-Control"), S("max-age=60"));
    social_store_meta_add(&headers, S("x-amz-meta-a"),
                          S(" two\twords \xc3\xa9"));
    social_store_meta_add(&headers, S("x-amz-meta-empty"), S(""));
    meta.headers = social_buf_since(&headers, 0);

    social_buf_init(&checksums, c, sizeof(c));
    social_store_meta_add(&checksums, S("crc32"), S("NSRBwg== full"));
    meta.checksums = social_buf_since(&checksums, 0);

    meta.place = SOCIAL_STORE_INLINE;

    assert_int_equal(social_store_meta_write(&meta, buf, &len), SOCIAL_OK);

    assert_memory_equal(buf,
        "social-object 2\n"
        "id 0123456789abcdef0123456789abcdef\n"
        "seq 1795354164000007\n"
        "etag d41d8cd98f00b204e9800998ecf8427e\n"
        "size 12345678901\n"
        "modified 1795354164\n"
        "place inline\n"
        "type image/jpeg\n"
        "headers 69\n"
        "cache-control max-age=60\n"
        "x-amz-meta-a two\twords \xc3\xa9\n"
        "x-amz-meta-empty \n"
        "checksums 20\n"
        "crc32 NSRBwg== full\n"
        "end\n", len);

    memcpy(buf + len, "end\n", 4);
    text.data = buf;
    text.len = len + 4;

    assert_int_equal(social_store_meta_read(text, &back), SOCIAL_OK);
    assert_int_equal(back.length, len);
    assert_memory_equal(back.id, meta.id, 32);
    assert_memory_equal(back.etag, meta.etag, 32);
    assert_int_equal(back.parts, 0);
    assert_int_equal(back.seq, meta.seq);
    assert_int_equal(back.size, meta.size);
    assert_int_equal(back.modified, meta.modified);
    assert_int_equal(back.place, SOCIAL_STORE_INLINE);
    assert_str(back.type, "image/jpeg");

    block = back.headers;
    assert_true(social_store_meta_next(&block, &name, &value));
    assert_str(name, "cache-control");
    assert_str(value, "max-age=60");
    assert_true(social_store_meta_next(&block, &name, &value));
    assert_str(name, "x-amz-meta-a");
    assert_str(value, "two\twords \xc3\xa9");
    assert_true(social_store_meta_next(&block, &name, &value));
    assert_str(name, "x-amz-meta-empty");
    assert_str(value, "");
    assert_false(social_store_meta_next(&block, &name, &value));

    block = back.checksums;
    assert_true(social_store_meta_next(&block, &name, &value));
    assert_str(name, "crc32");
    assert_str(value, "NSRBwg== full");
    assert_false(social_store_meta_next(&block, &name, &value));

    /* cut short anywhere, it is not taken for whole */

    for (i = 0; i < len; i++) {
        text.len = i;
        assert_int_equal(social_store_meta_read(text, &back),
                         SOCIAL_MALFORMED);
    }
}


/* objects that were stored before */

static void
test_version_1(void **state)
{
    size_t               i;
    social_str_t         text;
    social_store_meta_t  meta;

    static const char    old[] =
        "social-object 1\n"
        "id 0123456789abcdef0123456789abcdef\n"
        "etag d41d8cd98f00b204e9800998ecf8427e\n"
        "size 5\n"
        "modified 1795354164\n"
        "type image/jpeg\n";

    (void) state;

    text = social_str(old);

    assert_int_equal(social_store_meta_read(text, &meta), SOCIAL_OK);
    assert_memory_equal(meta.id, "0123456789abcdef0123456789abcdef", 32);
    assert_memory_equal(meta.etag, "d41d8cd98f00b204e9800998ecf8427e", 32);
    assert_int_equal(meta.seq, 0);
    assert_int_equal(meta.size, 5);
    assert_int_equal(meta.modified, 1795354164);
    assert_int_equal(meta.place, SOCIAL_STORE_FILE);
    assert_int_equal(meta.headers.len, 0);
    assert_str(meta.type, "image/jpeg");

    for (i = 0; i < sizeof(old) - 1; i++) {
        text.len = i;
        assert_int_equal(social_store_meta_read(text, &meta),
                         SOCIAL_MALFORMED);
    }

    /* nothing may follow it */

    text.len = sizeof(old);
    assert_int_equal(social_store_meta_read(text, &meta), SOCIAL_MALFORMED);
}


static void
test_parts(void **state)
{
    size_t               len;
    social_str_t         text;
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    unsigned char        etag[SOCIAL_STORE_ETAG_SIZE];
    unsigned char        record[SOCIAL_STORE_PART_SIZE];
    social_store_meta_t  meta, back;
    social_store_part_t  part, part_back;

    (void) state;

    meta_init(&meta);

    assert_int_equal(social_store_meta_etag(&meta, etag), 34);
    assert_memory_equal(etag, "\"d41d8cd98f00b204e9800998ecf8427e\"", 34);

    meta.place = SOCIAL_STORE_PARTS;
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);
    meta.parts = 10001;
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);
    meta.parts = 10000;
    assert_int_equal(social_store_meta_write(&meta, buf, &len), SOCIAL_OK);

    text.data = buf;
    text.len = len;
    assert_int_equal(social_store_meta_read(text, &back), SOCIAL_OK);
    assert_int_equal(back.parts, 10000);
    assert_int_equal(back.place, SOCIAL_STORE_PARTS);

    assert_int_equal(social_store_meta_etag(&back, etag), 40);
    assert_memory_equal(etag, "\"d41d8cd98f00b204e9800998ecf8427e-10000\"",
                        40);

    part.number = 10000;
    memset(part.etag, 'e', 32);
    part.offset = SOCIAL_STORE_MAX_SIZE;
    part.size = SOCIAL_STORE_MAX_SIZE;
    part.checksum = S("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_int_equal(social_store_part_write(&part, record), SOCIAL_OK);
    assert_int_equal(record[SOCIAL_STORE_PART_SIZE - 1], '\n');
    assert_int_equal(social_store_part_read(record, &part_back), SOCIAL_OK);
    assert_int_equal(part_back.number, 10000);
    assert_memory_equal(part_back.etag, part.etag, 32);
    assert_int_equal(part_back.offset, part.offset);
    assert_int_equal(part_back.size, part.size);
    assert_str(part_back.checksum,
               "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");

    part.checksum.len = 0;
    assert_int_equal(social_store_part_write(&part, record), SOCIAL_OK);
    assert_int_equal(social_store_part_read(record, &part_back), SOCIAL_OK);
    assert_int_equal(part_back.checksum.len, 0);

    record[7] = 'X';
    assert_int_equal(social_store_part_read(record, &part_back),
                     SOCIAL_MALFORMED);

    /* numbers that are none, and a checksum that would be more */

    part.offset = -1;
    assert_int_equal(social_store_part_write(&part, record),
                     SOCIAL_MALFORMED);
    part.offset = 0;
    part.size = SOCIAL_STORE_MAX_SIZE + 1;
    assert_int_equal(social_store_part_write(&part, record),
                     SOCIAL_MALFORMED);
    part.size = 0;
    part.number = 0;
    assert_int_equal(social_store_part_write(&part, record),
                     SOCIAL_MALFORMED);
    part.number = 10001;
    assert_int_equal(social_store_part_write(&part, record),
                     SOCIAL_MALFORMED);
    part.number = 1;
    part.checksum = S("a b");
    assert_int_equal(social_store_part_write(&part, record),
                     SOCIAL_MALFORMED);
}


/* neither a type nor a header can add a line, or say where the text ends */

static void
test_injection(void **state)
{
    size_t               len, i;
    social_buf_t         b;
    social_str_t         text;
    unsigned char        buf[SOCIAL_STORE_META_SIZE], block[64];
    social_store_meta_t  meta, back;

    static const struct {
        const char      *name;
        const char      *value;
    } bad[] = {
        { "a\nb", "c" }, { "a b", "c" }, { "", "c" }, { "a", "b\nend" },
        { "a", "b\r" "c" }, { "a", "b\x01" "c" }, { "a", "b\x7f" }
    };

    (void) state;

    meta_init(&meta);
    meta.type = S("text/html\ntype image/png");
    assert_int_equal(social_store_meta_write(&meta, buf, &len), SOCIAL_OK);
    text.data = buf;
    text.len = len;
    assert_int_equal(social_store_meta_read(text, &back), SOCIAL_OK);
    assert_str(back.type, "application/octet-stream");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        social_buf_init(&b, block, sizeof(block));
        social_store_meta_add(&b, social_str(bad[i].name),
                              social_str(bad[i].value));
        assert_int_equal(b.rc, SOCIAL_MALFORMED);
    }

    /* blocks that were not made by social_store_meta_add() */

    meta.headers = S("no end");
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);
    meta.headers = S("name\n");
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);
    meta.headers = S("a b\nc\td e\n");
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);
    meta.headers = S("a b\r\n");
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);

    /* a length that lies */

    text = S("social-object 2\n"
             "id 0123456789abcdef0123456789abcdef\n"
             "seq 1\n"
             "etag d41d8cd98f00b204e9800998ecf8427e\n"
             "size 0\n"
             "modified 0\n"
             "place file\n"
             "type a/b\n"
             "headers 999999999999999999\n"
             "checksums 0\n"
             "end\n");
    assert_int_equal(social_store_meta_read(text, &back), SOCIAL_MALFORMED);
}


/* the largest of everything fits */

static void
test_limits(void **state)
{
    size_t               len;
    social_str_t         text;
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    unsigned char        type[SOCIAL_STORE_MAX_TYPE + 1];
    unsigned char        h[SOCIAL_STORE_MAX_HEADERS + 1];
    unsigned char        c[SOCIAL_STORE_MAX_CHECKSUMS];
    social_store_meta_t  meta, back;

    (void) state;

    meta_init(&meta);
    meta.size = SOCIAL_STORE_MAX_SIZE;
    meta.seq = SOCIAL_STORE_MAX_SIZE;
    meta.modified = SOCIAL_STORE_MAX_SIZE;
    meta.parts = SOCIAL_STORE_MAX_PARTS;

    memset(type, 't', sizeof(type));
    meta.type.data = type;
    meta.type.len = SOCIAL_STORE_MAX_TYPE;

    memset(h, 'h', sizeof(h));
    h[1] = ' ';
    h[sizeof(h) - 2] = '\n';
    meta.headers.data = h;
    meta.headers.len = SOCIAL_STORE_MAX_HEADERS;

    memset(c, 'c', sizeof(c));
    c[1] = ' ';
    c[sizeof(c) - 1] = '\n';
    meta.checksums.data = c;
    meta.checksums.len = sizeof(c);

    assert_int_equal(social_store_meta_write(&meta, buf, &len), SOCIAL_OK);

    text.data = buf;
    text.len = len;
    assert_int_equal(social_store_meta_read(text, &back), SOCIAL_OK);
    assert_int_equal(back.headers.len, SOCIAL_STORE_MAX_HEADERS);
    assert_int_equal(back.type.len, SOCIAL_STORE_MAX_TYPE);

    meta.type.len++;
    assert_int_equal(social_store_meta_write(&meta, buf, &len), SOCIAL_OK);
    text.len = len;
    assert_int_equal(social_store_meta_read(text, &back), SOCIAL_OK);
    assert_str(back.type, "application/octet-stream");

    h[sizeof(h) - 2] = 'h';
    h[sizeof(h) - 1] = '\n';
    meta.headers.len++;
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);
    meta.headers.len = 0;

    meta.size = -1;
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);
    meta.size = SOCIAL_STORE_MAX_SIZE + 1;
    assert_int_equal(social_store_meta_write(&meta, buf, &len),
                     SOCIAL_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_injection),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests_name("store_meta", tests, NULL, NULL);
}
