
/*
 * Intents of the embedded store, which a crash may have cut: what is read is
 * written again as it was.
 */

#include "fuzz.h"
#include "social_store_intent.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                 len;
    social_str_t           text, again;
    unsigned char          buf[SOCIAL_STORE_INTENT_SIZE];
    social_store_intent_t  intent, back;

    text = fuzz_copy(data, size);

    if (social_store_intent_read(text, &intent) == SOCIAL_OK) {

        FUZZ_CHECK(intent.key.len >= 1
                   && intent.key.len <= SOCIAL_STORE_MAX_KEY);
        FUZZ_CHECK(fuzz_within(intent.key, text));
        fuzz_read(intent.key);
        FUZZ_CHECK(intent.replaced <= 2);
        FUZZ_CHECK(intent.size >= 0 && intent.seq >= 0);

        if (intent.id[0]) {
            FUZZ_CHECK(social_store_intent_write(&intent, buf, &len)
                       == SOCIAL_OK);

            again.data = buf;
            again.len = len;

            FUZZ_CHECK(social_store_intent_read(again, &back) == SOCIAL_OK);
            FUZZ_CHECK(social_str_eq(back.key, intent.key));
            FUZZ_CHECK(back.seq == intent.seq && back.size == intent.size);
            FUZZ_CHECK(back.replaced == intent.replaced);
            FUZZ_CHECK(back.announce == intent.announce);
        }
    }

    fuzz_free(text);

    return 0;
}
