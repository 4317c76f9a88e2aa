
/*
 * A page of a list of objects, as any store may answer it.
 */

#include "fuzz.h"
#include "social_s3_list.h"
#include "social_s3_listing.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                       i;
    social_buf_t                 work;
    social_str_t                 xml;
    unsigned char               *p;
    static social_s3_listing_t   page;

    xml = fuzz_copy(data, size);
    p = malloc(xml.len + 1);
    FUZZ_CHECK(p != NULL);

    social_buf_init(&work, p, xml.len);

    if (social_s3_listing_read(xml, &work, &page) == SOCIAL_OK) {

        FUZZ_CHECK(page.count <= SOCIAL_S3_LISTING_KEYS);
        FUZZ_CHECK(!page.truncated || page.token.len);

        for (i = 0; i < page.count; i++) {
            FUZZ_CHECK(social_object_check(page.items[i].key));
            FUZZ_CHECK(i == 0
                       || social_s3_key_compare(page.items[i - 1].key,
                                                page.items[i].key) < 0);
        }
    }

    free(p);
    fuzz_free(xml);

    return 0;
}
