
/*
 * core/s3/social_s3_list.c and net/social_net_list.c: every list of a bucket of
 * odd keys, page by page, is that of a sorted array.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_net_list.h"


#define MAX  400


static char          root[] = "/tmp/social-list-XXXXXX";
static social_str_t  keys[MAX];
static unsigned      key_count;


/* what a list has, as "key\n", a common prefix with a "/" before it */

static char    got[1 << 20], wanted[1 << 20];
static size_t  got_len, wanted_len;


static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) st;
    (void) type;
    (void) f;

    return remove(path);
}


static void
make(char *path)
{
    char  *p;

    for (p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *p = '/';
    }
}


static void
write_file(const char *name, const void *text, size_t len)
{
    int   fd;
    char  path[SOCIAL_STORE_MAX_PATH + 200];

    snprintf(path, sizeof(path), "%s/objects/%s", root, name);
    make(path);

    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    assert_true(fd != -1);
    assert_int_equal(write(fd, text, len), (ssize_t) len);
    close(fd);
}


static void
put(social_str_t key)
{
    size_t               len;
    unsigned char        path[SOCIAL_STORE_MAX_PATH];
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    social_store_meta_t  meta;

    assert_int_equal(social_store_path(key, path, &len), SOCIAL_OK);

    memset(&meta, 0, sizeof(meta));
    memset(meta.id, '0', sizeof(meta.id));
    memset(meta.etag, 'e', sizeof(meta.etag));
    meta.size = (int64_t) key.len;
    meta.modified = 1700000000;
    meta.type = S("a/b");

    assert_int_equal(social_store_meta_write(&meta, buf, &len), SOCIAL_OK);
    write_file((char *) path, buf, len);
}


static void
add(social_str_t key)
{
    unsigned        i;
    unsigned char  *p;

    for (i = 0; i < key_count; i++) {
        if (social_str_eq(keys[i], key)) {
            return;
        }
    }

    assert_true(key_count < MAX);

    p = malloc(key.len);
    assert_non_null(p);
    memcpy(p, key.data, key.len);

    keys[key_count].data = p;
    keys[key_count++].len = key.len;
}


static int
compare(const void *a, const void *b)
{
    return social_s3_key_compare(*(const social_str_t *) a,
                                 *(const social_str_t *) b);
}


static int
setup(void **state)
{
    size_t         i, n;
    unsigned       j;
    unsigned char  text[1024];

    static const char *const  odd[] = {
        "a", "a/", "a/b", "a/b/", "a/b/c", "a//b", "a-", "a-b", "a.b", "a!",
        "a0", "a b", "/", "//", "/a", ".", "..", "...", ".a", "a.", "a.o",
        "a.d", "a.c", "a.c/x", "a.d/x", "%", "%41", "A", "\xc3\xa9/x",
        "\xc3\xa9", "\x01", "\x7f", "~", "b/1", "b/2", "b/3/4", "b/3/5",
        "b-1", "b-2", "c::d", "c::e", "c:f", "photos/2006/January/sample.jpg",
        "photos/2006/February/sample2.jpg", "photos/2006/March/3.jpg",
        "photos/2007/1.jpg", "sample.jpg", "a+b&c=d?e#f",
    };

    (void) state;

    strcpy(root + strlen(root) - 6, "XXXXXX");
    key_count = 0;

    if (mkdtemp(root) == NULL) {
        return 1;
    }

    for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        add(social_str(odd[i]));
    }

    /* names that are cut, and what sorts before, between and after them */

    for (n = 185; n < 195; n++) {

        memset(text, 'L', sizeof(text));
        add((social_str_t) { n, text });

        for (j = 0; j < 6; j++) {
            text[n] = (unsigned char) "!/0M\xc3."[j];
            add((social_str_t) { n + 1, text });
            memset(text + n + 1, 'x', 200);
            add((social_str_t) { n + 201, text });
            text[n + 1] = '/';
            add((social_str_t) { n + 2, text });
            memset(text + n + 1, 'L', 200);
        }
    }

    memset(text, 0xc3, sizeof(text));
    add((social_str_t) { 1024, text });
    add((social_str_t) { 64, text });

    qsort(keys, key_count, sizeof(keys[0]), compare);

    for (j = 0; j < key_count; j++) {
        put(keys[j]);
    }

    /* what is not a key's: none of it is listed */

    write_file("junk", "x", 1);
    write_file("%41%41.o", "x", 1);
    write_file("x.m", "x", 1);
    write_file(".hidden.o", "x", 1);
    write_file("empty.d/deep.d/x.m", "x", 1);
    write_file("empty.c/x.m", "x", 1);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    while (key_count) {
        free((void *) (uintptr_t) keys[--key_count].data);
    }

    return nftw(root, remove_one, 16, FTW_DEPTH|FTW_PHYS);
}


static void
note(char *buf, size_t *len, social_str_t key, bool is_prefix)
{
    if (is_prefix) {
        buf[(*len)++] = '@';
    }

    memcpy(buf + *len, key.data, key.len);
    *len += key.len;
    buf[(*len)++] = '\n';
}


static social_rc_e
take(void *data, social_str_t key, const social_store_meta_t *meta)
{
    unsigned  *count = data;

    if (meta) {
        assert_int_equal(meta->size, key.len);
        assert_int_equal(meta->etag[0], 'e');
    }

    note(got, &got_len, key, meta == NULL);
    (*count)++;

    return SOCIAL_OK;
}


/* what S3 has: each key after "after", or its common prefix once */

static unsigned
expect(social_str_t prefix, social_str_t delimiter, social_str_t after)
{
    size_t        n;
    unsigned      i, count;
    social_str_t  common, rest;

    wanted_len = 0;
    count = 0;
    common.len = 0;
    common.data = NULL;

    for (i = 0; i < key_count; i++) {

        if (!social_str_starts(keys[i], prefix)
            || (after.len && compare(&keys[i], &after) <= 0)
            || (common.len && social_str_starts(keys[i], common)))
        {
            continue;
        }

        for (n = prefix.len; delimiter.len && n < keys[i].len; n++) {
            rest.data = keys[i].data + n;
            rest.len = keys[i].len - n;

            if (social_str_starts(rest, delimiter)) {
                break;
            }
        }

        count++;

        if (delimiter.len == 0 || n == keys[i].len) {
            note(wanted, &wanted_len, keys[i], false);
            continue;
        }

        common.data = keys[i].data;
        common.len = n + delimiter.len;

        /* a marker that is a common prefix has them all behind it */

        if (after.len && social_str_eq(common, after)) {
            count--;
            continue;
        }

        note(wanted, &wanted_len, common, true);
    }

    return count;
}


static void
list(social_str_t prefix, social_str_t delimiter, social_str_t after,
    unsigned page)
{
    bool              truncated;
    unsigned          count, total, damaged, before;
    unsigned char     text[SOCIAL_S3_LIST_TOKEN];
    social_str_t      token;
    social_s3_list_t  walk;

    total = expect(prefix, delimiter, after);
    got_len = 0;
    count = 0;

    memset(&walk, 0, sizeof(walk));
    walk.prefix = prefix;
    walk.delimiter = delimiter;
    walk.max_keys = page;
    social_s3_list_start(&walk, after);

    do {
        before = count;

        assert_int_equal(social_net_list(root, &walk, take, &count,
                                         &truncated, &damaged), SOCIAL_OK);
        assert_int_equal(damaged, 0);

        if (truncated) {
            assert_int_equal(count - before, page);

            token.data = text;
            token.len = social_s3_list_token(&walk, text);
            memset(walk.last, 0, sizeof(walk.last));
            assert_int_equal(social_s3_list_resume(&walk, token), SOCIAL_OK);
        }

        /* a page that ends with the last key says so */

        assert_int_equal(truncated, count < total);

    } while (truncated);

    if (count != total || got_len != wanted_len
        || memcmp(got, wanted, got_len) != 0)
    {
        got[got_len] = '\0';
        wanted[wanted_len] = '\0';
        fail_msg("prefix \"%.*s\", delimiter \"%.*s\", after \"%.*s\", pages "
                 "of %u:\n%s---\n%s", (int) prefix.len, prefix.data,
                 (int) delimiter.len, delimiter.data, (int) after.len,
                 after.data, page, got, wanted);
    }
}


static void
test_lists(void **state)
{
    size_t  i, j, k;

    static const char *const  prefixes[] = {
        "", "a", "a/", "a/b", "a//", "/", "b", "b/", "b/3", "c:", "photos/",
        "photos/2006/", "LLLL", "none", "none/", "zzz", ".", "%", "\xc3",
    };

    static const char *const  delimiters[] = {
        "", "/", "-", "::", "a", "b/", "2006/", "L", "none",
    };

    static const char *const  afters[] = {
        "", "a", "a/", "a/b", "a0", "b/", "b/3/", "c::", "photos/",
        "photos/2006/Feb", "~", "\xff", "LLL", "a-",
    };

    (void) state;

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        for (j = 0; j < sizeof(delimiters) / sizeof(delimiters[0]); j++) {
            for (k = (i + j) % 5; k < sizeof(afters) / sizeof(afters[0]);
                 k += 5)
            {
                list(social_str(prefixes[i]), social_str(delimiters[j]),
                     social_str(afters[k]), 1000);
            }

            list(social_str(prefixes[i]), social_str(delimiters[j]), S(""),
                 3);
        }
    }

    list(S(""), S(""), S(""), 1);
    list(S(""), S("/"), S(""), 1);
}


static void
test_long(void **state)
{
    size_t         n;
    unsigned char  text[1100];

    (void) state;

    memset(text, 'L', sizeof(text));

    for (n = 184; n < 197; n += 3) {
        list((social_str_t) { n, text }, S("/"), S(""), 7);
        list((social_str_t) { n, text }, S(""), S(""), 1000);
        list(S(""), S(""), (social_str_t) { n, text }, 5);
    }

    list((social_str_t) { 1100, text }, S(""), S(""), 10);
    list(S(""), S(""), (social_str_t) { 1100, text }, 10);
    list(S("a\0b"), S(""), S(""), 10);

    for (n = 0; n < 1024; n += 2) {
        text[n] = 'd';
        text[n + 1] = '/';
    }

    for (n = 1022; n <= 1024; n++) {
        add((social_str_t) { n, text });
        put((social_str_t) { n, text });
    }

    qsort(keys, key_count, sizeof(keys[0]), compare);

    for (n = 1; n < 1024; n += 341) {
        list((social_str_t) { n, text }, S("/"), S(""), 10);
        list((social_str_t) { n, text }, S(""), S(""), 10);
    }

    list(S("d"), S(""), (social_str_t) { 1022, text }, 10);
}


/* none of what begins so is listed, and so many of it are damaged */

static void
links(social_str_t prefix, unsigned bad)
{
    bool              truncated;
    unsigned          count, damaged;
    social_s3_list_t  walk;

    memset(&walk, 0, sizeof(walk));
    walk.max_keys = 1000;
    walk.prefix = prefix;
    count = 0;

    assert_int_equal(social_net_list(root, &walk, take, &count, &truncated,
                                     &damaged), SOCIAL_OK);
    assert_int_equal(count, 0);
    assert_int_equal(damaged, bad);
}


static void
test_edges(void **state)
{
    bool              truncated;
    char              path[128];
    unsigned          count, damaged;
    social_s3_list_t  walk;

    static const char *const  bad[] = {
        "", "a2E=", "a", "a2", "eGE=", "a2E", "cA==", "aw==", "!!!!", "a2FhY",
    };

    size_t  i;

    (void) state;

    memset(&walk, 0, sizeof(walk));
    count = 0;

    assert_int_equal(social_net_list(root, &walk, take, &count, &truncated,
                                     &damaged), SOCIAL_OK);
    assert_false(truncated);
    assert_int_equal(count, 0);

    /* metadata that is none */

    walk.max_keys = 1000;
    write_file("zz.o", "junk", 4);
    assert_int_equal(social_net_list(root, &walk, take, &count, &truncated,
                                     &damaged), SOCIAL_OK);
    assert_int_equal(damaged, 1);
    assert_int_equal(count, key_count);

    /* a link is not followed: to a directory, to the rest of a long name */

    snprintf(path, sizeof(path), "%s/objects/link.d", root);
    assert_int_equal(symlink("a.d", path), 0);
    links(S("link/"), 0);

    snprintf(path, sizeof(path), "%s/objects/link.c", root);
    assert_int_equal(symlink("a.d", path), 0);
    links(S("link"), 0);

    /* to metadata, which an object's name does not have to be */

    snprintf(path, sizeof(path), "%s/objects/link.o", root);
    assert_int_equal(symlink("a.o", path), 0);
    links(S("link"), 1);
    assert_int_equal(unlink(path), 0);

    /* nothing was put yet; the root is not there */

    count = 0;
    snprintf(path, sizeof(path), "%s/tmp", root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(social_net_list(path, &walk, take, &count, &truncated,
                                     &damaged), SOCIAL_OK);
    assert_int_equal(count, 0);
    assert_int_equal(social_net_list("/nonexistent", &walk, take, &count,
                                     &truncated, &damaged), SOCIAL_FAILED);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        social_rc_e  rc;

        rc = social_s3_list_resume(&walk, social_str(bad[i]));
        assert_int_equal(rc, i == 1 ? SOCIAL_OK : SOCIAL_MALFORMED);
    }
}


/* many in one directory: it is read once a page */

static void
test_many(void **state)
{
    char              name[32];
    bool              truncated;
    unsigned          i, count, damaged, pages;
    social_s3_list_t  walk;

    (void) state;

    for (i = 0; i < 2500; i++) {
        snprintf(name, sizeof(name), "many/%05u", (i * 7919) % 2500);
        put(social_str(name));
    }

    memset(&walk, 0, sizeof(walk));
    walk.prefix = S("many/");
    walk.max_keys = 1000;
    got_len = 0;
    count = 0;
    pages = 0;

    do {
        assert_int_equal(social_net_list(root, &walk, take, &count,
                                         &truncated, &damaged), SOCIAL_OK);
        pages++;
    } while (truncated);

    assert_int_equal(count, 2500);
    assert_int_equal(pages, 3);

    for (i = 0; i < 2500; i++) {
        snprintf(name, sizeof(name), "many/%05u\n", i);
        assert_memory_equal(got + i * 11, name, 11);
    }
}


static void
test_entries(void **state)
{
    size_t         i, len;
    unsigned char  buf[300];

    static const char *const  none[] = {
        "", ".", "..", "o", ".x", "a", "a.x", "a%.o", "a%4.o", "a%zz.o",
        "%41.o", "a%2F.o", "a%00.o", "a%2E.o", ".a.o", "a b.o", "a%c3.o",
        "a/.o", "a\xc3.o",
    };

    (void) state;

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        len = sizeof(buf);
        if (social_store_entry(social_str(none[i]), true, buf, &len)
            != SOCIAL_STORE_ENTRY_NONE)
        {
            fail_msg("\"%s\"", none[i]);
        }
    }

    len = sizeof(buf);
    assert_int_equal(social_store_entry(S("%2Ea%C3.b.d"), true, buf, &len),
                     SOCIAL_STORE_ENTRY_DIRECTORY);
    assert_str(((social_str_t) { len, buf }), ".a\xc3.b/");

    len = sizeof(buf);
    assert_int_equal(social_store_entry(S(".a.o"), false, buf, &len),
                     SOCIAL_STORE_ENTRY_OBJECT);
    assert_str(((social_str_t) { len, buf }), ".a");

    len = sizeof(buf);
    assert_int_equal(social_store_entry(S(".c"), true, buf, &len),
                     SOCIAL_STORE_ENTRY_PIECE);
    assert_int_equal(len, 0);

    len = 3;
    assert_int_equal(social_store_entry(S("abcd.o"), true, buf, &len),
                     SOCIAL_STORE_ENTRY_NONE);
    len = 3;
    assert_int_equal(social_store_entry(S("abc.d"), true, buf, &len),
                     SOCIAL_STORE_ENTRY_NONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };

    return cmocka_run_group_tests_name("net_list", tests, NULL, NULL);
}
