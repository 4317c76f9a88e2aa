
/*
 * The answer to an HTTP request: a state for each byte, and one line that is
 * kept.
 */

#include <string.h>

#include "social_answer.h"


static social_rc_e social_answer_line_byte(social_answer_t *a,
    unsigned char ch);
static social_rc_e social_answer_line(social_answer_t *a, social_str_t line);
static social_rc_e social_answer_status_line(social_answer_t *a,
    social_str_t line);
static social_rc_e social_answer_header(social_answer_t *a,
    social_str_t line);
static social_rc_e social_answer_content_length(social_answer_t *a,
    social_str_t value);
static social_rc_e social_answer_head_end(social_answer_t *a);
static social_rc_e social_answer_chunk_line(social_answer_t *a,
    social_str_t line);
static size_t social_answer_body(social_answer_t *a, social_str_t bytes);
static social_rc_e social_answer_malformed(social_answer_t *a,
    const char *why);


void
social_answer_init(social_answer_t *a, unsigned char *body, size_t size)
{
    memset(a, 0, sizeof(social_answer_t));

    a->body = body;
    a->size = size;
}


social_rc_e
social_answer_read(social_answer_t *a, social_str_t bytes)
{
    size_t       n;
    social_rc_e  rc;

    while (bytes.len) {

        /* lines of chunks may be many times as long as what is in them */

        if (a->total > SOCIAL_ANSWER_MAX_HEAD + 4 * a->size) {
            return social_answer_malformed(a, "the body is too large");
        }

        switch (a->state) {

        case SOCIAL_ANSWER_LENGTH:
        case SOCIAL_ANSWER_CHUNK:
        case SOCIAL_ANSWER_UNTIL_CLOSE:
            n = social_answer_body(a, bytes);
            break;

        default:
            n = 1;
            rc = social_answer_line_byte(a, bytes.data[0]);

            if (rc != SOCIAL_OK) {
                return rc;
            }
        }

        a->total += n;
        bytes.data += n;
        bytes.len -= n;

        if (a->state == SOCIAL_ANSWER_COMPLETE) {
            return SOCIAL_OK;
        }
    }

    return SOCIAL_DECLINED;
}


social_rc_e
social_answer_end(social_answer_t *a)
{
    if (a->state == SOCIAL_ANSWER_UNTIL_CLOSE) {
        a->state = SOCIAL_ANSWER_COMPLETE;
        return SOCIAL_OK;
    }

    return social_answer_malformed(a, a->head == 0
                                   ? "the connection was closed without an "
                                     "answer"
                                   : "the answer is cut");
}


/*
 * Lines end in LF; a CR before it does not belong to them (RFC 9112, 2.2).  Of
 * a line that is longer, only the beginning is kept: no header that is
 * understood may be so long.
 */

static social_rc_e
social_answer_line_byte(social_answer_t *a, unsigned char ch)
{
    size_t        kept;
    social_str_t  line;

    if (a->state <= SOCIAL_ANSWER_HEADERS
        && ++a->head > SOCIAL_ANSWER_MAX_HEAD)
    {
        return social_answer_malformed(a, "the head is too large");
    }

    if (ch == '\0') {
        return social_answer_malformed(a, "it has a NUL byte");
    }

    if (ch != '\n') {

        if (a->line_len < SOCIAL_ANSWER_MAX_LINE) {
            a->line[a->line_len] = ch;
        }

        a->line_len++;

        /* so that a line that never ends is not waited for */

        if (a->state == SOCIAL_ANSWER_STATUS_LINE && a->line_len == 5
            && memcmp(a->line, "HTTP/", 5) != 0)
        {
            return social_answer_malformed(a, "it is not HTTP");
        }

        return SOCIAL_OK;
    }

    kept = a->line_len < SOCIAL_ANSWER_MAX_LINE ? a->line_len
                                                : SOCIAL_ANSWER_MAX_LINE;

    if (kept && kept == a->line_len && a->line[kept - 1] == '\r') {
        kept--;
    }

    line.len = kept;
    line.data = a->line;

    return social_answer_line(a, line);
}


static social_rc_e
social_answer_line(social_answer_t *a, social_str_t line)
{
    a->cut = a->line_len > SOCIAL_ANSWER_MAX_LINE;
    a->line_len = 0;

    switch (a->state) {

    case SOCIAL_ANSWER_STATUS_LINE:
        return social_answer_status_line(a, line);

    case SOCIAL_ANSWER_HEADERS:
        if (line.len == 0) {
            return social_answer_head_end(a);
        }

        return social_answer_header(a, line);

    case SOCIAL_ANSWER_CHUNK_LINE:
        return social_answer_chunk_line(a, line);

    default:

        /* SOCIAL_ANSWER_CHUNK_END */

        if (line.len) {
            return social_answer_malformed(a, "a chunk is longer than it says");
        }

        a->state = SOCIAL_ANSWER_CHUNK_LINE;
        return SOCIAL_OK;
    }
}


/*
 * "HTTP/1.1 200 OK"; what stands behind the status says nothing.
 */

static social_rc_e
social_answer_status_line(social_answer_t *a, social_str_t line)
{
    size_t    i;
    unsigned  status;

    if (line.len < sizeof("HTTP/1.1 200") - 1
        || memcmp(line.data, "HTTP/1.", 7) != 0
        || line.data[7] < '0' || line.data[7] > '9'
        || line.data[8] != ' ')
    {
        return social_answer_malformed(a, "it is not HTTP/1");
    }

    status = 0;

    for (i = 9; i < 12; i++) {

        if (line.data[i] < '0' || line.data[i] > '9') {
            return social_answer_malformed(a, "it has no status");
        }

        status = status * 10 + (unsigned) (line.data[i] - '0');
    }

    if (status < 100 || (line.len > 12 && line.data[12] != ' ')) {
        return social_answer_malformed(a, "it has no status");
    }

    if (status == 101) {
        return social_answer_malformed(a, "it changes the protocol");
    }

    a->status = status;
    a->state = SOCIAL_ANSWER_HEADERS;

    return SOCIAL_OK;
}


static social_rc_e
social_answer_header(social_answer_t *a, social_str_t line)
{
    social_str_t          name, value;
    const unsigned char  *colon;

    colon = memchr(line.data, ':', line.len);

    if (colon == NULL) {
        return social_answer_malformed(a, a->cut ? "a header is too long"
                                                 : "a header has no colon");
    }

    name.data = line.data;
    name.len = (size_t) (colon - line.data);

    if (!social_str_is_token(name)) {
        return social_answer_malformed(a, "a header has no valid name");
    }

    value.data = colon + 1;
    value.len = line.len - name.len - 1;
    value = social_str_trim(value);

    if (social_str_caseeq(name, social_str("content-length"))) {
        return a->cut ? social_answer_malformed(a, "a header is too long")
                      : social_answer_content_length(a, value);
    }

    if (social_str_caseeq(name, social_str("transfer-encoding"))) {

        if (a->cut || a->chunked
            || !social_str_caseeq(value, social_str("chunked")))
        {
            return social_answer_malformed(a, "it has an unknown "
                                           "Transfer-Encoding");
        }

        a->chunked = true;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_answer_content_length(social_answer_t *a, social_str_t value)
{
    size_t    i;
    uint64_t  n;

    if (value.len == 0 || value.len > 18 || a->has_length) {
        return social_answer_malformed(a, "it has a wrong Content-Length");
    }

    n = 0;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return social_answer_malformed(a, "it has a wrong Content-Length");
        }

        n = n * 10 + (uint64_t) (value.data[i] - '0');
    }

    a->has_length = true;
    a->left = n;

    return SOCIAL_OK;
}


/*
 * Where the body ends (RFC 9112, 6.3).
 */

static social_rc_e
social_answer_head_end(social_answer_t *a)
{
    if (a->chunked && a->has_length) {
        return social_answer_malformed(a, "it has both a Content-Length and a "
                                       "Transfer-Encoding");
    }

    if (a->status < 200) {

        /* an interim answer: the final one follows */

        if (a->chunked || a->has_length) {
            return social_answer_malformed(a, "an interim answer has a body");
        }

        a->status = 0;
        a->state = SOCIAL_ANSWER_STATUS_LINE;

        return SOCIAL_OK;
    }

    if (a->size == 0 || a->status == 204 || a->status == 304
        || (a->has_length && a->left == 0))
    {
        a->state = SOCIAL_ANSWER_COMPLETE;

    } else if (a->chunked) {
        a->state = SOCIAL_ANSWER_CHUNK_LINE;

    } else if (a->has_length) {
        a->state = SOCIAL_ANSWER_LENGTH;

    } else {
        a->state = SOCIAL_ANSWER_UNTIL_CLOSE;
    }

    return SOCIAL_OK;
}


/*
 * "1a;extension": the size of a chunk, in hexadecimal (RFC 9112, 7.1).
 */

static social_rc_e
social_answer_chunk_line(social_answer_t *a, social_str_t line)
{
    size_t         i;
    uint64_t       n;
    unsigned char  ch;

    n = 0;

    for (i = 0; i < line.len; i++) {
        ch = social_lower(line.data[i]);

        if (ch >= '0' && ch <= '9') {
            ch = (unsigned char) (ch - '0');

        } else if (ch >= 'a' && ch <= 'f') {
            ch = (unsigned char) (ch - 'a' + 10);

        } else {
            break;
        }

        if (i == 15) {
            return social_answer_malformed(a, "a chunk is too large");
        }

        n = n << 4 | ch;
    }

    if (i == 0 || (i < line.len && line.data[i] != ';' && line.data[i] != ' '
                   && line.data[i] != '\t'))
    {
        return social_answer_malformed(a, "a chunk has no size");
    }

    a->left = n;
    a->state = n ? SOCIAL_ANSWER_CHUNK : SOCIAL_ANSWER_COMPLETE;

    return SOCIAL_OK;
}


/*
 * Copies what is of the body; returns how many bytes that were.
 */

static size_t
social_answer_body(social_answer_t *a, social_str_t bytes)
{
    size_t  n, room;

    n = bytes.len;

    if (a->state != SOCIAL_ANSWER_UNTIL_CLOSE && n > a->left) {
        n = (size_t) a->left;
    }

    room = a->size - a->len;

    if (n > room) {
        n = room;
    }

    memcpy(a->body + a->len, bytes.data, n);
    a->len += n;

    if (a->len == a->size) {
        a->state = SOCIAL_ANSWER_COMPLETE;
        return n;
    }

    if (a->state == SOCIAL_ANSWER_UNTIL_CLOSE) {
        return n;
    }

    a->left -= n;

    if (a->left == 0) {
        a->state = a->state == SOCIAL_ANSWER_CHUNK ? SOCIAL_ANSWER_CHUNK_END
                                                   : SOCIAL_ANSWER_COMPLETE;
    }

    return n;
}


static social_rc_e
social_answer_malformed(social_answer_t *a, const char *why)
{
    a->why = why;

    return SOCIAL_MALFORMED;
}
