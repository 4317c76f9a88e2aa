
/*
 * XML of requests.
 */

#include "social_s3_xml_read.h"


static social_rc_e social_s3_xml_markup(social_s3_xml_reader_t *reader);
static social_rc_e social_s3_xml_begin(social_s3_xml_reader_t *reader,
    social_str_t name);
static social_rc_e social_s3_xml_end(social_s3_xml_reader_t *reader,
    social_str_t name);
static social_rc_e social_s3_xml_text(social_s3_xml_reader_t *reader);
static bool social_s3_xml_reference(social_str_t *rest, social_buf_t *b);
static void social_s3_xml_utf8(social_buf_t *b, uint32_t code);
static bool social_s3_xml_skip(social_str_t *rest, const char *end);


social_rc_e
social_s3_xml_read(social_s3_xml_reader_t *reader, social_str_t xml,
    social_buf_t *work)
{
    social_rc_e  rc;

    reader->rest = xml;
    reader->work = work;
    reader->rooted = false;
    reader->depth = 0;

    rc = SOCIAL_OK;

    while (reader->rest.len && rc == SOCIAL_OK) {
        rc = reader->rest.data[0] == '<' ? social_s3_xml_markup(reader)
                                         : social_s3_xml_text(reader);
    }

    if (rc == SOCIAL_OK
        && (reader->depth != 0 || !reader->rooted || work->rc != SOCIAL_OK))
    {
        rc = SOCIAL_MALFORMED;
    }

    return rc;
}


static social_rc_e
social_s3_xml_markup(social_s3_xml_reader_t *reader)
{
    bool                       empty, closing;
    size_t                     i;
    social_rc_e                rc;
    social_str_t               tag, name;
    static const social_str_t  comment = social_string("<!--");

    if (social_str_starts(reader->rest, comment)) {
        return social_s3_xml_skip(&reader->rest, "-->")
               ? SOCIAL_OK : SOCIAL_MALFORMED;
    }

    if (social_str_starts(reader->rest, social_str("<?"))) {
        return social_s3_xml_skip(&reader->rest, "?>")
               ? SOCIAL_OK : SOCIAL_MALFORMED;
    }

    tag.data = reader->rest.data + 1;

    if (!social_s3_xml_skip(&reader->rest, ">")) {
        return SOCIAL_MALFORMED;
    }

    tag.len = (size_t) (reader->rest.data - tag.data) - 1;

    closing = (tag.len && tag.data[0] == '/');

    if (closing) {
        tag.data++;
        tag.len--;
    }

    empty = (tag.len && tag.data[tag.len - 1] == '/');
    tag.len -= empty;

    for (i = 0; i < tag.len && tag.data[i] > ' '; i++) { /* void */ }

    name.data = tag.data;
    name.len = i;

    if (!social_str_is_token(name) || (closing && empty)) {
        return SOCIAL_MALFORMED;
    }

    if (closing) {
        return social_s3_xml_end(reader, name);
    }

    rc = social_s3_xml_begin(reader, name);

    if (rc == SOCIAL_OK && empty) {
        rc = social_s3_xml_end(reader, name);
    }

    return rc;
}


static social_rc_e
social_s3_xml_begin(social_s3_xml_reader_t *reader, social_str_t name)
{
    if (reader->depth == SOCIAL_S3_XML_DEPTH) {
        return SOCIAL_MALFORMED;
    }

    if (reader->depth == 0) {

        if (reader->rooted || !social_str_eq(name, social_str(reader->root))) {
            return SOCIAL_MALFORMED;
        }

        reader->rooted = true;
    }

    reader->names[reader->depth++] = name;

    return reader->begin(reader, name);
}


static social_rc_e
social_s3_xml_end(social_s3_xml_reader_t *reader, social_str_t name)
{
    if (reader->depth == 0
        || !social_str_eq(reader->names[reader->depth - 1], name))
    {
        return SOCIAL_MALFORMED;
    }

    reader->depth--;

    return reader->end(reader, name);
}


static social_rc_e
social_s3_xml_text(social_s3_xml_reader_t *reader)
{
    bool           blank;
    size_t         mark;
    social_str_t   value;
    social_buf_t  *work;
    unsigned char  ch;

    work = reader->work;
    mark = work->len;
    blank = true;

    while (reader->rest.len && reader->rest.data[0] != '<') {

        ch = reader->rest.data[0];

        if (ch == '&') {

            if (!social_s3_xml_reference(&reader->rest, work)) {
                return SOCIAL_MALFORMED;
            }

            blank = false;
            continue;
        }

        blank = blank && (ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n');

        social_buf_byte(work, ch);
        reader->rest.data++;
        reader->rest.len--;
    }

    value = social_buf_since(work, mark);

    if (work->rc != SOCIAL_OK) {
        return SOCIAL_MALFORMED;
    }

    if (reader->depth == 0) {
        return blank ? SOCIAL_OK : SOCIAL_MALFORMED;
    }

    return reader->text(reader, reader->names[reader->depth - 1], value);
}


/*
 * Moves past "end".
 */

static bool
social_s3_xml_skip(social_str_t *rest, const char *end)
{
    social_str_t  s;

    s = social_str(end);

    while (rest->len && !social_str_starts(*rest, s)) {
        rest->data++;
        rest->len--;
    }

    if (rest->len == 0) {
        return false;
    }

    rest->data += s.len;
    rest->len -= s.len;

    return true;
}


/*
 * "&amp;", "&#38;", "&#x26;": what is written is never longer.
 */

static bool
social_s3_xml_reference(social_str_t *rest, social_buf_t *b)
{
    size_t         i, j;
    uint32_t       code;
    social_str_t   name;
    unsigned char  ch;

    static const struct {
        social_str_t   name;
        unsigned char  ch;
    } known[] = {
        { social_string("amp"), '&' }, { social_string("lt"), '<' },
        { social_string("gt"), '>' }, { social_string("quot"), '"' },
        { social_string("apos"), '\'' }
    };

    for (i = 1; i < rest->len && i < 12 && rest->data[i] != ';'; i++) {
        /* void */
    }

    if (i == rest->len || rest->data[i] != ';') {
        return false;
    }

    name.data = rest->data + 1;
    name.len = i - 1;

    rest->data += i + 1;
    rest->len -= i + 1;

    for (j = 0; j < sizeof(known) / sizeof(known[0]); j++) {
        if (social_str_eq(name, known[j].name)) {
            social_buf_byte(b, known[j].ch);
            return true;
        }
    }

    if (name.len < 2 || name.data[0] != '#') {
        return false;
    }

    code = 0;
    j = name.data[1] == 'x' ? 2 : 1;

    if (j == name.len) {
        return false;
    }

    for (i = j; i < name.len; i++) {

        ch = social_lower(name.data[i]);

        if (ch >= '0' && ch <= '9') {
            ch -= '0';

        } else if (j == 2 && ch >= 'a' && ch <= 'f') {
            ch = (unsigned char) (ch - 'a' + 10);

        } else {
            return false;
        }

        code = code * (j == 2 ? 16 : 10) + ch;

        if (code > 0x10ffff) {
            return false;
        }
    }

    if (code == 0 || (code >= 0xd800 && code <= 0xdfff)) {
        return false;
    }

    social_s3_xml_utf8(b, code);

    return true;
}


static void
social_s3_xml_utf8(social_buf_t *b, uint32_t code)
{
    if (code < 0x80) {
        social_buf_byte(b, (unsigned char) code);
        return;
    }

    if (code < 0x800) {
        social_buf_byte(b, (unsigned char) (0xc0 | code >> 6));

    } else {

        if (code < 0x10000) {
            social_buf_byte(b, (unsigned char) (0xe0 | code >> 12));

        } else {
            social_buf_byte(b, (unsigned char) (0xf0 | code >> 18));
            social_buf_byte(b, (unsigned char) (0x80 | (code >> 12 & 0x3f)));
        }

        social_buf_byte(b, (unsigned char) (0x80 | (code >> 6 & 0x3f)));
    }

    social_buf_byte(b, (unsigned char) (0x80 | (code & 0x3f)));
}
