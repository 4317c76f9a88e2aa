
/*
 * Limits on requests: how they are written, and the periods of quotas.
 */

#include "social_limit.h"


#define SOCIAL_LIMIT_A_DAY  86400


static int64_t social_limit_month(int64_t days, int64_t *next);
static int64_t social_limit_days(int64_t year, int64_t month);


typedef struct {
    social_str_t           name;
    bool                   quota;
    social_limit_period_e  period;
    int64_t                time;      /* ms, of a rate */
} social_limit_name_t;


static const social_limit_name_t  social_limit_names[] = {
    { social_string("r/s"), false, SOCIAL_LIMIT_SECOND, 1000 },
    { social_string("r/m"), false, SOCIAL_LIMIT_MINUTE, 60000 },
    { social_string("r/h"), false, SOCIAL_LIMIT_HOUR, 3600000 },
    { social_string("r/day"), true, SOCIAL_LIMIT_DAY, 0 },
    { social_string("r/week"), true, SOCIAL_LIMIT_WEEK, 0 },
    { social_string("r/month"), true, SOCIAL_LIMIT_MONTH, 0 }
};


social_rc_e
social_limit_parse(social_str_t text, bool quota, social_limit_t *limit)
{
    size_t                      i;
    uint64_t                    n;
    const social_limit_name_t  *name;

    n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }

        n = n * 10 + (uint64_t) (text.data[i] - '0');

        if (n > SOCIAL_LIMIT_MAX) {
            return SOCIAL_MALFORMED;
        }
    }

    if (n == 0) {
        return SOCIAL_MALFORMED;
    }

    text.data += i;
    text.len -= i;

    for (i = 0; i < sizeof(social_limit_names) / sizeof(*name); i++) {
        name = &social_limit_names[i];

        if (name->quota != quota || !social_str_eq(name->name, text)) {
            continue;
        }

        limit->period = name->period;
        limit->n = n;
        limit->rate = quota ? 0 : (double) n / (double) name->time;
        limit->burst = (double) n;

        if (!quota) {
            limit->burst = limit->rate * 1000;

            if (limit->burst < 1) {
                limit->burst = 1;
            }
        }

        return SOCIAL_OK;
    }

    return SOCIAL_MALFORMED;
}


void
social_limit_period(social_limit_period_e period, int64_t now, int64_t *first,
    int64_t *next)
{
    int64_t  days;

    if (now < 0) {
        now = 0;
    }

    days = now / SOCIAL_LIMIT_A_DAY;

    switch (period) {

    case SOCIAL_LIMIT_WEEK:

        /* the epoch was a Thursday, the week of which began before it */

        days = days < 4 ? 0 : days - (days - 4) % 7;
        *first = days * SOCIAL_LIMIT_A_DAY;
        *next = (days ? days + 7 : 4) * SOCIAL_LIMIT_A_DAY;
        break;

    case SOCIAL_LIMIT_MONTH:
        *first = social_limit_month(days, next) * SOCIAL_LIMIT_A_DAY;
        *next *= SOCIAL_LIMIT_A_DAY;
        break;

    default:
        *first = days * SOCIAL_LIMIT_A_DAY;
        *next = *first + SOCIAL_LIMIT_A_DAY;
    }
}


/*
 * The first day of the month that a day is in, and of the next one, all since
 * the epoch.
 */

static int64_t
social_limit_month(int64_t days, int64_t *next)
{
    int64_t  year, month;

    /* this year or the one before */

    year = 1970 + days * 400 / 146097;

    if (social_limit_days(year, 1) > days) {
        year--;

    } else if (social_limit_days(year + 1, 1) <= days) {
        year++;
    }

    for (month = 12; social_limit_days(year, month) > days; month--) {
        /* void */
    }

    *next = social_limit_days(year, month + 1);

    return social_limit_days(year, month);
}


/*
 * Days from the epoch to the first of a month, 1 to 13, of the Gregorian
 * calendar.
 */

static int64_t
social_limit_days(int64_t year, int64_t month)
{
    int64_t  y, leap;

    static const int  before[] = {
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365
    };

    y = year - 1;
    leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return y * 365 + y / 4 - y / 100 + y / 400 - 719162
           + before[month - 1] + (month > 2 ? leap : 0);
}
