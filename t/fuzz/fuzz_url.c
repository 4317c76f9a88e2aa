
/*
 * URLs and user pool ids of a configuration.  libcurl, which will fetch keys
 * from such a URL, must see the same host in it as we did.
 */

#include <curl/curl.h>

#include "fuzz.h"
#include "social_url.h"


static void fuzz_url(social_str_t url, bool issuer);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len, n;
    social_str_t    url, region, issuer;
    const char     *why;
    unsigned char  *buf;

    url = fuzz_copy(data, size);

    fuzz_url(url, true);
    fuzz_url(url, false);

    len = social_user_pool_issuer(url, false, NULL, 0);

    FUZZ_CHECK((len != 0)
               == (social_user_pool_region(url, &region) == SOCIAL_OK));

    if (len != 0) {
        fuzz_read(region);
        FUZZ_CHECK(fuzz_within(region, url));
        FUZZ_CHECK(social_str_starts(url, region));

        for (n = 0; n <= len; n++) {
            buf = malloc(n ? n : 1);
            FUZZ_CHECK(buf != NULL);
            FUZZ_CHECK(social_user_pool_issuer(url, false, buf, n) == len);

            if (n == len) {
                issuer.data = buf;
                issuer.len = len;
                FUZZ_CHECK(social_url_check(issuer, true, &why) == SOCIAL_OK);
            }

            free(buf);
        }
    }

    fuzz_free(url);

    return 0;
}


static void
fuzz_url(social_str_t url, bool issuer)
{
    char        *text, *host, *scheme, *user;
    CURLU       *u;
    const char  *why;

    why = NULL;

    if (social_url_check(url, issuer, &why) != SOCIAL_OK) {
        FUZZ_CHECK(why != NULL);
        fuzz_read(social_str(why));
        return;
    }

    FUZZ_CHECK(url.len <= SOCIAL_URL_MAX_SIZE);

    text = malloc(url.len + 1);
    FUZZ_CHECK(text != NULL);
    memcpy(text, url.data, url.len);
    text[url.len] = '\0';
    FUZZ_CHECK(strlen(text) == url.len);

    u = curl_url();
    FUZZ_CHECK(u != NULL);

    /* curl may be stricter; where it is not, it must not differ */

    if (curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK) {

        FUZZ_CHECK(curl_url_get(u, CURLUPART_USER, &user, 0)
                   == CURLUE_NO_USER);
        FUZZ_CHECK(curl_url_get(u, CURLUPART_SCHEME, &scheme, 0)
                   == CURLUE_OK);
        FUZZ_CHECK(curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK);

        if (strcmp(scheme, "http") == 0) {
            FUZZ_CHECK(strncmp(host, "127.", 4) == 0
                       || strcmp(host, "[::1]") == 0
                       || social_str_caseeq(social_str(host),
                                            social_str("localhost")));
            FUZZ_CHECK(host[strspn(host, "0123456789.")] == '\0'
                       || host[0] != '1');
        }

        FUZZ_CHECK(strstr(text, host) != NULL || strchr(host, '.') != NULL
                   || host[0] == '[');

        curl_free(scheme);
        curl_free(host);
    }

    curl_url_cleanup(u);
    free(text);
}
