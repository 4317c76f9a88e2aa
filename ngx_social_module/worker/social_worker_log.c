
/*
 * The worker's log: one JSON object a line, or text for people.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "social_json.h"
#include "social_worker_log.h"


#define SOCIAL_WORKER_LOG_LINE   8192
#define SOCIAL_WORKER_LOG_VALUE  512


static const char *social_worker_log_second(time_t second);
static char *social_worker_log_append(char *p, const char *last,
    const char *text);
static char *social_worker_log_value(char *p, const char *last,
    const char *value);


static bool                   social_worker_log_text;
static social_worker_level_e  social_worker_log_most = SOCIAL_WORKER_INFO;

static const char *const  social_worker_levels[] = {
    "error", "warn", "info", "debug"
};


void
social_worker_log_init(bool text, social_worker_level_e most)
{
    social_worker_log_text = text;
    social_worker_log_most = most;
}


void
social_worker_log_fields(social_worker_level_e level, const char *event,
    const social_worker_field_t *fields)
{
    char            *p, *last;
    char             line[SOCIAL_WORKER_LOG_LINE], number[32], stamp[64];
    struct timespec  now;

    if (level > social_worker_log_most) {
        return;
    }

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(stamp, sizeof(stamp), "%s.%03ldZ",
             social_worker_log_second(now.tv_sec), now.tv_nsec / 1000000);

    p = line;
    last = line + sizeof(line) - 2;         /* "}" and a line feed */

    if (social_worker_log_text) {
        p += snprintf(p, (size_t) (last - p), "%s %-5s %s", stamp,
                      social_worker_levels[level], event);

    } else {
        p += snprintf(p, (size_t) (last - p),
                      "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"",
                      stamp, social_worker_levels[level], event);
    }

    for ( /* void */ ; fields->name != NULL; fields++) {

        if (last - p < 7 * SOCIAL_WORKER_LOG_VALUE) {
            break;
        }

        p = social_worker_log_append(p, last,
                                     social_worker_log_text ? " " : ",\"");
        p = social_worker_log_append(p, last, fields->name);
        p = social_worker_log_append(p, last,
                                     social_worker_log_text ? "=" : "\":");

        if (fields->text != NULL) {
            p = social_worker_log_value(p, last, fields->text);

        } else {
            snprintf(number, sizeof(number), "%lld", fields->number);
            p = social_worker_log_append(p, last, number);
        }
    }

    if (!social_worker_log_text) {
        *p++ = '}';
    }

    *p++ = '\n';

    /* one call, so that lines of several threads do not mix */

    if (write(STDERR_FILENO, line, (size_t) (p - line)) < 0) {
        return;                             /* there is nowhere to log it */
    }
}


/* many lines are of the same second */

static const char *
social_worker_log_second(time_t second)
{
    struct tm  tm;

    static _Thread_local time_t  last = -1;
    static _Thread_local char    text[32];

    if (second != last) {
        gmtime_r(&second, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        last = second;
    }

    return text;
}


static char *
social_worker_log_append(char *p, const char *last, const char *text)
{
    size_t  len;

    len = strlen(text);

    if (len > (size_t) (last - p)) {
        len = (size_t) (last - p);
    }

    memcpy(p, text, len);

    return p + len;
}


static char *
social_worker_log_value(char *p, const char *last, const char *value)
{
    unsigned char  escaped[6 * SOCIAL_WORKER_LOG_VALUE + 1];
    social_str_t   text;

    text = social_str(value);

    if (text.len > SOCIAL_WORKER_LOG_VALUE) {
        text.len = SOCIAL_WORKER_LOG_VALUE;
    }

    *social_json_escape(escaped, text) = '\0';

    p = social_worker_log_append(p, last, "\"");
    p = social_worker_log_append(p, last, (const char *) escaped);

    return social_worker_log_append(p, last, "\"");
}
