
/*
 * Files of the spool of events, and their names: what is read, is what would be
 * written.  Nobody guesses a digest, so that the input is also the body of a
 * file that is written here.
 */

#include "fuzz.h"
#include "social_event_file.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                  text[SOCIAL_EVENT_NAME_SIZE + 1];
    social_rc_e           rc;
    social_str_t          s, whole;
    unsigned char        *buf;
    social_event_file_t   file, got;
    social_event_name_t   name;

    s = fuzz_copy(data, size);

    if (social_event_name_parse(s, &name) == SOCIAL_OK) {
        social_event_name_write(&name, text);
        FUZZ_CHECK(s.len == SOCIAL_EVENT_NAME_SIZE
                   && memcmp(s.data, text, s.len) == 0);
    }

    rc = social_event_file_parse(s, &got);
    FUZZ_CHECK(rc == SOCIAL_OK || rc == SOCIAL_MALFORMED);

    if (rc == SOCIAL_OK) {
        fuzz_read(got.id);
        fuzz_read(got.body);
        FUZZ_CHECK(fuzz_within(got.id, s) && fuzz_within(got.body, s));

        FUZZ_CHECK(social_event_file_size(&got) == s.len);
        buf = malloc(s.len);
        FUZZ_CHECK(buf != NULL);
        FUZZ_CHECK(social_event_file_write(&got, buf) == SOCIAL_OK);
        FUZZ_CHECK(memcmp(buf, s.data, s.len) == 0);
        free(buf);
    }

    file.at = size ? data[0] : 0;
    file.id = s;
    file.id.len = size < SOCIAL_EVENT_FILE_MAX_ID ? size
                                                  : SOCIAL_EVENT_FILE_MAX_ID;
    file.body = s;

    if (s.len <= SOCIAL_EVENT_FILE_MAX_BODY) {
        whole.len = social_event_file_size(&file);
        buf = malloc(whole.len);
        FUZZ_CHECK(buf != NULL);
        whole.data = buf;

        FUZZ_CHECK(social_event_file_write(&file, buf) == SOCIAL_OK);
        FUZZ_CHECK(social_event_file_parse(whole, &got) == SOCIAL_OK);
        FUZZ_CHECK(got.at == file.at && social_str_eq(got.id, file.id)
                   && social_str_eq(got.body, file.body));
        free(buf);
    }

    fuzz_free(s);

    return 0;
}
