
/*
 * Bodies of CompleteMultipartUpload out of any bytes: there are never more
 * parts than there is room for, and their numbers are ascending.
 */

#include "fuzz.h"
#include "social_s3_complete.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                 i, n;
    social_str_t           xml;
    social_buf_t           work;
    unsigned char         *room;
    social_s3_error_e      error;
    social_s3_complete_t   list;

    xml = fuzz_copy(data, size);
    room = malloc(size ? size : 1);
    n = social_s3_complete_parts(xml);
    list.parts = malloc((n ? n : 1) * sizeof(social_s3_complete_part_t));
    list.size = n;
    FUZZ_CHECK(room != NULL && list.parts != NULL);
    FUZZ_CHECK(n <= SOCIAL_S3_MAX_PARTS);

    social_buf_init(&work, room, size);

    error = social_s3_complete_read(xml, &work, &list);

    FUZZ_CHECK(list.count <= n);
    FUZZ_CHECK(error == SOCIAL_S3_OK || error == SOCIAL_S3_MALFORMED_XML
               || error == SOCIAL_S3_INVALID_ARGUMENT
               || error == SOCIAL_S3_INVALID_PART_ORDER
               || error == SOCIAL_S3_NOT_IMPLEMENTED);

    if (error == SOCIAL_S3_OK) {

        FUZZ_CHECK(list.count > 0);

        for (i = 0; i < list.count; i++) {
            FUZZ_CHECK(list.parts[i].number > 0
                       && list.parts[i].number <= SOCIAL_S3_MAX_PARTS);
            FUZZ_CHECK(i == 0
                       || list.parts[i].number > list.parts[i - 1].number);
        }
    }

    free(list.parts);
    free(room);
    fuzz_free(xml);

    return 0;
}
