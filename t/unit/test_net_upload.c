
/*
 * net/social_net_upload.c, social_net_upload_list.c and social_net_parts.c:
 * uploads in parts, in a directory of the test's own.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_net_intent.h"
#include "social_net_parts.h"
#include "social_net_upload.h"


#define MIN  SOCIAL_NET_UPLOAD_MIN_PART


static char                       root[] = "/tmp/social-upload-XXXXXX";
static social_net_disk_t          disk;
static social_net_commit_known_t  known;


static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) st;
    (void) type;
    (void) f;

    return remove(path);
}


static unsigned  counted;


static int
count_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) path;
    (void) st;
    (void) f;

    counted += (type == FTW_F);

    return 0;
}


static unsigned
files(const char *folder)
{
    char  path[128];

    snprintf(path, sizeof(path), "%s/%s", root, folder);
    counted = 0;
    nftw(path, count_one, 16, FTW_PHYS);

    return counted;
}


static int
setup(void **state)
{
    (void) state;

    strcpy(root + strlen(root) - 6, "XXXXXX");

    if (mkdtemp(root) == NULL) {
        return 1;
    }

    disk.path = root;
    disk.sync = false;
    atomic_store(&disk.root, -1);

    /* what has to be there is made at the first use */

    (void) social_net_disk_sweep(&disk, 0, 0);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    close(atomic_load(&disk.root));

    return nftw(root, remove_one, 16, FTW_DEPTH|FTW_PHYS);
}


#define left(objects_, data_, spool_, uploads_)                               \
    do {                                                                      \
        assert_int_equal(files("objects"), objects_);                         \
        assert_int_equal(files("data"), data_);                               \
        assert_int_equal(files("spool"), spool_);                             \
        assert_int_equal(files("uploads"), uploads_);                         \
        assert_int_equal(files("tmp"), 0);                                    \
    } while (0)


typedef struct {
    social_net_commit_t   c;
    unsigned char         path[SOCIAL_STORE_MAX_PATH];
    unsigned char         text[SOCIAL_STORE_UPLOAD_SIZE];
    unsigned char         records[4 * SOCIAL_STORE_PART_SIZE];
} stored_t;


static unsigned  serial = 1000;


static void
id_of(unsigned char *id, unsigned n)
{
    char  text[SOCIAL_STORE_ID_SIZE + 1];

    snprintf(text, sizeof(text), "%032x", n);
    memcpy(id, text, SOCIAL_STORE_ID_SIZE);
}


static void
begin(stored_t *s, const char *key, unsigned id)
{
    size_t  len;

    memset(s, 0, sizeof(*s));
    social_net_commit_init(&s->c, &disk);

    assert_int_equal(social_store_path(social_str(key), s->path, &len),
                     SOCIAL_OK);

    s->c.key = social_str(key);
    s->c.path = (char *) s->path;
    id_of(s->c.meta.id, id);
    memset(s->c.meta.etag, 'e', 32);
}


static social_net_commit_rc_e
publish(stored_t *s)
{
    social_net_commit_rc_e  rc;

    rc = social_net_commit_prepare(&s->c);

    if (rc != SOCIAL_NET_COMMIT_OK) {
        return rc;
    }

    rc = social_net_commit_publish(&s->c, &known);

    if (rc != SOCIAL_NET_COMMIT_OK) {
        social_net_commit_abort(&s->c);
        return rc;
    }

    social_net_commit_synced(&s->c, &known, false);

    return rc;
}


static social_net_commit_rc_e
commit(stored_t *s)
{
    social_net_commit_rc_e  rc;

    rc = publish(s);

    if (rc == SOCIAL_NET_COMMIT_OK) {

        social_net_commit_durable(&s->c);

        if (social_net_commit_unfinished(&s->c)) {
            social_net_commit_finish(&s->c);
        }

        social_net_commit_free(&s->c);
    }

    return rc;
}


static void
create_at(const char *key, unsigned id, int64_t created)
{
    size_t                 len;
    stored_t               s;
    social_store_upload_t  upload;

    begin(&s, key, id);
    memset(&upload, 0, sizeof(upload));

    memcpy(upload.id, s.c.meta.id, sizeof(upload.id));
    upload.created = created;
    upload.key = s.c.key;
    upload.type = social_str("text/x");

    assert_int_equal(social_store_upload_write(&upload, s.text, &len),
                     SOCIAL_OK);

    s.c.kind = SOCIAL_NET_COMMIT_CREATE;
    s.c.bytes.data = s.text;
    s.c.bytes.len = len;

    assert_int_equal(commit(&s), SOCIAL_NET_COMMIT_OK);
}

#define create(key, id)  create_at(key, id, 1700000000)


/* bytes with a digit for an ETag */

static social_net_commit_rc_e
part_sized(const char *key, unsigned id, unsigned number, char digit,
    int64_t size)
{
    stored_t              s;
    unsigned char         upload[SOCIAL_STORE_ID_SIZE];
    unsigned char         buf[SOCIAL_STORE_NOTE_SIZE];
    social_store_note_t   note;

    begin(&s, key, serial++);
    id_of(upload, id);

    s.c.kind = SOCIAL_NET_COMMIT_PART;
    s.c.upload_id = upload;
    s.c.part = number;

    memset(&note, 0, sizeof(note));
    memset(note.etag, digit, sizeof(note.etag));
    note.size = size;
    assert_int_equal(social_store_note_write(&note, buf), SOCIAL_OK);

    assert_int_equal(social_net_disk_create(&disk, s.c.meta.id, 0, &s.c.data),
                     SOCIAL_OK);
    assert_int_equal(ftruncate(s.c.data.fd, size), 0);
    assert_int_equal(pwrite(s.c.data.fd, &digit, size != 0, 0), size != 0);
    assert_int_equal(lseek(s.c.data.fd, 0, SEEK_END), size);
    assert_int_equal(social_net_disk_write(s.c.data.fd,
                         (social_str_t) { sizeof(buf), buf }), SOCIAL_OK);

    return commit(&s);
}

#define part(key, id, number, digit)  part_sized(key, id, number, digit, MIN)


/* the parts that "digits" are the ETags of, from 1 on; 0: not asked for */

static social_s3_error_e
check(unsigned id, const char *digits, stored_t *s)
{
    size_t                     i;
    unsigned char              text[SOCIAL_STORE_ID_SIZE];
    social_s3_complete_t       list;
    social_net_upload_t        upload;
    social_net_complete_t      complete;
    social_s3_complete_part_t  parts[4];

    memset(parts, 0, sizeof(parts));
    list.parts = parts;
    list.count = 0;

    for (i = 0; digits[i]; i++) {
        if (digits[i] != '0') {
            parts[list.count].number = (unsigned) i + 1;
            parts[list.count].has_etag = true;
            memset(parts[list.count].etag, digits[i], 32);
            list.count++;
        }
    }

    id_of(text, id);
    assert_int_equal(social_net_upload_read(&disk, text, s->c.key,
                                            s->c.path, &upload),
                     SOCIAL_NET_COMMIT_OK);

    memset(&complete, 0, sizeof(complete));
    complete.max_size = 1LL << 40;

    social_net_upload_check(&disk, &upload.upload, &list, s->records,
                            &complete);

    s->c.meta.parts = (unsigned) list.count;
    s->c.meta.size = complete.size;
    memcpy(s->c.meta.etag, complete.etag, sizeof(complete.etag));
    s->c.bytes.data = s->records;
    s->c.bytes.len = list.count * SOCIAL_STORE_PART_SIZE;

    return complete.error;
}


static social_net_commit_rc_e
complete_begin(const char *key, unsigned id, const char *digits, stored_t *s)
{
    social_net_commit_rc_e  rc;

    begin(s, key, id);
    id_of(s->c.name, serial++);

    rc = social_net_upload_lock(&disk, s->c.path, s->c.meta.id, true,
                                &s->c.upload);

    if (rc == SOCIAL_NET_COMMIT_OK) {
        assert_int_equal(check(id, digits, s), SOCIAL_S3_OK);
    }

    return rc;
}


static social_net_commit_rc_e
complete(const char *key, unsigned id, const char *digits)
{
    stored_t                s;
    social_net_commit_rc_e  rc;

    rc = complete_begin(key, id, digits, &s);

    return rc == SOCIAL_NET_COMMIT_OK ? commit(&s) : rc;
}


static social_net_commit_rc_e
abort_upload(const char *key, unsigned id)
{
    stored_t  s;

    begin(&s, key, id);
    id_of(s.c.name, serial++);
    s.c.kind = SOCIAL_NET_COMMIT_ABORT;
    s.c.remove = true;

    return commit(&s);
}


static social_net_commit_rc_e
put(const char *key, const char *text)
{
    stored_t  s;

    begin(&s, key, serial++);
    s.c.bytes = social_str(text);
    s.c.meta.size = (int64_t) s.c.bytes.len;

    return commit(&s);
}


static social_net_commit_rc_e
del(const char *key)
{
    stored_t  s;

    begin(&s, key, serial++);
    s.c.remove = true;

    return commit(&s);
}


/* the first bytes of its parts */

static social_rc_e
object_open(const char *key, social_store_meta_t *meta,
    social_net_object_t *object)
{
    size_t         len;
    unsigned char  path[SOCIAL_STORE_MAX_PATH];
    unsigned char  buf[SOCIAL_STORE_META_SIZE];

    assert_int_equal(social_store_path(social_str(key), path, &len),
                     SOCIAL_OK);

    return social_net_disk_open(&disk, (char *) path, buf, sizeof(buf), &len,
                                meta, object);
}


static void
firsts(const social_net_object_t *object, const social_store_meta_t *meta,
    const char *expected)
{
    char                text[8];
    unsigned            i, n;
    social_net_piece_t  pieces[4];

    assert_int_equal(social_net_parts_pieces(object, meta, 0, meta->size,
                                             pieces, 4, &n), SOCIAL_OK);
    assert_int_equal(n, strlen(expected));

    for (i = 0; i < n; i++) {
        assert_int_equal(pieces[i].first, 0);
        assert_int_equal(pread(pieces[i].fd, text + i, 1, 0), 1);
        close(pieces[i].fd);
    }

    text[n] = '\0';
    assert_string_equal(text, expected);
}


static void
is(const char *key, const char *expected)
{
    social_store_meta_t  meta;
    social_net_object_t  object;

    assert_int_equal(object_open(key, &meta, &object), SOCIAL_OK);
    assert_int_equal(meta.place, SOCIAL_STORE_PARTS);
    firsts(&object, &meta, expected);
    social_net_object_close(&object);
}


/* ends what was left, as another process would */

static unsigned
end(void)
{
    unsigned             i, n;
    social_net_intent_t  found[8];

    n = social_net_intent_find(&disk, (int64_t) time(NULL) + 60, found, 8);
    social_net_intent_end(&disk, (int64_t) time(NULL), found, n);

    for (i = 0; i < n; i++) {
        if (found[i].fd != -1) {
            close(found[i].fd);
        }
    }

    return n;
}


static void
test_upload(void **state)
{
    (void) state;

    create("a", 1);
    left(0, 0, 0, 1);

    assert_int_equal(part("a", 1, 1, 'a'), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(part("a", 1, 2, 'x'), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(part("a", 1, 2, 'b'), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(part_sized("a", 1, 3, 'c', 1), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(part("a", 1, 4, 'd'), SOCIAL_NET_COMMIT_OK);
    left(0, 4, 0, 1);

    /* what there is none of */

    assert_int_equal(part("b", 2, 1, 'a'), SOCIAL_NET_COMMIT_NO_UPLOAD);
    assert_int_equal(complete("b", 2, "a"), SOCIAL_NET_COMMIT_NO_UPLOAD);
    assert_int_equal(abort_upload("b", 2), SOCIAL_NET_COMMIT_NO_UPLOAD);
    left(0, 4, 0, 1);

    assert_int_equal(complete("a", 1, "abc"), SOCIAL_NET_COMMIT_OK);
    left(1, 3, 0, 0);
    is("a", "abc");

    assert_int_equal(part("a", 1, 1, 'x'), SOCIAL_NET_COMMIT_NO_UPLOAD);
    assert_int_equal(abort_upload("a", 1), SOCIAL_NET_COMMIT_NO_UPLOAD);

    /* over and under another object */

    assert_int_equal(put("a", "small"), SOCIAL_NET_COMMIT_OK);
    left(1, 0, 0, 0);
    create("a", 2);
    part("a", 2, 1, 'e');
    assert_int_equal(complete("a", 2, "e"), SOCIAL_NET_COMMIT_OK);
    create("a", 3);
    part("a", 3, 1, 'f');
    assert_int_equal(complete("a", 3, "f"), SOCIAL_NET_COMMIT_OK);
    is("a", "f");
    left(1, 1, 0, 0);
    assert_int_equal(del("a"), SOCIAL_NET_COMMIT_OK);
    left(0, 0, 0, 0);

    create("a", 4);
    part("a", 4, 1, 'a');
    assert_int_equal(abort_upload("a", 4), SOCIAL_NET_COMMIT_OK);
    left(0, 0, 0, 0);
}


static void
test_check(void **state)
{
    stored_t  s;

    (void) state;

    create("a", 1);
    begin(&s, "a", 1);

    assert_int_equal(check(1, "a", &s), SOCIAL_S3_INVALID_PART);

    part("a", 1, 1, 'a');
    part_sized("a", 1, 2, 'b', MIN - 1);
    part_sized("a", 1, 3, 'c', 0);

    assert_int_equal(check(1, "a", &s), SOCIAL_S3_OK);
    assert_int_equal(s.c.meta.size, MIN);
    assert_int_equal(check(1, "b", &s), SOCIAL_S3_INVALID_PART);
    assert_int_equal(check(1, "ab", &s), SOCIAL_S3_OK);
    assert_int_equal(s.c.meta.size, 2 * MIN - 1);
    assert_int_equal(check(1, "abc", &s), SOCIAL_S3_ENTITY_TOO_SMALL);
    assert_int_equal(check(1, "a0c", &s), SOCIAL_S3_OK);
    assert_int_equal(check(1, "000d", &s), SOCIAL_S3_INVALID_PART);

    /* the MD5 of MD5s: 16 bytes of 0xaa, then of 0xbb */

    assert_int_equal(check(1, "ab", &s), SOCIAL_S3_OK);
    assert_memory_equal(s.c.meta.etag, "8039a288fc27346c4ebd08f17995e8bc",
                        32);

    /* a part whose note is damaged */

    {
        int   fd;
        char  path[128];

        snprintf(path, sizeof(path), "%s/data/00/%032x/1", root, 1);
        fd = open(path, O_WRONLY|O_APPEND);
        assert_int_equal(write(fd, "x", 1), 1);
        close(fd);
    }

    assert_int_equal(check(1, "a", &s), SOCIAL_S3_INVALID_PART);
}


/* a process that dies at each step: nothing that was acknowledged is lost */

static void
test_crash(void **state)
{
    stored_t  s;

    (void) state;

    create("a", 1);
    part("a", 1, 1, 'a');
    part("a", 1, 2, 'b');

    /* before its name: it is an upload, as it was */

    assert_int_equal(complete_begin("a", 1, "ab", &s), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(social_net_commit_prepare(&s.c), SOCIAL_NET_COMMIT_OK);
    social_net_disk_discard(&disk, &s.c.file);
    social_net_commit_free(&s.c);
    left(0, 2, 1, 1);
    assert_int_equal(end(), 1);
    left(0, 2, 0, 1);

    /* after it, before the upload is ended: it is an object */

    part("a", 1, 3, 'c');
    assert_int_equal(complete_begin("a", 1, "ab", &s), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(publish(&s), SOCIAL_NET_COMMIT_OK);
    social_net_commit_free(&s.c);
    left(1, 3, 1, 1);

    assert_int_equal(part("a", 1, 1, 'x'), SOCIAL_NET_COMMIT_NO_UPLOAD);
    assert_int_equal(complete("a", 1, "ab"), SOCIAL_NET_COMMIT_NO_UPLOAD);
    assert_int_equal(abort_upload("a", 1), SOCIAL_NET_COMMIT_NO_UPLOAD);
    is("a", "ab");

    assert_int_equal(end(), 1);
    left(1, 2, 0, 0);
    is("a", "ab");

    /* an abort that was cut */

    create("b", 2);
    part("b", 2, 1, 'a');
    begin(&s, "b", 2);
    id_of(s.c.name, serial++);
    s.c.kind = SOCIAL_NET_COMMIT_ABORT;
    s.c.remove = true;
    assert_int_equal(publish(&s), SOCIAL_NET_COMMIT_OK);
    social_net_commit_free(&s.c);
    left(1, 3, 1, 0);
    assert_int_equal(end(), 1);
    left(1, 2, 0, 0);

    /* a removal that was cut */

    begin(&s, "a", serial++);
    s.c.remove = true;
    assert_int_equal(publish(&s), SOCIAL_NET_COMMIT_OK);
    social_net_commit_free(&s.c);
    left(0, 2, 1, 0);
    assert_int_equal(end(), 1);
    left(0, 0, 0, 0);
}


/* one intent was left by a commit that failed, another one succeeded */

static void
test_again(void **state)
{
    stored_t             s;
    social_net_intent_t  found[4];

    (void) state;

    create("a", 1);
    part("a", 1, 1, 'a');

    assert_int_equal(complete_begin("a", 1, "a", &s), SOCIAL_NET_COMMIT_OK);
    s.c.announce = true;
    assert_int_equal(social_net_commit_prepare(&s.c), SOCIAL_NET_COMMIT_OK);
    social_net_disk_discard(&disk, &s.c.file);
    social_net_commit_free(&s.c);

    assert_int_equal(complete("a", 1, "a"), SOCIAL_NET_COMMIT_OK);
    left(1, 1, 1, 0);

    /* it has another number, and announces nothing */

    assert_int_equal(social_net_intent_find(&disk, (int64_t) time(NULL) + 60,
                                            found, 4), 1);
    social_net_intent_end(&disk, (int64_t) time(NULL), found, 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ENDED);
    left(1, 1, 0, 0);
    is("a", "a");

    /* one that is to be announced is */

    create("b", 2);
    part("b", 2, 1, 'b');
    assert_int_equal(complete_begin("b", 2, "b", &s), SOCIAL_NET_COMMIT_OK);
    s.c.announce = true;
    assert_int_equal(publish(&s), SOCIAL_NET_COMMIT_OK);
    social_net_commit_free(&s.c);

    assert_int_equal(social_net_intent_find(&disk, (int64_t) time(NULL) + 60,
                                            found, 4), 1);
    social_net_intent_end(&disk, (int64_t) time(NULL), found, 1);
    assert_int_equal(found[0].state, SOCIAL_NET_INTENT_ANNOUNCE);
    assert_int_equal(found[0].intent.parts, 1);
    left(2, 2, 1, 0);
    social_net_intent_announced(&disk, &found[0]);
    left(2, 2, 0, 0);
}


/* who has it locked keeps others away */

static void
test_locks(void **state)
{
    int       fd;
    stored_t  s, p;

    (void) state;

    create("a", 1);
    part("a", 1, 1, 'a');

    assert_int_equal(complete_begin("a", 1, "a", &s), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(part("a", 1, 1, 'x'), SOCIAL_NET_COMMIT_BUSY);
    assert_int_equal(complete_begin("a", 1, "a", &p), SOCIAL_NET_COMMIT_BUSY);
    assert_int_equal(abort_upload("a", 1), SOCIAL_NET_COMMIT_BUSY);
    social_net_commit_free(&s.c);

    begin(&p, "a", 1);
    assert_int_equal(social_net_upload_lock(&disk, p.c.path, p.c.meta.id,
                                            false, &fd),
                     SOCIAL_NET_COMMIT_OK);
    assert_int_equal(part("a", 1, 1, 'b'), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(complete_begin("a", 1, "b", &p), SOCIAL_NET_COMMIT_BUSY);
    close(fd);

    assert_int_equal(complete("a", 1, "b"), SOCIAL_NET_COMMIT_OK);
    is("a", "b");
}


/* an object that came meanwhile, with a later number: to be done again */

static void
test_superseded(void **state)
{
    stored_t  s;

    (void) state;

    create("a", 1);
    part("a", 1, 1, 'a');

    assert_int_equal(complete_begin("a", 1, "a", &s), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(social_net_commit_prepare(&s.c), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(put("a", "later"), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(social_net_commit_publish(&s.c, &known),
                     SOCIAL_NET_COMMIT_SUPERSEDED);
    social_net_commit_abort(&s.c);
    assert_int_equal(s.c.upload, -1);
    left(1, 1, 0, 1);

    assert_int_equal(complete("a", 1, "a"), SOCIAL_NET_COMMIT_OK);
    is("a", "a");

    /* a condition that is not met leaves the upload */

    create("a", 2);
    part("a", 2, 1, 'b');
    assert_int_equal(complete_begin("a", 2, "b", &s), SOCIAL_NET_COMMIT_OK);
    s.c.if_none_match = S("*");
    assert_int_equal(publish(&s), SOCIAL_NET_COMMIT_REFUSED);
    left(1, 2, 0, 1);
    assert_int_equal(complete("a", 2, "b"), SOCIAL_NET_COMMIT_OK);
    left(1, 1, 0, 0);
}


/* who reads an object keeps its parts, and nothing else */

static void
test_reader(void **state)
{
    social_store_meta_t  meta;
    social_net_object_t  object;

    (void) state;

    create("a", 1);
    part("a", 1, 1, 'a');
    part("a", 1, 2, 'b');
    complete("a", 1, "ab");

    assert_int_equal(object_open("a", &meta, &object), SOCIAL_OK);
    assert_int_equal(put("a", "other"), SOCIAL_NET_COMMIT_OK);
    left(1, 2, 1, 0);

    firsts(&object, &meta, "ab");
    assert_int_equal(end(), 1);
    left(1, 2, 1, 0);
    firsts(&object, &meta, "ab");

    social_net_object_close(&object);
    social_net_object_close(&object);
    assert_int_equal(end(), 1);
    left(1, 0, 0, 0);

    assert_int_equal(object_open("a", &meta, &object), SOCIAL_OK);
    assert_int_equal(meta.place, SOCIAL_STORE_INLINE);
    social_net_object_close(&object);

    /* parts that are not there are damage */

    create("a", 2);
    part("a", 2, 1, 'a');
    complete("a", 2, "a");
    {
        char                path[128];
        unsigned            n;
        social_net_piece_t  piece;

        assert_int_equal(object_open("a", &meta, &object), SOCIAL_OK);
        snprintf(path, sizeof(path), "%s/data/00/%032x/1", root, 2);
        assert_int_equal(truncate(path, 5), 0);
        assert_int_equal(social_net_parts_pieces(&object, &meta, 0, 1, &piece,
                                                 1, &n), SOCIAL_MALFORMED);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(social_net_parts_pieces(&object, &meta, 0, 1, &piece,
                                                 1, &n), SOCIAL_FAILED);
        social_net_object_close(&object);
    }
}


static void
test_pieces(void **state)
{
    unsigned             n, index;
    unsigned char        buf[SOCIAL_STORE_PART_SIZE];
    social_net_piece_t   p[4];
    social_store_part_t  record;
    social_store_meta_t  meta;
    social_net_object_t  object;

    (void) state;

    create("a", 1);
    part("a", 1, 1, 'a');
    part("a", 1, 2, 'b');
    part_sized("a", 1, 3, 'c', 10);
    complete("a", 1, "abc");
    assert_int_equal(object_open("a", &meta, &object), SOCIAL_OK);
    assert_int_equal(meta.size, 2 * MIN + 10);

    assert_int_equal(social_net_parts_pieces(&object, &meta, MIN - 1, MIN + 1,
                                             p, 4, &n), SOCIAL_OK);
    assert_int_equal(n, 2);
    assert_int_equal(p[0].first, MIN - 1);
    assert_int_equal(p[0].end, MIN);
    assert_int_equal(p[1].first, 0);
    assert_int_equal(p[1].end, 1);
    close(p[0].fd);
    close(p[1].fd);

    assert_int_equal(social_net_parts_pieces(&object, &meta, MIN, 2 * MIN, p,
                                             4, &n), SOCIAL_OK);
    assert_int_equal(n, 1);
    assert_int_equal(p[0].end, MIN);
    close(p[0].fd);

    /* no more than there is room for */

    assert_int_equal(social_net_parts_pieces(&object, &meta, 5, 2 * MIN + 10,
                                             p, 2, &n), SOCIAL_OK);
    assert_int_equal(n, 2);
    close(p[0].fd);
    close(p[1].fd);

    assert_int_equal(social_net_parts_find(&object, &meta, 2 * MIN + 9, &index,
                                           buf, &record), SOCIAL_OK);
    assert_int_equal(index, 2);
    assert_int_equal(record.number, 3);
    assert_int_equal(social_net_parts_find(&object, &meta, 2 * MIN + 10,
                                           &index, buf, &record),
                     SOCIAL_MALFORMED);
    assert_int_equal(social_net_parts_record(&object, &meta, 3, buf, &record),
                     SOCIAL_MALFORMED);

    social_net_object_close(&object);
}


static social_net_commit_rc_e
copy(const char *from, const char *to, unsigned id)
{
    ssize_t                 n;
    stored_t                s;
    social_store_meta_t     meta;
    social_net_object_t     object;
    social_net_commit_rc_e  rc;

    assert_int_equal(object_open(from, &meta, &object), SOCIAL_OK);

    begin(&s, to, id);
    s.c.meta.size = meta.size;
    s.c.source = &object;

    if (meta.place == SOCIAL_STORE_PARTS) {
        s.c.meta.parts = meta.parts;
        n = pread(object.fd, s.records, sizeof(s.records), object.offset);
        assert_int_equal(n, meta.parts * SOCIAL_STORE_PART_SIZE);
        s.c.bytes.data = s.records;
        s.c.bytes.len = (size_t) n;
    }

    rc = commit(&s);

    social_net_object_close(&object);

    return rc;
}


static void
test_copy(void **state)
{
    int          fd;
    char         path[128];
    stored_t     s;
    struct stat  st;

    (void) state;

    create("a", 1);
    part("a", 1, 1, 'a');
    part("a", 1, 2, 'b');
    complete("a", 1, "ab");

    assert_int_equal(copy("a", "b", 2), SOCIAL_NET_COMMIT_OK);
    left(2, 4, 0, 0);
    is("b", "ab");

    snprintf(path, sizeof(path), "%s/data/00/%032x/1", root, 2);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_nlink, 2);

    assert_int_equal(del("a"), SOCIAL_NET_COMMIT_OK);
    left(1, 2, 0, 0);
    is("b", "ab");

    /* onto itself, while it is read */

    assert_int_equal(copy("b", "b", 3), SOCIAL_NET_COMMIT_OK);
    is("b", "ab");
    left(1, 4, 1, 0);
    assert_int_equal(end(), 1);
    left(1, 2, 0, 0);

    /* one of a file of its own, which is removed while it is open */

    begin(&s, "f", 10);
    s.c.meta.size = 5;
    assert_int_equal(social_net_disk_create(&disk, s.c.meta.id, 0, &s.c.data),
                     SOCIAL_OK);
    assert_int_equal(social_net_disk_write(s.c.data.fd, S("bytes")),
                     SOCIAL_OK);
    assert_int_equal(commit(&s), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(copy("f", "g", 11), SOCIAL_NET_COMMIT_OK);
    left(3, 4, 0, 0);
    {
        char                 text[8];
        social_store_meta_t  meta;
        social_net_object_t  object;

        assert_int_equal(object_open("f", &meta, &object), SOCIAL_OK);
        assert_int_equal(del("f"), SOCIAL_NET_COMMIT_OK);
        assert_int_equal(del("g"), SOCIAL_NET_COMMIT_OK);
        left(1, 2, 0, 0);

        begin(&s, "h", 12);
        s.c.meta.size = 5;
        s.c.source = &object;
        assert_int_equal(commit(&s), SOCIAL_NET_COMMIT_OK);
        social_net_object_close(&object);

        snprintf(path, sizeof(path), "%s/data/00/%032x", root, 12);
        fd = open(path, O_RDONLY);
        assert_int_equal(read(fd, text, sizeof(text)), 5);
        assert_memory_equal(text, "bytes", 5);
        close(fd);
    }

    /* one that is cut leaves nothing */

    {
        social_store_meta_t  meta;
        social_net_object_t  object;

        assert_int_equal(object_open("b", &meta, &object), SOCIAL_OK);
        begin(&s, "i", 13);
        s.c.meta.size = meta.size;
        s.c.meta.parts = meta.parts;
        s.c.source = &object;
        assert_int_equal(pread(object.fd, s.records, sizeof(s.records),
                               object.offset), 2 * SOCIAL_STORE_PART_SIZE);
        s.c.bytes.data = s.records;
        s.c.bytes.len = 2 * SOCIAL_STORE_PART_SIZE;
        assert_int_equal(social_net_commit_prepare(&s.c),
                         SOCIAL_NET_COMMIT_OK);
        left(2, 5, 1, 0);
        social_net_disk_discard(&disk, &s.c.file);
        social_net_commit_free(&s.c);
        social_net_object_close(&object);
        assert_int_equal(end(), 1);
        left(2, 3, 0, 0);
    }
}


static char  seen[256];


static social_rc_e
take_upload(void *data, const social_store_upload_t *upload,
    social_str_t common)
{
    (void) data;

    if (common.len) {
        snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s ",
                 (int) common.len, (const char *) common.data);
        return SOCIAL_OK;
    }

    snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s:%c ",
             (int) upload->key.len, (const char *) upload->key.data,
             upload->id[31]);

    return SOCIAL_OK;
}


static bool
list_uploads_by(const char *prefix, const char *delimiter, const char *key,
    const char *id, unsigned max)
{
    bool  truncated;

    seen[0] = '\0';

    assert_int_equal(social_net_uploads(&disk, social_str(prefix),
                                        social_str(delimiter),
                                        social_str(key), social_str(id), max,
                                        take_upload, NULL, &truncated),
                     SOCIAL_OK);

    return truncated;
}


static bool
list_uploads(const char *prefix, const char *key, const char *id,
    unsigned max)
{
    return list_uploads_by(prefix, "", key, id, max);
}


static social_rc_e
take_part(void *data, unsigned number, const social_store_note_t *note)
{
    (void) data;

    snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%u%c ", number,
             note->etag[0]);

    return SOCIAL_OK;
}


static bool
list_parts(unsigned id, unsigned after, unsigned max)
{
    bool           truncated;
    unsigned char  text[SOCIAL_STORE_ID_SIZE];

    seen[0] = '\0';
    id_of(text, id);

    assert_int_equal(social_net_upload_parts(&disk, text, after, max,
                                             take_part, NULL, &truncated),
                     SOCIAL_OK);

    return truncated;
}


static void
test_lists(void **state)
{
    (void) state;

    assert_false(list_uploads("", "", "", 10));
    assert_string_equal(seen, "");

    create("b", 5);
    create("b", 3);
    create("a/x", 4);
    create("c", 1);
    create("b", 2);

    assert_false(list_uploads("", "", "", 10));
    assert_string_equal(seen, "a/x:4 b:2 b:3 b:5 c:1 ");
    assert_false(list_uploads("", "", "", 5));
    assert_true(list_uploads("", "", "", 2));
    assert_string_equal(seen, "a/x:4 b:2 ");
    assert_true(list_uploads("", "b", "00000000000000000000000000000002", 2));
    assert_string_equal(seen, "b:3 b:5 ");
    assert_false(list_uploads("", "b", "", 2));
    assert_string_equal(seen, "c:1 ");
    assert_false(list_uploads("a/", "", "", 2));
    assert_string_equal(seen, "a/x:4 ");
    assert_false(list_uploads("", "", "", 0));

    part("b", 5, 10, 'a');
    part("b", 5, 9, 'b');
    part("b", 5, 1, 'c');
    assert_false(list_parts(5, 0, 1000));
    assert_string_equal(seen, "1c 9b 10a ");
    assert_true(list_parts(5, 0, 2));
    assert_string_equal(seen, "1c 9b ");
    assert_false(list_parts(5, 9, 2));
    assert_string_equal(seen, "10a ");
    assert_false(list_parts(5, 0, 0));
    assert_false(list_parts(4, 0, 2));
    assert_string_equal(seen, "");
}


/* those with a common prefix are one */

static void
test_list_delimiter(void **state)
{
    (void) state;

    create("a/x/1", 1);
    create("a/x/2", 2);
    create("a/y", 3);
    create("a/z/1", 4);
    create("b", 5);
    create("a", 6);
    create("c/1", 7);
    create("c/1", 8);
    create("d/", 9);

    assert_false(list_uploads_by("", "/", "", "", 10));
    assert_string_equal(seen, "a:6 a/ b:5 c/ d/ ");
    assert_false(list_uploads_by("a/", "/", "", "", 10));
    assert_string_equal(seen, "a/x/ a/y:3 a/z/ ");
    assert_false(list_uploads_by("", "/1", "", "", 10));
    assert_string_equal(seen, "a:6 a/x/1 a/x/2:2 a/y:3 a/z/1 b:5 c/1 d/:9 ");

    /* page by page, of which none has the same twice */

    assert_true(list_uploads_by("", "/", "", "", 2));
    assert_string_equal(seen, "a:6 a/ ");
    assert_true(list_uploads_by("", "/", "a/", "", 2));
    assert_string_equal(seen, "b:5 c/ ");
    assert_false(list_uploads_by("", "/", "c/", "", 1));
    assert_string_equal(seen, "d/ ");
    assert_false(list_uploads_by("", "/", "d/", "", 1));
    assert_string_equal(seen, "");
    assert_false(list_uploads_by("", "/", "c", "", 2));
    assert_string_equal(seen, "c/ d/ ");

    /* a marker within one that is not it leaves the rest of it */

    assert_false(list_uploads_by("", "/", "c/0", "", 2));
    assert_string_equal(seen, "c/ d/ ");
    assert_false(list_uploads_by("", "/", "c/1", "", 2));
    assert_string_equal(seen, "d/ ");
}


static void
test_expire(void **state)
{
    int       fd;
    char      path[128];
    stored_t  s;
    int64_t   now;

    (void) state;

    now = (int64_t) time(NULL);

    create_at("a", 1, now - 100);
    part("a", 1, 1, 'a');
    create_at("b", 2, now - 10);
    left(0, 1, 0, 2);

    /* by the time of its file as well: a clock may be set back */

    assert_int_equal(social_net_upload_expire(&disk, now - 50), 0);
    assert_int_equal(social_net_upload_expire(&disk, now - 200), 0);
    assert_int_equal(social_net_upload_expire(&disk, now + 2), 2);
    left(0, 0, 0, 0);

    /* one that began later than its file says */

    create_at("a", 4, now + 500);
    assert_int_equal(social_net_upload_expire(&disk, now + 2), 0);
    assert_int_equal(abort_upload("a", 4), SOCIAL_NET_COMMIT_OK);

    /* not while it is being completed */

    create_at("a", 3, now - 100);
    part("a", 3, 1, 'a');
    begin(&s, "a", 3);
    assert_int_equal(social_net_upload_lock(&disk, s.c.path, s.c.meta.id, true,
                                            &fd), SOCIAL_NET_COMMIT_OK);
    assert_int_equal(social_net_upload_expire(&disk, now + 2), 0);
    close(fd);
    assert_int_equal(social_net_upload_expire(&disk, now + 2), 1);
    left(0, 0, 0, 0);

    /* something else is left alone */

    snprintf(path, sizeof(path), "%s/uploads/other", root);
    close(open(path, O_WRONLY|O_CREAT, 0600));
    assert_int_equal(social_net_upload_expire(&disk, now + 2), 0);
    assert_int_equal(files("uploads"), 1);
}


#define unit(test)  cmocka_unit_test_setup_teardown(test, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_upload),
        unit(test_check),
        unit(test_crash),
        unit(test_again),
        unit(test_locks),
        unit(test_superseded),
        unit(test_reader),
        unit(test_pieces),
        unit(test_copy),
        unit(test_lists),
        unit(test_list_delimiter),
        unit(test_expire),
    };

    return cmocka_run_group_tests_name("net_upload", tests, NULL, NULL);
}
