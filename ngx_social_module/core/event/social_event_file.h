
/*
 * Events that wait for the database: what their files are named, and what is in
 * them.
 */

#ifndef SOCIAL_EVENT_FILE_H
#define SOCIAL_EVENT_FILE_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_EVENT_FILE_MAX_ID    128
#define SOCIAL_EVENT_FILE_MAX_BODY  65536

/* of any file */
#define SOCIAL_EVENT_FILE_MAX_SIZE                                            \
    (256 + SOCIAL_EVENT_FILE_MAX_ID + SOCIAL_EVENT_FILE_MAX_BODY)

/* "TIME-USER-SIZE", in hexadecimal digits */
#define SOCIAL_EVENT_NAME_SIZE      (16 + 1 + 16 + 1 + 8)


/*
 * What can be known of an event by the name of its file.
 */
typedef struct {
    uint64_t      time;       /* nanoseconds: when it was received */
    uint64_t      user;       /* the same for all events of a user */
    uint32_t      size;       /* of the file, bytes */
} social_event_name_t;


typedef struct {
    int64_t       at;         /* seconds: when it was sent; not negative */
    social_str_t  id;         /* that the sender gave it; may be empty */
    social_str_t  body;
} social_event_file_t;


/*
 * Writes a name, which sorts by time, and a zero byte after it.
 */
void social_event_name_write(const social_event_name_t *name,
    char buf[SOCIAL_EVENT_NAME_SIZE + 1]);

/*
 * Reads it again.  SOCIAL_MALFORMED: it is another file's name.
 */
social_rc_e social_event_name_parse(social_str_t text,
    social_event_name_t *name);

/*
 * What stands for the user "sub" of "user_pool" in names.  Two users may have
 * the same, by chance.  SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_event_name_user(social_str_t user_pool, social_str_t sub,
    uint64_t *user);

/*
 * The size of the file of an event, in bytes.
 */
size_t social_event_file_size(const social_event_file_t *file);

/*
 * Writes the file of an event, whose id and body are within the limits above,
 * to "buf" with room for its size: a digest of the rest, the time, and id and
 * body as they are.  SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_event_file_write(const social_event_file_t *file,
    unsigned char *buf);

/*
 * Reads it again; the views are of "text".  SOCIAL_MALFORMED: it is damaged,
 * or of a version to come.  SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_event_file_parse(social_str_t text,
    social_event_file_t *file);


#endif /* SOCIAL_EVENT_FILE_H */
