
/*
 * Requests to a store out of any bytes.  The input is a line
 * "METHOD path?query", then lines "name:value" to the end, as of fuzz_sigv4.
 * What is read is read whole, a key that is found is one, and an operation on
 * an object has one; the range is tried against sizes of its own.
 */

#include "fuzz.h"
#include "social_object.h"
#include "social_s3_request.h"


static void fuzz_parse(social_str_t rest, social_s3_request_t *request);
static social_str_t fuzz_cut(social_str_t *rest, unsigned char separator);
static void fuzz_check(const social_s3_place_t *place,
    const social_s3_request_t *request);
static void fuzz_range(social_str_t range);


static social_sigv4_header_t  fuzz_headers[SOCIAL_SIGV4_MAX_HEADERS];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t         input;
    social_s3_place_t    place;
    social_s3_request_t  request;

    input = fuzz_copy(data, size);

    memset(&place, 0, sizeof(place));
    place.prefix = social_str("/");
    place.bucket = social_str("raw");
    place.endpoints[0] = social_str("objects.example.com");

    fuzz_parse(input, &request);
    fuzz_check(&place, &request);

    request.decoded = true;
    place.part = social_str("images/");
    fuzz_check(&place, &request);

    fuzz_free(input);

    return 0;
}


static void
fuzz_check(const social_s3_place_t *place, const social_s3_request_t *request)
{
    size_t                        i;
    social_buf_t                  b;
    social_s3_error_e             error;
    social_s3_operation_t         op;
    static unsigned char          work[SOCIAL_S3_REQUEST_SIZE];

    social_buf_init(&b, work, sizeof(work));

    error = social_s3_request_read(place, request, &b, &op);

    FUZZ_CHECK(b.len <= sizeof(work));
    FUZZ_CHECK(error != SOCIAL_S3_INTERNAL_ERROR);
    FUZZ_CHECK(social_s3_operation_name(op.operation).len != 0);

    fuzz_read(op.message);
    fuzz_read(op.detail_name);
    fuzz_read(op.detail);

    if (error != SOCIAL_S3_OK) {
        return;
    }

    FUZZ_CHECK(op.operation != SOCIAL_S3_NO_OPERATION);
    FUZZ_CHECK(op.key.len == 0 || social_object_check(op.key));
    FUZZ_CHECK(op.key.len == 0 || social_str_starts(op.key, place->part));

    if (op.operation == SOCIAL_S3_COPY_OBJECT
        || op.operation == SOCIAL_S3_UPLOAD_PART_COPY)
    {
        FUZZ_CHECK(social_object_check(op.copy.key));
        FUZZ_CHECK(social_str_starts(op.copy.key, place->part));
        FUZZ_CHECK(!op.copy.has_range
                   || (op.copy.first >= 0 && op.copy.first < op.copy.end));
        fuzz_read(op.copy.condition.if_match);
        fuzz_read(op.copy.condition.if_none_match);
    }

    FUZZ_CHECK(op.part <= SOCIAL_S3_MAX_PARTS);
    FUZZ_CHECK(op.operation == SOCIAL_S3_LIST_MULTIPART_UPLOADS
               || op.upload.len == 0
               || op.upload.len == SOCIAL_S3_UPLOAD_ID);

    switch (op.operation) {

    case SOCIAL_S3_GET_OBJECT:
    case SOCIAL_S3_HEAD_OBJECT:
    case SOCIAL_S3_PUT_OBJECT:
    case SOCIAL_S3_DELETE_OBJECT:
        FUZZ_CHECK(op.key.len != 0);
        break;

    default:
        break;
    }

    FUZZ_CHECK(op.length >= -1);
    FUZZ_CHECK(op.list.max_keys <= SOCIAL_S3_MAX_KEYS);
    FUZZ_CHECK(op.kept_count <= SOCIAL_S3_MAX_KEPT);

    for (i = 0; i < op.kept_count; i++) {
        fuzz_read(op.kept[i].name);
        fuzz_read(op.kept[i].value);
    }

    fuzz_read(op.list.prefix);
    fuzz_read(op.list.delimiter);
    fuzz_read(op.list.after);
    fuzz_read(op.list.token);

    fuzz_read(op.condition.if_match);
    fuzz_read(op.condition.if_none_match);
    fuzz_read(op.if_range);
    fuzz_range(op.range);

    for (i = 0; i < SOCIAL_S3_RESPONSES; i++) {
        fuzz_read(op.response[i]);
    }
}


static void
fuzz_range(social_str_t range)
{
    int64_t  size, first, end;

    for (size = 0; size < 20; size++) {
        if (social_s3_range_read(range, size, &first, &end)
            == SOCIAL_S3_RANGE_PART)
        {
            FUZZ_CHECK(first >= 0 && first < end && end <= size);
        }
    }
}


static void
fuzz_parse(social_str_t rest, social_s3_request_t *request)
{
    social_str_t  line, target;

    memset(request, 0, sizeof(*request));
    request->headers = fuzz_headers;

    line = fuzz_cut(&rest, '\n');
    request->method = fuzz_cut(&line, ' ');
    target = line;
    request->path = fuzz_cut(&target, '?');
    request->query = target;

    while (rest.len && request->header_count < SOCIAL_SIGV4_MAX_HEADERS) {
        line = fuzz_cut(&rest, '\n');
        fuzz_headers[request->header_count].name = fuzz_cut(&line, ':');
        fuzz_headers[request->header_count].value = line;
        request->header_count++;
    }
}


static social_str_t
fuzz_cut(social_str_t *rest, unsigned char separator)
{
    size_t        i;
    social_str_t  item;

    for (i = 0; i < rest->len && rest->data[i] != separator; i++) {
        /* void */
    }

    item.data = rest->data;
    item.len = i;

    i += (i < rest->len);
    rest->data += i;
    rest->len -= i;

    return item;
}
