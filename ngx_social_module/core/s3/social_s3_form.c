
/*
 * The body of a POST of an object.
 *
 * What ends a part is CRLF, two dashes and the boundary.  There is no CR in a
 * boundary, so that after a mismatch nothing but the byte at hand can begin
 * another one; the bytes that had matched are those of the delimiter itself,
 * and need not be kept.
 */

#include <string.h>

#include "social_s3_form.h"


typedef struct {
    bool          has_name;
    bool          has_filename;
    social_str_t  name;
    social_str_t  filename;
} social_s3_form_part_t;


static social_s3_error_e social_s3_form_delimiter(social_s3_form_t *form,
    unsigned char ch);
static social_s3_error_e social_s3_form_head(social_s3_form_t *form,
    unsigned char ch);
static social_s3_error_e social_s3_form_begin(social_s3_form_t *form);
static social_s3_error_e social_s3_form_part(social_s3_form_t *form,
    social_s3_form_part_t *part);
static bool social_s3_form_disposition(social_str_t value,
    social_s3_form_part_t *part);
static bool social_s3_form_word(social_str_t *rest, social_str_t *word);
static social_str_t social_s3_form_base(social_str_t path);
static social_s3_error_e social_s3_form_add(social_s3_form_t *form,
    social_str_t name);
static social_s3_error_e social_s3_form_content(social_s3_form_t *form,
    social_str_t *in, social_str_t *data);
static social_s3_error_e social_s3_form_value(social_s3_form_t *form,
    social_str_t data);
static social_str_t social_s3_form_boundary(social_str_t content_type);


static const social_str_t  social_s3_form_type =
    social_string("multipart/form-data");


bool
social_s3_form_is(social_str_t content_type)
{
    social_str_t  type;

    return social_str_next(&content_type, "; \t", &type)
           && social_str_caseeq(type, social_s3_form_type);
}


social_s3_error_e
social_s3_form_init(social_s3_form_t *form, social_s3_form_fields_t *fields,
    social_str_t content_type)
{
    size_t                     i;
    unsigned char              ch;
    social_str_t               boundary;
    static const social_str_t  others = social_string("'()+_,-./:=? ");

    memset(form, 0, sizeof(social_s3_form_t));

    form->fields = fields;

    fields->count = 0;
    fields->len = 0;
    fields->filename.len = 0;
    fields->filename.data = NULL;

    boundary = social_s3_form_boundary(content_type);

    if (!social_s3_form_is(content_type) || boundary.len == 0
        || boundary.len > SOCIAL_S3_FORM_MAX_BOUNDARY
        || boundary.data[boundary.len - 1] == ' ')
    {
        return SOCIAL_S3_MALFORMED_POST_REQUEST;
    }

    for (i = 0; i < boundary.len; i++) {

        ch = boundary.data[i];

        if (!((ch >= '0' && ch <= '9')
              || (social_lower(ch) >= 'a' && social_lower(ch) <= 'z')
              || memchr(others.data, ch, others.len) != NULL))
        {
            return SOCIAL_S3_MALFORMED_POST_REQUEST;
        }
    }

    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.data, boundary.len);
    form->delimiter_len = 4 + boundary.len;

    /* the first one needs no line end before it */

    form->matched = 2;

    return SOCIAL_S3_OK;
}


/*
 * The value of the parameter; empty: there is none, or it is there twice.
 */

static social_str_t
social_s3_form_boundary(social_str_t content_type)
{
    size_t                     i;
    social_str_t               rest, word, boundary;
    static const social_str_t  none = social_string("");
    static const social_str_t  name = social_string("boundary");

    rest = content_type;
    boundary = none;

    for (i = 0; i < rest.len && rest.data[i] != ';'; i++) { /* void */ }

    rest.data += i;
    rest.len -= i;

    while (rest.len) {

        rest.data++;
        rest.len--;
        rest = social_str_trim(rest);

        for (i = 0; i < rest.len && rest.data[i] != '=' && rest.data[i] != ';';
             i++)
        {
            /* void */
        }

        if (i == rest.len || rest.data[i] == ';') {
            rest.data += i;
            rest.len -= i;
            continue;
        }

        word.data = rest.data;
        word.len = i;

        rest.data += i + 1;
        rest.len -= i + 1;

        if (social_str_caseeq(word, name)) {

            if (boundary.len || !social_s3_form_word(&rest, &boundary)) {
                return none;
            }

        } else if (!social_s3_form_word(&rest, &word)) {
            return none;
        }

        if (rest.len && rest.data[0] != ';') {
            return none;
        }
    }

    return boundary;
}


social_s3_error_e
social_s3_form_next(social_s3_form_t *form, social_str_t *in,
    social_str_t *data)
{
    bool               had;
    social_s3_error_e  error;

    data->data = in->data;
    data->len = 0;

    had = form->has_file;
    error = SOCIAL_S3_OK;

    while (in->len && error == SOCIAL_S3_OK && data->len == 0
           && form->has_file == had)
    {
        switch (form->state) {

        case SOCIAL_S3_FORM_DELIMITER:
        case SOCIAL_S3_FORM_DASH:
        case SOCIAL_S3_FORM_LINE_END:
        case SOCIAL_S3_FORM_HEADERS:

            error = form->state == SOCIAL_S3_FORM_HEADERS
                    ? social_s3_form_head(form, in->data[0])
                    : social_s3_form_delimiter(form, in->data[0]);
            in->data++;
            in->len--;
            form->seen++;
            break;

        case SOCIAL_S3_FORM_DONE:

            /* the epilogue */

            in->data += in->len;
            in->len = 0;
            break;

        default:
            error = social_s3_form_content(form, in, data);
            break;
        }

        if (!had && form->seen > SOCIAL_S3_FORM_SIZE
            && error == SOCIAL_S3_OK)
        {
            error = SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH;
        }
    }

    return error;
}


social_s3_error_e
social_s3_form_end(const social_s3_form_t *form)
{
    return form->state == SOCIAL_S3_FORM_DONE
           ? SOCIAL_S3_OK : SOCIAL_S3_INCOMPLETE_BODY;
}


/*
 * After a delimiter there is the end of the line, or two dashes after the last
 * one.
 */

static social_s3_error_e
social_s3_form_delimiter(social_s3_form_t *form, unsigned char ch)
{
    switch (form->state) {

    case SOCIAL_S3_FORM_DASH:
        if (ch != '-') {
            return SOCIAL_S3_MALFORMED_POST_REQUEST;
        }

        form->state = SOCIAL_S3_FORM_DONE;
        return SOCIAL_S3_OK;

    case SOCIAL_S3_FORM_LINE_END:
        if (ch != '\n') {
            return SOCIAL_S3_MALFORMED_POST_REQUEST;
        }

        form->state = SOCIAL_S3_FORM_HEADERS;
        form->head_len = 0;
        return SOCIAL_S3_OK;

    default:
        break;
    }

    switch (ch) {

    case '-':
        form->state = SOCIAL_S3_FORM_DASH;
        return SOCIAL_S3_OK;

    case '\r':
        form->state = SOCIAL_S3_FORM_LINE_END;
        return SOCIAL_S3_OK;

    case ' ':
    case '\t':
        return SOCIAL_S3_OK;

    default:
        return SOCIAL_S3_MALFORMED_POST_REQUEST;
    }
}


/*
 * Headers are kept until the empty line after them.
 */

static social_s3_error_e
social_s3_form_head(social_s3_form_t *form, unsigned char ch)
{
    size_t          n;
    unsigned char  *p;

    if (form->head_len == SOCIAL_S3_FORM_HEAD) {
        return SOCIAL_S3_MALFORMED_POST_REQUEST;
    }

    form->head[form->head_len++] = ch;

    n = form->head_len;
    p = form->head + n;

    if (ch != '\n') {
        return SOCIAL_S3_OK;
    }

    if (n < 2 || p[-2] != '\r') {
        return SOCIAL_S3_MALFORMED_POST_REQUEST;
    }

    if (n == 2 || (n >= 4 && p[-3] == '\n')) {
        return social_s3_form_begin(form);
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_form_begin(social_s3_form_t *form)
{
    social_str_t               base;
    social_s3_error_e          error;
    social_s3_form_part_t      part;
    social_s3_form_fields_t   *fields;
    static const social_str_t  file = social_string("file");

    error = social_s3_form_part(form, &part);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    fields = form->fields;

    if (!social_str_caseeq(part.name, file)) {

        if (form->has_file) {
            form->state = SOCIAL_S3_FORM_IGNORED;
            return SOCIAL_S3_OK;
        }

        form->state = SOCIAL_S3_FORM_VALUE;

        return social_s3_form_add(form, part.name);
    }

    form->files++;

    if (form->has_file) {
        form->state = SOCIAL_S3_FORM_IGNORED;
        return SOCIAL_S3_OK;
    }

    form->state = SOCIAL_S3_FORM_FILE;
    form->has_file = true;
    form->fields = NULL;

    base = social_s3_form_base(part.filename);

    if (base.len > SOCIAL_S3_FORM_SIZE - fields->len) {
        return SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH;
    }

    if (base.len) {
        memcpy(fields->memory + fields->len, base.data, base.len);
        fields->filename.data = fields->memory + fields->len;
        fields->filename.len = base.len;
        fields->len += base.len;
    }

    return SOCIAL_S3_OK;
}


/*
 * Of the headers of a part all but Content-Disposition are ignored.
 */

static social_s3_error_e
social_s3_form_part(social_s3_form_t *form, social_s3_form_part_t *part)
{
    size_t                     i;
    social_str_t               head, line, name, value;
    static const social_str_t  disposition =
        social_string("content-disposition");

    memset(part, 0, sizeof(social_s3_form_part_t));

    head.data = form->head;
    head.len = form->head_len;

    while (social_str_next(&head, "\r\n", &line)) {

        for (i = 0; i < line.len && line.data[i] != ':'; i++) { /* void */ }

        name.data = line.data;
        name.len = i;

        if (i == line.len || !social_str_is_token(name)) {
            return SOCIAL_S3_MALFORMED_POST_REQUEST;
        }

        if (!social_str_caseeq(name, disposition)) {
            continue;
        }

        value.data = line.data + i + 1;
        value.len = line.len - i - 1;

        if (part->has_name
            || !social_s3_form_disposition(social_str_trim(value), part))
        {
            return SOCIAL_S3_MALFORMED_POST_REQUEST;
        }
    }

    return part->has_name ? SOCIAL_S3_OK : SOCIAL_S3_MALFORMED_POST_REQUEST;
}


/*
 * Reads: form-data; name="NAME"; filename="FILE".
 */

static bool
social_s3_form_disposition(social_str_t value, social_s3_form_part_t *part)
{
    size_t        i;
    bool         *has;
    social_str_t  rest, name, *to, word;

    for (i = 0; i < value.len && value.data[i] != ';'; i++) { /* void */ }

    name.data = value.data;
    name.len = i;

    if (!social_str_caseeq(social_str_trim(name), social_str("form-data"))) {
        return false;
    }

    rest.data = value.data + i;
    rest.len = value.len - i;

    while (rest.len) {

        if (rest.data[0] != ';') {
            return false;
        }

        rest.data++;
        rest.len--;
        rest = social_str_trim(rest);

        for (i = 0; i < rest.len && rest.data[i] != '='; i++) { /* void */ }

        name.data = rest.data;
        name.len = i;

        if (i == rest.len || !social_str_is_token(name)) {
            return false;
        }

        rest.data += i + 1;
        rest.len -= i + 1;

        if (!social_s3_form_word(&rest, &word)) {
            return false;
        }

        if (social_str_caseeq(name, social_str("name"))) {
            has = &part->has_name;
            to = &part->name;

        } else if (social_str_caseeq(name, social_str("filename"))) {
            has = &part->has_filename;
            to = &part->filename;

        } else {
            continue;
        }

        if (*has) {
            return false;
        }

        *has = true;
        *to = word;
    }

    for (i = 0; i < part->name.len; i++) {
        if (part->name.data[i] <= ' ' || part->name.data[i] >= 0x7f) {
            return false;
        }
    }

    return part->name.len != 0;
}


/*
 * A token or a quoted string from the front, and the spaces after it.  Of a
 * quoted string the view has the inside as it is: browsers write a quote as
 * "%22" (HTML, "Multipart form data"), and backslashes as they are.
 */

static bool
social_s3_form_word(social_str_t *rest, social_str_t *word)
{
    size_t  i;

    if (rest->len && rest->data[0] == '"') {

        for (i = 1; i < rest->len && rest->data[i] != '"'; i++) {
            if (rest->data[i] == '\\' && i + 1 < rest->len
                && rest->data[i + 1] == '"')
            {
                i++;
            }
        }

        if (i >= rest->len) {
            return false;
        }

        word->data = rest->data + 1;
        word->len = i - 1;
        i++;

    } else {

        for (i = 0; i < rest->len && rest->data[i] != ';'
             && rest->data[i] != ' ' && rest->data[i] != '\t'; i++)
        {
            /* void */
        }

        word->data = rest->data;
        word->len = i;
    }

    rest->data += i;
    rest->len -= i;
    *rest = social_str_trim(*rest);

    return true;
}


/*
 * The last segment of a path: browsers have sent whole ones.
 */

static social_str_t
social_s3_form_base(social_str_t path)
{
    size_t  i;

    for (i = path.len; i > 0; i--) {
        if (path.data[i - 1] == '/' || path.data[i - 1] == '\\') {
            path.data += i;
            path.len -= i;
            break;
        }
    }

    return path;
}


/*
 * A field, whose value grows from here on.
 */

static social_s3_error_e
social_s3_form_add(social_s3_form_t *form, social_str_t name)
{
    size_t                    i;
    social_sigv4_header_t    *item;
    social_s3_form_fields_t  *fields;

    fields = form->fields;

    if (fields->count == SOCIAL_S3_FORM_FIELDS
        || name.len > SOCIAL_S3_FORM_SIZE - fields->len)
    {
        return SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH;
    }

    item = &fields->items[fields->count++];

    item->name.data = fields->memory + fields->len;
    item->name.len = name.len;

    for (i = 0; i < name.len; i++) {
        fields->memory[fields->len++] = social_lower(name.data[i]);
    }

    item->value.data = fields->memory + fields->len;
    item->value.len = 0;

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_form_value(social_s3_form_t *form, social_str_t data)
{
    social_s3_form_fields_t  *fields;

    fields = form->fields;

    if (data.len > SOCIAL_S3_FORM_SIZE - fields->len) {
        return SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH;
    }

    memcpy(fields->memory + fields->len, data.data, data.len);

    fields->len += data.len;
    fields->items[fields->count - 1].value.len += data.len;

    return SOCIAL_S3_OK;
}


/*
 * What is between two delimiters.
 */

static social_s3_error_e
social_s3_form_content(social_s3_form_t *form, social_str_t *in,
    social_str_t *data)
{
    social_str_t          piece;
    const unsigned char  *cr;

    data->len = 0;

    if (form->matched == 0) {

        cr = memchr(in->data, '\r', in->len);

        data->data = in->data;
        data->len = cr ? (size_t) (cr - in->data) : in->len;

        in->data += data->len;
        in->len -= data->len;
        form->seen += data->len;

    } else if (in->data[0] != form->delimiter[form->matched]) {

        data->data = form->delimiter;
        data->len = form->matched;
        form->matched = 0;
    }

    if (data->len == 0) {

        form->matched++;
        in->data++;
        in->len--;
        form->seen++;

        if (form->matched == form->delimiter_len) {
            form->matched = 0;
            form->state = SOCIAL_S3_FORM_DELIMITER;
        }

        return SOCIAL_S3_OK;
    }

    if (form->state == SOCIAL_S3_FORM_FILE) {
        return SOCIAL_S3_OK;
    }

    piece = *data;
    data->len = 0;

    return form->state == SOCIAL_S3_FORM_VALUE
           ? social_s3_form_value(form, piece) : SOCIAL_S3_OK;
}
