
/*
 * Metadata files of the embedded store, which a disk may have damaged: what is
 * read is written again as it was, and its views are of the input.
 */

#include "fuzz.h"
#include "social_store_meta.h"


static void fuzz_block(social_str_t block, social_str_t whole);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               len;
    social_str_t         text, again;
    unsigned char        buf[SOCIAL_STORE_META_SIZE];
    unsigned char        record[SOCIAL_STORE_PART_SIZE];
    unsigned char        etag[SOCIAL_STORE_ETAG_SIZE];
    social_store_meta_t  meta, back;
    social_store_part_t  part, part_back;

    text = fuzz_copy(data, size);

    if (social_store_meta_read(text, &meta) == SOCIAL_OK) {

        FUZZ_CHECK(meta.length <= size);
        FUZZ_CHECK(meta.size >= 0 && meta.seq >= 0 && meta.modified >= 0);
        FUZZ_CHECK(meta.parts <= SOCIAL_STORE_MAX_PARTS);
        FUZZ_CHECK(fuzz_within(meta.type, text));
        fuzz_read(meta.type);
        fuzz_block(meta.headers, text);
        fuzz_block(meta.checksums, text);

        len = social_store_meta_etag(&meta, etag);
        FUZZ_CHECK(len >= 34 && len <= SOCIAL_STORE_ETAG_SIZE);

        FUZZ_CHECK(social_store_meta_write(&meta, buf, &len) == SOCIAL_OK);

        again.data = buf;
        again.len = len;

        FUZZ_CHECK(social_store_meta_read(again, &back) == SOCIAL_OK);
        FUZZ_CHECK(back.length == len);
        FUZZ_CHECK(back.size == meta.size && back.seq == meta.seq);
        FUZZ_CHECK(back.place == meta.place && back.parts == meta.parts);
        FUZZ_CHECK(social_str_eq(back.headers, meta.headers));
        FUZZ_CHECK(social_str_eq(back.checksums, meta.checksums));
    }

    if (size == SOCIAL_STORE_PART_SIZE
        && social_store_part_read(text.data, &part) == SOCIAL_OK)
    {
        FUZZ_CHECK(social_store_part_write(&part, record) == SOCIAL_OK);
        FUZZ_CHECK(social_store_part_read(record, &part_back) == SOCIAL_OK);
        FUZZ_CHECK(part.number == part_back.number);
        FUZZ_CHECK(social_str_eq(part.checksum, part_back.checksum));
        FUZZ_CHECK(part.offset == part_back.offset);
        FUZZ_CHECK(part.size == part_back.size);
    }

    fuzz_free(text);

    return 0;
}


static void
fuzz_block(social_str_t block, social_str_t whole)
{
    social_str_t  name, value;

    if (block.len == 0) {
        return;
    }

    FUZZ_CHECK(fuzz_within(block, whole));

    while (block.len) {
        FUZZ_CHECK(social_store_meta_next(&block, &name, &value));
        FUZZ_CHECK(name.len != 0);
        FUZZ_CHECK(memchr(value.data, '\n', value.len) == NULL);
    }
}
