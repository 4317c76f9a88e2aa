
/*
 * What the embedded store notes of uploads in parts, which a crash may have
 * cut: what is read is written again as it was.
 */

#include "fuzz.h"
#include "social_store_upload.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                 len;
    social_str_t           text, again;
    unsigned char          buf[SOCIAL_STORE_UPLOAD_SIZE];
    social_store_note_t    note, note_back;
    social_store_upload_t  upload, back;

    text = fuzz_copy(data, size);

    if (social_store_upload_read(text, &upload) == SOCIAL_OK) {

        FUZZ_CHECK(upload.key.len >= 1
                   && upload.key.len <= SOCIAL_STORE_MAX_KEY);
        fuzz_read(upload.key);
        fuzz_read(upload.type);
        fuzz_read(upload.headers);
        fuzz_read(upload.algorithm);

        FUZZ_CHECK(social_store_upload_write(&upload, buf, &len)
                   == SOCIAL_OK);

        again.data = buf;
        again.len = len;

        FUZZ_CHECK(social_store_upload_read(again, &back) == SOCIAL_OK);
        FUZZ_CHECK(social_str_eq(back.key, upload.key));
        FUZZ_CHECK(social_str_eq(back.headers, upload.headers));
        FUZZ_CHECK(social_str_eq(back.algorithm, upload.algorithm));
        FUZZ_CHECK(back.created == upload.created && back.full == upload.full);
    }

    if (size == SOCIAL_STORE_NOTE_SIZE
        && social_store_note_read(text.data, &note) == SOCIAL_OK)
    {
        fuzz_read(note.algorithm);
        fuzz_read(note.checksum);

        FUZZ_CHECK(social_store_note_write(&note, buf) == SOCIAL_OK);
        FUZZ_CHECK(social_store_note_read(buf, &note_back) == SOCIAL_OK);
        FUZZ_CHECK(note_back.size == note.size);
        FUZZ_CHECK(social_str_eq(note_back.checksum, note.checksum));
    }

    fuzz_free(text);

    return 0;
}
