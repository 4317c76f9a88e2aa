
/*
 * Discovery documents, of whichever issuer: a URI that comes out is one that
 * keys may be fetched from.
 */

#include "fuzz.h"
#include "social_discovery.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               i;
    char                 uri[SOCIAL_URL_MAX_SIZE + 1];
    const char          *why;
    social_rc_e          rc;
    social_str_t         text;
    static const char   *issuers[] = {
        "https://id.example", "http://127.0.0.1:8080/pool"
    };

    text = fuzz_copy(data, size);

    for (i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++) {

        memset(uri, 'x', sizeof(uri));

        rc = social_discovery_parse(text, social_str(issuers[i]), uri, &why);

        if (rc != SOCIAL_OK) {
            FUZZ_CHECK(rc != SOCIAL_FAILED);
            fuzz_read(social_str(why));
            continue;
        }

        FUZZ_CHECK(memchr(uri, '\0', sizeof(uri)) != NULL);
        FUZZ_CHECK(social_url_check(social_str(uri), false, &why)
                   == SOCIAL_OK);
        FUZZ_CHECK(i == 1 || strncmp(uri, "https://", 8) == 0);
    }

    fuzz_free(text);

    return 0;
}
