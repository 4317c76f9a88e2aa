
/*
 * The head of a request that a proxy has made, with whatever a client may get
 * into it: what is signed has one request line, one Host and one signature.
 */

#include "fuzz.h"
#include "social_s3_sign.h"


static size_t
count(social_str_t text, const char *line)
{
    size_t                n, len;
    const unsigned char  *p, *end;

    n = 0;
    len = strlen(line);
    p = text.data;
    end = text.data + text.len;

    while ((p = memmem(p, (size_t) (end - p), line, len)) != NULL) {
        n++;
        p += len;
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                      room;
    const char                 *why;
    social_rc_e                 rc;
    social_buf_t                work;
    social_str_t                head, made, uri, key, space;
    unsigned char              *p;
    social_bucket_t             bucket;
    social_s3_sign_t            sign;
    social_credentials_t        credentials;
    static const social_str_t   names[] = {
        social_string("versionId"),
    };

    head = fuzz_copy(data, size);

    memset(&bucket, 0, sizeof(bucket));
    memset(&sign, 0, sizeof(sign));
    memset(&credentials, 0, sizeof(credentials));

    FUZZ_CHECK(social_endpoint_parse(social_str("https://s3.example.com/a"),
                                     &bucket.endpoint, &why) == SOCIAL_OK);
    bucket.name = social_str("bucket");
    bucket.region = social_str("eu-west-1");
    bucket.path_style = true;
    credentials.access_key = social_str("AKID");
    credentials.secret = social_str("secret");
    credentials.token = social_str("token");

    sign.bucket = &bucket;
    sign.credentials = &credentials;
    sign.args = names;
    sign.arg_count = 1;
    sign.now = 1700000000;

    room = social_s3_sign_size(head.len);
    p = malloc(room);
    FUZZ_CHECK(p != NULL);

    social_buf_init(&work, p, room);
    rc = social_s3_sign_head(&sign, head, &work, &made, &uri);

    FUZZ_CHECK(rc != SOCIAL_FAILED);

    if (rc == SOCIAL_OK) {
        FUZZ_CHECK(social_str_starts(uri, social_str("/a/bucket/")));
        FUZZ_CHECK(uri.len > sizeof("/a/bucket/") - 1);
        FUZZ_CHECK(memchr(uri.data, ' ', uri.len) == NULL);
        FUZZ_CHECK(memchr(uri.data, '\n', uri.len) == NULL);

        FUZZ_CHECK(count(made, "\r\nHost: s3.example.com\r\n") == 1);
        FUZZ_CHECK(count(made, "\r\nAuthorization: AWS4-HMAC-SHA256 ") == 1);
        FUZZ_CHECK(count(made, "\r\nX-Amz-Date: 20231114T221320Z\r\n") == 1);
        FUZZ_CHECK(count(made, "\r\nX-Amz-Security-Token: token\r\n") == 1);
        FUZZ_CHECK(count(made, "\r\nX-Amz-") == 3);
        FUZZ_CHECK(count(made, "\r\nCookie:") == 0);
        FUZZ_CHECK(count(made, "\r\n\r\n") == 1);
        FUZZ_CHECK(count(made, "\n") == count(made, "\r\n"));
        FUZZ_CHECK(memcmp(made.data + made.len - 4, "\r\n\r\n", 4) == 0);

        /* and is one that can be signed */

        space = made;
        space.data = uri.data;
        space.len = uri.len;
        social_buf_init(&work, malloc(8192), 8192);
        FUZZ_CHECK(social_s3_sign_key(&work, space, &key) == SOCIAL_OK);
        free(work.data);
    }

    free(p);
    fuzz_free(head);

    return 0;
}
