
/*
 * Bodies of DeleteObjects out of any bytes: what is read of one is not longer
 * than it, and a key that may be removed is one.
 */

#include "fuzz.h"
#include "social_object.h"
#include "social_s3_delete.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                     i;
    social_rc_e                rc;
    social_str_t               xml;
    social_buf_t               work, answer;
    unsigned char             *room;
    static unsigned char       text[1 << 20];
    static social_s3_delete_t  items;

    xml = fuzz_copy(data, size);
    room = malloc(size ? size : 1);
    FUZZ_CHECK(room != NULL);

    social_buf_init(&work, room, size);

    rc = social_s3_delete_read(xml, &work, &items);

    FUZZ_CHECK(rc == SOCIAL_OK || rc == SOCIAL_MALFORMED);
    FUZZ_CHECK(items.count <= SOCIAL_S3_DELETE_KEYS);

    if (rc == SOCIAL_OK) {

        FUZZ_CHECK(items.count > 0);

        for (i = 0; i < items.count; i++) {
            fuzz_read(items.items[i].key);
            fuzz_read(items.items[i].etag);
            FUZZ_CHECK(items.items[i].error != SOCIAL_S3_OK
                       || social_object_check(items.items[i].key));
        }

        social_buf_init(&answer, text, sizeof(text));
        social_s3_delete_write(&answer, &items);
        FUZZ_CHECK(answer.rc == SOCIAL_OK);
    }

    free(room);
    fuzz_free(xml);

    return 0;
}
