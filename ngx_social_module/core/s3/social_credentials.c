
/*
 * AWS's shared credentials file.
 */

#include <string.h>

#include "social_credentials.h"


static social_str_t social_credentials_line(social_str_t *text);
static void social_credentials_set(social_str_t line,
    social_credentials_t *credentials);


social_rc_e
social_credentials_parse(social_str_t text, social_str_t profile,
    social_credentials_t *credentials)
{
    bool          inside, found;
    social_str_t  line;

    memset(credentials, 0, sizeof(social_credentials_t));

    inside = false;
    found = false;

    while (text.len) {

        line = social_credentials_line(&text);

        if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';') {
            continue;
        }

        if (line.data[0] == '[') {

            if (line.data[line.len - 1] == ']') {
                line.data++;
                line.len -= 2;
                inside = social_str_eq(social_str_trim(line), profile);
                found = found || inside;

            } else {
                inside = false;
            }

            continue;
        }

        if (inside) {
            social_credentials_set(line, credentials);
        }
    }

    if (!found) {
        return SOCIAL_DECLINED;
    }

    return credentials->access_key.len && credentials->secret.len
           ? SOCIAL_OK : SOCIAL_MALFORMED;
}


static social_str_t
social_credentials_line(social_str_t *text)
{
    size_t        i;
    social_str_t  line;

    for (i = 0; i < text->len && text->data[i] != '\n'; i++) { /* void */ }

    line.data = text->data;
    line.len = i;

    if (i < text->len) {
        i++;
    }

    text->data += i;
    text->len -= i;

    if (line.len && line.data[line.len - 1] == '\r') {
        line.len--;
    }

    return social_str_trim(line);
}


static void
social_credentials_set(social_str_t line, social_credentials_t *credentials)
{
    size_t                     i;
    social_str_t               name, value;
    static const social_str_t  access_key =
                                   social_string("aws_access_key_id");
    static const social_str_t  secret = social_string("aws_secret_access_key");
    static const social_str_t  token = social_string("aws_session_token");

    for (i = 0; i < line.len && line.data[i] != '='; i++) { /* void */ }

    if (i == line.len) {
        return;
    }

    name.data = line.data;
    name.len = i;
    name = social_str_trim(name);

    value.data = line.data + i + 1;
    value.len = line.len - i - 1;
    value = social_str_trim(value);

    if (social_str_caseeq(name, access_key)) {
        credentials->access_key = value;

    } else if (social_str_caseeq(name, secret)) {
        credentials->secret = value;

    } else if (social_str_caseeq(name, token)) {
        credentials->token = value;
    }
}
