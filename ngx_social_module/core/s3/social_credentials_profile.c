
/*
 * The profiles of AWS's shared files.
 */

#include <string.h>

#include "social_credentials.h"


static social_str_t social_credentials_line(social_str_t *text);
static bool social_credentials_is_section(social_str_t line,
    social_str_t name, bool config);
static void social_credentials_set(social_str_t line,
    social_credentials_profile_t *profile);
static bool social_credentials_is_unsupported(social_str_t name);


void
social_credentials_profile_read(social_str_t text, social_str_t name,
    bool config, social_credentials_profile_t *profile)
{
    bool          inside;
    social_str_t  line;

    memset(profile, 0, sizeof(social_credentials_profile_t));

    inside = false;

    while (text.len) {

        line = social_credentials_line(&text);

        if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';') {
            continue;
        }

        if (line.data[0] == '[') {
            inside = social_credentials_is_section(line, name, config);
            profile->found = profile->found || inside;
            continue;
        }

        if (inside) {
            social_credentials_set(line, profile);
        }
    }
}


void
social_credentials_profile_merge(social_credentials_profile_t *profile,
    const social_credentials_profile_t *config)
{
    profile->found = profile->found || config->found;

    if (profile->keys.access_key.len == 0) {
        profile->keys = config->keys;
    }

    if (profile->region.len == 0) {
        profile->region = config->region;
    }

    if (profile->role.len == 0) {
        profile->role = config->role;
    }

    if (profile->session.len == 0) {
        profile->session = config->session;
    }

    if (profile->token_file.len == 0) {
        profile->token_file = config->token_file;
    }

    if (profile->unsupported.len == 0) {
        profile->unsupported = config->unsupported;
    }
}


social_rc_e
social_credentials_parse(social_str_t text, social_str_t profile,
    social_credentials_t *credentials)
{
    social_credentials_profile_t  p;

    social_credentials_profile_read(text, profile, false, &p);

    *credentials = p.keys;

    if (!p.found) {
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


/* in the config file, others than "default" have a word before the name */

static bool
social_credentials_is_section(social_str_t line, social_str_t name,
    bool config)
{
    static const social_str_t  profile = social_string("profile");
    static const social_str_t  usual = social_string("default");

    if (line.data[line.len - 1] != ']') {
        return false;
    }

    line.data++;
    line.len -= 2;
    line = social_str_trim(line);

    if (!config || (social_str_eq(name, usual) && social_str_eq(line, usual))) {
        return social_str_eq(line, name);
    }

    if (!social_str_starts(line, profile) || line.len == profile.len
        || (line.data[profile.len] != ' ' && line.data[profile.len] != '\t'))
    {
        return false;
    }

    line.data += profile.len;
    line.len -= profile.len;

    return social_str_eq(social_str_trim(line), name);
}


static void
social_credentials_set(social_str_t line, social_credentials_profile_t *profile)
{
    size_t        i;
    social_str_t  name, value;

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

    if (social_str_caseeq(name, social_str("aws_access_key_id"))) {
        profile->keys.access_key = value;

    } else if (social_str_caseeq(name, social_str("aws_secret_access_key"))) {
        profile->keys.secret = value;

    } else if (social_str_caseeq(name, social_str("aws_session_token"))) {
        profile->keys.token = value;

    } else if (social_str_caseeq(name, social_str("region"))) {
        profile->region = value;

    } else if (social_str_caseeq(name, social_str("role_arn"))) {
        profile->role = value;

    } else if (social_str_caseeq(name, social_str("role_session_name"))) {
        profile->session = value;

    } else if (social_str_caseeq(name, social_str("web_identity_token_file"))) {
        profile->token_file = value;

    } else if (value.len && social_credentials_is_unsupported(name)) {
        profile->unsupported = name;
    }
}


static bool
social_credentials_is_unsupported(social_str_t name)
{
    size_t                     i;
    static const social_str_t  names[] = {
        social_string("credential_process"),
        social_string("credential_source"),
        social_string("source_profile"),
        social_string("sso_session"),
        social_string("sso_start_url"),
        social_string("login_session")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (social_str_caseeq(name, names[i])) {
            return true;
        }
    }

    return false;
}
