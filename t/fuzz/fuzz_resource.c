
/*
 * URLs of resources, and audiences of tokens: the first line is configured, the
 * second came in a token.
 */

#include "fuzz.h"
#include "social_resource.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                      i, n;
    social_buf_t                b;
    social_str_t                input, url, other, origin, path, list[1];
    const char                 *why;
    social_json_t              *json;
    unsigned char              *buf;
    social_resource_metadata_t  metadata;

    input = fuzz_copy(data, size);

    for (i = 0; i < size; i++) {
        if (data[i] == '\n') {
            break;
        }
    }

    url.data = input.data;
    url.len = i;

    other.data = input.data + i;
    other.len = size - i;

    if (other.len) {
        other.data++;
        other.len--;
    }

    FUZZ_CHECK(social_resource_same(url, other)
               == social_resource_same(other, url));

    if (social_resource_check(url, &why) != SOCIAL_OK) {
        fuzz_read(social_str(why));
        fuzz_free(input);
        return 0;
    }

    FUZZ_CHECK(social_resource_same(url, url));

    social_resource_split(url, &origin, &path);
    FUZZ_CHECK(fuzz_within(origin, url) && fuzz_within(path, url));
    FUZZ_CHECK(origin.len + path.len == url.len);
    FUZZ_CHECK(path.len == 0 || path.data[0] == '/');

    list[0] = other;

    memset(&metadata, 0, sizeof(metadata));
    metadata.resource = url;
    metadata.servers = list;
    metadata.server_count = 1;
    metadata.name = other;

    n = social_resource_metadata_size(&metadata);
    buf = malloc(n);
    FUZZ_CHECK(buf != NULL);

    social_buf_init(&b, buf, n);
    social_resource_metadata_write(&b, &metadata);
    FUZZ_CHECK(b.rc == SOCIAL_OK);

    /* whatever is in it */

    FUZZ_CHECK(memchr(buf, '\0', b.len) == NULL);

    if (social_json_parse(social_buf_since(&b, 0), &json) == SOCIAL_OK) {
        social_json_free(json);

    } else {

        /* U+0000, escaped, is in no JSON of ours */

        FUZZ_CHECK(memchr(other.data, '\0', other.len) != NULL);
    }

    free(buf);
    fuzz_free(input);

    return 0;
}
