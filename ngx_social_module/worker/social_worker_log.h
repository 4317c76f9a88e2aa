
/*
 * The worker's log: one JSON object a line, or plain text.
 */

#ifndef SOCIAL_WORKER_LOG_H
#define SOCIAL_WORKER_LOG_H


#include <stdbool.h>


typedef enum {
    SOCIAL_WORKER_ERROR = 0,
    SOCIAL_WORKER_WARN,
    SOCIAL_WORKER_INFO,
    SOCIAL_WORKER_DEBUG
} social_worker_level_e;


typedef struct {
    const char  *name;
    const char  *text;       /* NULL: the number */
    long long    number;
} social_worker_field_t;


/*
 * Writes a line: an event, and what is to be known of it.  Never a token, a
 * signed URL or a key.
 */
#define social_worker_log(level, event, ...)                                  \
    social_worker_log_fields(level, event,                                    \
        (social_worker_field_t[]) { __VA_ARGS__, { 0 } })


/*
 * To be called once, before the first thread.
 */
void social_worker_log_init(bool text, social_worker_level_e most);

/*
 * "fields" end with one without a name.
 */
void social_worker_log_fields(social_worker_level_e level, const char *event,
    const social_worker_field_t *fields);


static inline social_worker_field_t
social_worker_text(const char *name, const char *text)
{
    return (social_worker_field_t) { name, text ? text : "", 0 };
}


static inline social_worker_field_t
social_worker_number(const char *name, long long number)
{
    return (social_worker_field_t) { name, NULL, number };
}


#endif /* SOCIAL_WORKER_LOG_H */
