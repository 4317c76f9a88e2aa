
/*
 * What a commit of the embedded store is about to do.
 */

#include <string.h>

#include "social_buf.h"
#include "social_store_intent.h"
#include "social_store_line.h"


static social_rc_e social_store_intent_read_1(social_str_t text,
    social_store_intent_t *intent);
static social_rc_e social_store_intent_read_2(social_str_t text,
    social_store_intent_t *intent);


social_rc_e
social_store_intent_write(const social_store_intent_t *intent,
    unsigned char *buf, size_t *len)
{
    unsigned      i;
    social_buf_t  b;

    if (intent->size < 0 || intent->size > SOCIAL_STORE_MAX_SIZE
        || intent->seq < 0 || intent->seq > SOCIAL_STORE_MAX_SIZE
        || intent->parts > SOCIAL_STORE_MAX_PARTS
        || intent->key.len == 0 || intent->key.len > SOCIAL_STORE_MAX_KEY)
    {
        return SOCIAL_MALFORMED;
    }

    social_buf_init(&b, buf, SOCIAL_STORE_INTENT_SIZE);

    social_buf_text(&b, "social-intent 2\nid ");
    social_buf_put(&b, (social_str_t) { SOCIAL_STORE_ID_SIZE, intent->id });
    social_buf_text(&b, "\nseq ");
    social_buf_number(&b, (uint64_t) intent->seq);
    social_buf_text(&b, "\nsize ");
    social_buf_number(&b, (uint64_t) intent->size);
    social_buf_text(&b, "\n");
    social_store_line_etag(&b, intent->etag, intent->parts);
    social_buf_text(&b, "announce ");
    social_buf_number(&b, intent->announce);
    social_buf_text(&b, "\nkey ");
    social_buf_number(&b, intent->key.len);
    social_buf_byte(&b, '\n');
    social_buf_put(&b, intent->key);
    social_buf_byte(&b, '\n');

    for (i = 0; i < intent->replaced; i++) {
        social_buf_text(&b, "replaces ");
        social_buf_put(&b, (social_str_t) { SOCIAL_STORE_ID_SIZE,
                                            intent->replaces[i] });
        social_buf_byte(&b, '\n');
    }

    *len = b.len;

    return b.rc;
}


void
social_store_intent_replaces(const unsigned char *id, unsigned char *buf)
{
    memcpy(buf, "replaces ", 9);
    memcpy(buf + 9, id, SOCIAL_STORE_ID_SIZE);
    buf[9 + SOCIAL_STORE_ID_SIZE] = '\n';
}


social_rc_e
social_store_intent_read(social_str_t text, social_store_intent_t *intent)
{
    social_str_t  version;

    memset(intent, 0, sizeof(social_store_intent_t));

    if (text.len > SOCIAL_STORE_INTENT_SIZE) {
        return SOCIAL_MALFORMED;
    }

    if (social_store_line(&text, "social-intent", &version) != SOCIAL_OK) {
        return social_store_intent_read_1(text, intent);
    }

    if (!social_str_eq(version, social_str("2"))) {
        return SOCIAL_MALFORMED;
    }

    return social_store_intent_read_2(text, intent);
}


static social_rc_e
social_store_intent_read_1(social_str_t text, social_store_intent_t *intent)
{
    social_str_t  line, size, etag;

    if (social_store_line_next(&text, &line) != SOCIAL_OK
        || !social_str_next(&line, " ", &size)
        || !social_str_next(&line, " ", &etag)
        || line.len != 0
        || social_store_line_number(size, &intent->size) != SOCIAL_OK
        || social_store_line_hex(etag, intent->etag, sizeof(intent->etag))
           != SOCIAL_OK
        || text.len == 0 || text.len > SOCIAL_STORE_MAX_KEY)
    {
        return SOCIAL_MALFORMED;
    }

    intent->announce = true;
    intent->key = text;

    return SOCIAL_OK;
}


static social_rc_e
social_store_intent_read_2(social_str_t text, social_store_intent_t *intent)
{
    int64_t       announce;
    social_str_t  value;

    if (social_store_line(&text, "id", &value) != SOCIAL_OK
        || social_store_line_hex(value, intent->id, sizeof(intent->id))
           != SOCIAL_OK
        || social_store_line(&text, "seq", &value) != SOCIAL_OK
        || social_store_line_number(value, &intent->seq) != SOCIAL_OK
        || social_store_line(&text, "size", &value) != SOCIAL_OK
        || social_store_line_number(value, &intent->size) != SOCIAL_OK
        || social_store_line(&text, "etag", &value) != SOCIAL_OK
        || social_store_line_read_etag(value, intent->etag, &intent->parts)
           != SOCIAL_OK
        || intent->parts > SOCIAL_STORE_MAX_PARTS
        || social_store_line(&text, "announce", &value) != SOCIAL_OK
        || social_store_line_number(value, &announce) != SOCIAL_OK
        || announce > 1
        || social_store_line_key(&text, &intent->key) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    intent->announce = (announce == 1);

    while (social_store_line(&text, "replaces", &value) == SOCIAL_OK) {

        if (intent->replaced == 2
            || social_store_line_hex(value, intent->replaces[intent->replaced],
                                     SOCIAL_STORE_ID_SIZE)
               != SOCIAL_OK)
        {
            return SOCIAL_MALFORMED;
        }

        intent->replaced++;
    }

    return SOCIAL_OK;
}
