
/*
 * Walks through the objects of a store in the order of their keys.
 *
 * The entries of one directory are the keys of one level: "x.o" is the key
 * PREFIXx, "x.d" are those that begin with PREFIXx/, and "x.c" holds those
 * whose names are too long for one entry, which are read as if they were here.
 * The first ones in order, as many as may be needed, are kept while it is read;
 * where those were not enough it is read again from the last one on.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "social_net_list.h"


/* of entries that are kept, in the uppermost directories and in others */

#define SOCIAL_NET_LIST_MANY   1000
#define SOCIAL_NET_LIST_FEW    32
#define SOCIAL_NET_LIST_DEPTH  4

/* of directories whose names are kept, to see whether they are empty */

#define SOCIAL_NET_LIST_NAMES  64


typedef struct {
    bool            is_directory;
    size_t          len;
    unsigned char   name[];             /* decoded; a "/" ends a directory's */
} social_net_list_entry_t;


typedef struct {
    social_net_list_entry_t  **entries;     /* a heap, the last one first */
    size_t                     count;
    size_t                     size;
    bool                       more;        /* there were others after it */
} social_net_list_page_t;


typedef struct {
    int                   objects;          /* ROOT/objects */
    social_s3_list_t     *list;
    social_net_list_pt    callback;
    void                 *data;
    unsigned              taken;
    bool                  done;             /* the page is full, or the end */
    bool                  truncated;
    unsigned              damaged;

    size_t                prefix_len;       /* of the current directory */
    unsigned char         key[SOCIAL_STORE_MAX_KEY];
    unsigned char         path[SOCIAL_STORE_MAX_PATH];
    unsigned char         meta[SOCIAL_STORE_META_SIZE];
} social_net_list_walk_t;


static size_t social_net_list_begin(const social_s3_list_t *list);
static social_rc_e social_net_list_directory(social_net_list_walk_t *walk,
    unsigned depth);
static social_rc_e social_net_list_page(social_net_list_walk_t *walk,
    social_net_list_page_t *page, const social_net_list_entry_t *after);
static social_rc_e social_net_list_read(social_net_list_walk_t *walk,
    social_net_list_page_t *page, const social_net_list_entry_t *after,
    int fd, size_t len);
static social_rc_e social_net_list_keep(social_net_list_page_t *page,
    social_str_t name, bool is_directory);
static void social_net_list_sift(social_net_list_page_t *page);
static int social_net_list_order(const void *a, const void *b);
static void social_net_list_free(social_net_list_page_t *page);
static social_rc_e social_net_list_entry(social_net_list_walk_t *walk,
    const social_net_list_entry_t *entry, unsigned depth);
static social_rc_e social_net_list_object(social_net_list_walk_t *walk,
    social_str_t key);
static social_rc_e social_net_list_take(social_net_list_walk_t *walk,
    social_str_t key, const social_store_meta_t *meta);
static int social_net_list_open(social_net_list_walk_t *walk,
    social_str_t prefix);
static social_rc_e social_net_list_place(social_net_list_walk_t *walk,
    social_str_t prefix);
static int social_net_list_descend(int fd, const char *path);
static social_rc_e social_net_list_has_object(social_net_list_walk_t *walk,
    size_t len, bool *has);
static social_rc_e social_net_list_names(social_net_list_walk_t *walk,
    size_t skip, char **names, size_t *count, size_t *seen, bool *has);


social_rc_e
social_net_list(const char *root, social_s3_list_t *list,
    social_net_list_pt callback, void *data, bool *truncated,
    unsigned *damaged)
{
    int                      fd, saved;
    social_rc_e              rc;
    social_net_list_walk_t  *walk;

    *truncated = false;
    *damaged = 0;

    if (list->max_keys == 0) {
        return SOCIAL_OK;
    }

    walk = calloc(1, sizeof(social_net_list_walk_t));
    if (walk == NULL) {
        return SOCIAL_FAILED;
    }

    fd = open(root, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        free(walk);
        return SOCIAL_FAILED;
    }

    walk->objects = openat(fd, "objects",
                           O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    saved = errno;
    close(fd);
    errno = saved;

    rc = SOCIAL_FAILED;

    if (walk->objects != -1) {

        walk->list = list;
        walk->callback = callback;
        walk->data = data;
        walk->prefix_len = social_net_list_begin(list);

        if (walk->prefix_len) {
            memcpy(walk->key, list->prefix.data, walk->prefix_len);
        }

        rc = social_net_list_directory(walk, 0);

        *truncated = walk->truncated;
        *damaged = walk->damaged;

        saved = errno;
        close(walk->objects);
        errno = saved;

    } else if (errno == ENOENT) {

        /* nothing was ever put */

        rc = SOCIAL_OK;
    }

    free(walk);

    return rc;
}


/*
 * The directory that all keys of the list are in: the prefix up to its last
 * slash.
 */

static size_t
social_net_list_begin(const social_s3_list_t *list)
{
    size_t  i;

    i = list->prefix.len;

    if (i > SOCIAL_STORE_MAX_KEY
        || (i && memchr(list->prefix.data, '\0', i) != NULL))
    {
        i = 0;
    }

    while (i > 0 && list->prefix.data[i - 1] != '/') {
        i--;
    }

    return i;
}


/*
 * Lists what is in the current directory, walk->key up to walk->prefix_len.
 */

static social_rc_e
social_net_list_directory(social_net_list_walk_t *walk, unsigned depth)
{
    size_t                    i;
    social_rc_e               rc;
    social_net_list_page_t    page;
    social_net_list_entry_t  *after;

    after = NULL;

    do {
        page.size = depth < SOCIAL_NET_LIST_DEPTH ? SOCIAL_NET_LIST_MANY
                                                  : SOCIAL_NET_LIST_FEW;

        if (page.size > walk->list->max_keys - walk->taken + 1) {
            page.size = walk->list->max_keys - walk->taken + 1;
        }

        rc = social_net_list_page(walk, &page, after);

        free(after);
        after = NULL;

        for (i = 0; rc == SOCIAL_OK && i < page.count && !walk->done; i++) {
            rc = social_net_list_entry(walk, page.entries[i], depth);
        }

        if (page.more && page.count) {
            after = page.entries[page.count - 1];
            page.entries[page.count - 1] = NULL;
        }

        social_net_list_free(&page);

    } while (rc == SOCIAL_OK && after && !walk->done);

    free(after);

    return rc;
}


/*
 * The next entries of the current directory in order, those after "after"; a
 * directory that is not there has none.
 */

static social_rc_e
social_net_list_page(social_net_list_walk_t *walk,
    social_net_list_page_t *page, const social_net_list_entry_t *after)
{
    int           fd;
    social_rc_e   rc;
    social_str_t  prefix;

    page->count = 0;
    page->more = false;
    page->entries = calloc(page->size, sizeof(page->entries[0]));

    if (page->entries == NULL) {
        return SOCIAL_FAILED;
    }

    prefix.data = walk->key;
    prefix.len = walk->prefix_len;

    fd = social_net_list_open(walk, prefix);

    if (fd == -1) {
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
               ? SOCIAL_OK : SOCIAL_FAILED;
    }

    rc = social_net_list_read(walk, page, after, fd, walk->prefix_len);

    if (rc == SOCIAL_OK && page->count > 1) {
        qsort(page->entries, page->count, sizeof(page->entries[0]),
              social_net_list_order);
    }

    return rc;
}


/*
 * Reads a directory, which is closed, whose entries' names follow the first
 * "len" bytes of walk->key: the prefix, and the beginning of a long name.
 */

static social_rc_e
social_net_list_read(social_net_list_walk_t *walk,
    social_net_list_page_t *page, const social_net_list_entry_t *after, int fd,
    size_t len)
{
    int                     sub;
    DIR                    *dir;
    size_t                  n;
    social_rc_e             rc;
    social_str_t            key, name, common, last;
    struct dirent          *de;
    social_s3_list_e        where;
    social_store_entry_e    kind;

    dir = fdopendir(fd);

    if (dir == NULL) {
        close(fd);
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_OK;

    while (rc == SOCIAL_OK) {

        errno = 0;
        de = readdir(dir);

        if (de == NULL) {
            rc = errno ? SOCIAL_FAILED : SOCIAL_OK;
            break;
        }

        n = sizeof(walk->key) - len;
        kind = social_store_entry(social_str(de->d_name),
                                  len == walk->prefix_len, walk->key + len,
                                  &n);

        if (kind == SOCIAL_STORE_ENTRY_NONE) {
            continue;
        }

        key.data = walk->key;
        key.len = len + n;

        where = kind == SOCIAL_STORE_ENTRY_OBJECT
                ? social_s3_list_key(walk->list, key, &common)
                : social_s3_list_keys(walk->list, key, &common);

        if (where == SOCIAL_S3_LIST_BEFORE || where == SOCIAL_S3_LIST_AFTER) {
            continue;
        }

        if (kind == SOCIAL_STORE_ENTRY_PIECE) {

            sub = openat(dirfd(dir), de->d_name,
                         O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

            if (sub != -1) {
                rc = social_net_list_read(walk, page, after, sub, key.len);
            }

            continue;
        }

        name.data = walk->key + walk->prefix_len;
        name.len = key.len - walk->prefix_len;

        if (after) {
            last.data = after->name;
            last.len = after->len;

            if (social_s3_key_compare(name, last) <= 0) {
                continue;
            }
        }

        rc = social_net_list_keep(page, name,
                                  kind == SOCIAL_STORE_ENTRY_DIRECTORY);
    }

    closedir(dir);

    return rc;
}


/*
 * Keeps an entry if it is one of the first ones.
 */

static social_rc_e
social_net_list_keep(social_net_list_page_t *page, social_str_t name,
    bool is_directory)
{
    size_t                    i;
    social_str_t              last;
    social_net_list_entry_t  *entry, *other;

    if (page->count == page->size) {

        page->more = true;

        last.data = page->entries[0]->name;
        last.len = page->entries[0]->len;

        if (social_s3_key_compare(name, last) > 0) {
            return SOCIAL_OK;
        }
    }

    entry = malloc(sizeof(social_net_list_entry_t) + name.len);
    if (entry == NULL) {
        return SOCIAL_FAILED;
    }

    entry->is_directory = is_directory;
    entry->len = name.len;

    if (name.len) {
        memcpy(entry->name, name.data, name.len);
    }

    if (page->count == page->size) {
        free(page->entries[0]);
        page->entries[0] = entry;
        social_net_list_sift(page);
        return SOCIAL_OK;
    }

    for (i = page->count++; i > 0; i = (i - 1) / 2) {

        other = page->entries[(i - 1) / 2];

        if (social_net_list_order(&entry, &other) <= 0) {
            break;
        }

        page->entries[i] = other;
    }

    page->entries[i] = entry;

    return SOCIAL_OK;
}


static void
social_net_list_sift(social_net_list_page_t *page)
{
    size_t                     i, child;
    social_net_list_entry_t   *entry;
    social_net_list_entry_t  **entries;

    entries = page->entries;
    entry = entries[0];

    for (i = 0; (child = 2 * i + 1) < page->count; i = child) {

        if (child + 1 < page->count
            && social_net_list_order(&entries[child + 1], &entries[child]) > 0)
        {
            child++;
        }

        if (social_net_list_order(&entry, &entries[child]) >= 0) {
            break;
        }

        entries[i] = entries[child];
    }

    entries[i] = entry;
}


static int
social_net_list_order(const void *a, const void *b)
{
    social_str_t                    one, two;
    const social_net_list_entry_t  *x, *y;

    x = *(social_net_list_entry_t *const *) a;
    y = *(social_net_list_entry_t *const *) b;

    one.data = x->name;
    one.len = x->len;
    two.data = y->name;
    two.len = y->len;

    return social_s3_key_compare(one, two);
}


static void
social_net_list_free(social_net_list_page_t *page)
{
    size_t  i;

    for (i = 0; page->entries && i < page->count; i++) {
        free(page->entries[i]);
    }

    free(page->entries);
}


static social_rc_e
social_net_list_entry(social_net_list_walk_t *walk,
    const social_net_list_entry_t *entry, unsigned depth)
{
    bool              has;
    size_t            len;
    social_rc_e       rc;
    social_str_t      key, common;
    social_s3_list_e  where;

    len = walk->prefix_len;

    if (entry->len) {
        memcpy(walk->key + len, entry->name, entry->len);
    }

    key.data = walk->key;
    key.len = len + entry->len;

    /* it may be past what was taken since the directory was read */

    where = entry->is_directory
            ? social_s3_list_keys(walk->list, key, &common)
            : social_s3_list_key(walk->list, key, &common);

    switch (where) {

    case SOCIAL_S3_LIST_BEFORE:
        return SOCIAL_OK;

    case SOCIAL_S3_LIST_AFTER:
        walk->done = true;
        return SOCIAL_OK;

    case SOCIAL_S3_LIST_KEY:
        return social_net_list_object(walk, key);

    case SOCIAL_S3_LIST_PREFIX:
        if (!entry->is_directory) {
            return social_net_list_take(walk, common, NULL);
        }

        has = false;

        if (social_net_list_place(walk, key) == SOCIAL_OK) {

            rc = social_net_list_has_object(walk,
                                            strlen((char *) walk->path),
                                            &has);
            if (rc != SOCIAL_OK) {
                return rc;
            }
        }

        return has ? social_net_list_take(walk, common, NULL) : SOCIAL_OK;

    default:
        break;
    }

    walk->prefix_len = key.len;

    rc = social_net_list_directory(walk, depth + 1);

    walk->prefix_len = len;

    return rc;
}


static social_rc_e
social_net_list_object(social_net_list_walk_t *walk, social_str_t key)
{
    int                   fd, dir;
    char                 *name;
    size_t                len;
    ssize_t               n;
    social_str_t          text;
    social_store_meta_t   meta;

    if (social_store_path(key, walk->path, &len) != SOCIAL_OK) {
        return SOCIAL_OK;
    }

    name = strrchr((char *) walk->path, '/');

    if (name) {
        *name++ = '\0';
        dir = social_net_list_descend(walk->objects, (char *) walk->path);

    } else {
        name = (char *) walk->path;
        dir = social_net_list_descend(walk->objects, ".");
    }

    if (dir == -1) {
        return SOCIAL_OK;
    }

    fd = openat(dir, name, O_RDONLY|O_NOFOLLOW|O_CLOEXEC);
    close(dir);

    if (fd == -1) {

        /* removed a moment ago */

        walk->damaged += (errno != ENOENT);
        return SOCIAL_OK;
    }

    n = read(fd, walk->meta, sizeof(walk->meta));
    close(fd);

    text.data = walk->meta;
    text.len = n > 0 ? (size_t) n : 0;

    if (social_store_meta_read(text, &meta) != SOCIAL_OK) {
        walk->damaged++;
        return SOCIAL_OK;
    }

    return social_net_list_take(walk, key, &meta);
}


static social_rc_e
social_net_list_take(social_net_list_walk_t *walk, social_str_t key,
    const social_store_meta_t *meta)
{
    social_rc_e  rc;

    if (walk->taken == walk->list->max_keys) {
        walk->truncated = true;
        walk->done = true;
        return SOCIAL_OK;
    }

    rc = walk->callback(walk->data, key, meta);

    if (rc == SOCIAL_OK) {
        walk->taken++;
        social_s3_list_take(walk->list, key, meta == NULL);
    }

    return rc;
}


/*
 * Opens the directory of all keys with a prefix that ends with a slash, or of
 * all keys.  -1: errno says why.
 */

static int
social_net_list_open(social_net_list_walk_t *walk, social_str_t prefix)
{
    if (social_net_list_place(walk, prefix) != SOCIAL_OK) {
        errno = ENOENT;
        return -1;
    }

    return social_net_list_descend(walk->objects, (char *) walk->path);
}


/*
 * Writes its path to walk->path.  SOCIAL_MALFORMED: there cannot be one.
 */

static social_rc_e
social_net_list_place(social_net_list_walk_t *walk, social_str_t prefix)
{
    size_t  len;

    if (prefix.len == 0) {
        walk->path[0] = '.';
        walk->path[1] = '\0';

        return SOCIAL_OK;
    }

    /* the path of the key PREFIX, which is in the directory */

    if (social_store_path(prefix, walk->path, &len) != SOCIAL_OK) {
        return SOCIAL_MALFORMED;
    }

    *strrchr((char *) walk->path, '/') = '\0';

    return SOCIAL_OK;
}


/*
 * Opens a directory below another one, without following a symbolic link: at
 * once where the kernel can (since 5.6, and unless a sandbox forbids it), else
 * step by step.
 */

static int
social_net_list_descend(int fd, const char *path)
{
    int              next, from, saved;
    char             name[256];
    size_t           n;
    const char      *end;
    struct open_how  how;

    memset(&how, 0, sizeof(how));
    how.flags = O_RDONLY|O_DIRECTORY|O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS;

    next = (int) syscall(SYS_openat2, fd, path, &how, sizeof(how));

    if (next != -1 || (errno != ENOSYS && errno != EPERM)) {
        return next;
    }

    from = fd;

    for ( ;; ) {

        end = strchr(path, '/');
        n = end ? (size_t) (end - path) : strlen(path);

        if (n >= sizeof(name)) {
            errno = ENAMETOOLONG;
            next = -1;

        } else {
            memcpy(name, path, n);
            name[n] = '\0';
            next = openat(from, name,
                          O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
        }

        if (from != fd) {
            saved = errno;
            close(from);
            errno = saved;
        }

        if (next == -1 || end == NULL) {
            return next;
        }

        from = next;
        path = end + 1;
    }
}


/*
 * Whether there is an object anywhere below the directory walk->path, of "len"
 * bytes, which is as it was afterwards: an object that is removed leaves its
 * directories.  One directory is open at a time, however deep they are.
 */

static social_rc_e
social_net_list_has_object(social_net_list_walk_t *walk, size_t len, bool *has)
{
    char         *names[SOCIAL_NET_LIST_NAMES];
    size_t        count, skip, seen, i, n;
    social_rc_e   rc;

    skip = 0;

    do {
        rc = social_net_list_names(walk, skip, names, &count, &seen, has);

        for (i = 0; i < count; i++) {

            n = strlen(names[i]);

            if (rc == SOCIAL_OK && !*has
                && len + 1 + n < sizeof(walk->path))
            {
                walk->path[len] = '/';
                memcpy(walk->path + len + 1, names[i], n + 1);

                rc = social_net_list_has_object(walk, len + 1 + n, has);

                walk->path[len] = '\0';
            }

            free(names[i]);
        }

        skip += SOCIAL_NET_LIST_NAMES;

    } while (rc == SOCIAL_OK && !*has && seen > skip);

    return rc;
}


/*
 * The names of some directories in walk->path, the first "skip" ones left out,
 * the number of all of them, and whether there is an object.
 */

static social_rc_e
social_net_list_names(social_net_list_walk_t *walk, size_t skip, char **names,
    size_t *count, size_t *seen, bool *has)
{
    int             fd;
    DIR            *dir;
    size_t          len;
    social_rc_e     rc;
    struct dirent  *de;

    *count = 0;
    *seen = 0;

    fd = social_net_list_descend(walk->objects, (char *) walk->path);

    if (fd == -1) {

        /* removed a moment ago, or not a directory of ours */

        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
               ? SOCIAL_OK : SOCIAL_FAILED;
    }

    dir = fdopendir(fd);

    if (dir == NULL) {
        close(fd);
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_OK;

    while (rc == SOCIAL_OK && !*has && (de = readdir(dir)) != NULL) {

        len = strlen(de->d_name);

        if (len < 2 || de->d_name[len - 2] != '.') {
            continue;
        }

        if (de->d_name[len - 1] == 'o') {
            *has = true;
            break;
        }

        if ((de->d_name[len - 1] != 'c' && de->d_name[len - 1] != 'd')
            || (*seen)++ < skip || *count == SOCIAL_NET_LIST_NAMES)
        {
            continue;
        }

        names[*count] = strdup(de->d_name);

        if (names[*count] == NULL) {
            rc = SOCIAL_FAILED;
            break;
        }

        (*count)++;
    }

    closedir(dir);

    return rc;
}
