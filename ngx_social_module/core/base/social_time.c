
/*
 * Times as text.
 */

#include <string.h>

#include "social_time.h"


typedef struct {
    int64_t   year;
    unsigned  month;        /* 1-12 */
    unsigned  day;          /* 1-31 */
    unsigned  hour;
    unsigned  minute;
    unsigned  second;
} social_time_fields_t;


static void social_time_split(int64_t t, social_time_fields_t *f);
static social_rc_e social_time_join(const unsigned v[6], int64_t *t);
static unsigned char *social_time_digits(unsigned char *p, unsigned value,
    unsigned width);
static bool social_time_match(social_str_t s, const char *pattern,
    unsigned *values);
static bool social_time_number(social_str_t s, size_t min, size_t max,
    unsigned *value);
static bool social_time_month(social_str_t s, unsigned *month);


void
social_time_amz(int64_t t, unsigned char buf[SOCIAL_TIME_AMZ_SIZE])
{
    unsigned char         *p;
    social_time_fields_t   f;

    social_time_split(t, &f);

    p = social_time_digits(buf, (unsigned) f.year, 4);
    p = social_time_digits(p, f.month, 2);
    p = social_time_digits(p, f.day, 2);
    *p++ = 'T';
    p = social_time_digits(p, f.hour, 2);
    p = social_time_digits(p, f.minute, 2);
    p = social_time_digits(p, f.second, 2);
    *p = 'Z';
}


void
social_time_iso(int64_t t, unsigned char buf[SOCIAL_TIME_ISO_SIZE])
{
    unsigned char         *p;
    social_time_fields_t   f;

    social_time_split(t, &f);

    p = social_time_digits(buf, (unsigned) f.year, 4);
    *p++ = '-';
    p = social_time_digits(p, f.month, 2);
    *p++ = '-';
    p = social_time_digits(p, f.day, 2);
    *p++ = 'T';
    p = social_time_digits(p, f.hour, 2);
    *p++ = ':';
    p = social_time_digits(p, f.minute, 2);
    *p++ = ':';
    p = social_time_digits(p, f.second, 2);
    memcpy(p, ".000Z", sizeof(".000Z") - 1);
}


social_rc_e
social_time_amz_parse(social_str_t s, int64_t *t)
{
    unsigned  v[6];

    if (!social_time_match(s, "4-2-2-T2-2-2-Z", v)) {
        return SOCIAL_MALFORMED;
    }

    return social_time_join(v, t);
}


social_rc_e
social_time_iso_parse(social_str_t s, int64_t *t)
{
    size_t         i, n;
    social_str_t   text;
    unsigned char  amz[SOCIAL_TIME_AMZ_SIZE];

    static const char          form[] = "0000-00-00T00:00:00";
    static const social_str_t  zulu = social_string("Z");
    static const social_str_t  zero = social_string("+00:00");

    if (s.len < sizeof(form)) {
        return SOCIAL_MALFORMED;
    }

    /* digits are for social_time_amz_parse() */

    n = 0;

    for (i = 0; i < sizeof(form) - 1; i++) {

        if (form[i] == '-' || form[i] == ':') {
            if (s.data[i] != (unsigned char) form[i]) {
                return SOCIAL_MALFORMED;
            }

            continue;
        }

        amz[n++] = s.data[i];
    }

    amz[n++] = 'Z';

    s.data += i;
    s.len -= i;

    if (s.data[0] == '.') {
        for (i = 1; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
            /* void */
        }

        if (i == 1) {
            return SOCIAL_MALFORMED;
        }

        s.data += i;
        s.len -= i;
    }

    if (!social_str_eq(s, zulu) && !social_str_eq(s, zero)) {
        return SOCIAL_MALFORMED;
    }

    text.data = amz;
    text.len = n;

    return social_time_amz_parse(text, t);
}


/*
 * The forms differ in the order of their words, in the day's width and in the
 * year's.
 */

social_rc_e
social_time_http_parse(social_str_t s, int64_t *t)
{
    bool          asctime;
    size_t        n;
    unsigned      v[6];
    social_str_t  word[7], month, day, year, clock;

    for (n = 0; n < 7 && social_str_next(&s, ", -", &word[n]); n++) {
        /* void */
    }

    asctime = (n == 5);

    if (!asctime && (n != 6 || !social_str_eq(word[5], social_str("GMT")))) {
        return SOCIAL_MALFORMED;
    }

    month = word[asctime ? 1 : 2];
    day = word[asctime ? 2 : 1];
    clock = word[asctime ? 3 : 4];
    year = word[asctime ? 4 : 3];

    if (word[0].len < 3
        || !social_time_number(year, 2, 4, &v[0]) || year.len == 3
        || !social_time_month(month, &v[1])
        || !social_time_number(day, asctime ? 1 : 2, 2, &v[2])
        || !social_time_match(clock, "2-:2-:2-", &v[3]))
    {
        return SOCIAL_MALFORMED;
    }

    if (year.len == 2) {
        v[0] += v[0] < 70 ? 2000 : 1900;
    }

    return social_time_join(v, t);
}


static bool
social_time_number(social_str_t s, size_t min, size_t max, unsigned *value)
{
    size_t  i;

    *value = 0;

    for (i = 0; i < s.len && i < max; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        *value = *value * 10 + (unsigned) (s.data[i] - '0');
    }

    return i == s.len && i >= min;
}


static bool
social_time_month(social_str_t s, unsigned *month)
{
    size_t                     i;
    social_str_t               name;
    static const social_str_t  names =
        social_string("JanFebMarAprMayJunJulAugSepOctNovDec");

    for (i = 0; i < 12; i++) {

        name.data = names.data + 3 * i;
        name.len = 3;

        if (social_str_eq(s, name)) {
            *month = (unsigned) i + 1;
            return true;
        }
    }

    return false;
}


/*
 * In a pattern a digit and a "-" stand for a number of so many digits, every
 * other character for itself.
 */

static bool
social_time_match(social_str_t s, const char *pattern, unsigned *values)
{
    size_t       i;
    unsigned     n, value;
    const char  *p;

    i = 0;

    for (p = pattern; *p; p++) {

        if (p[0] >= '1' && p[0] <= '9' && p[1] == '-') {
            value = 0;

            for (n = (unsigned) (*p - '0'); n; n--, i++) {
                if (i == s.len || s.data[i] < '0' || s.data[i] > '9') {
                    return false;
                }

                value = value * 10 + (unsigned) (s.data[i] - '0');
            }

            *values++ = value;
            p++;
            continue;
        }

        if (i == s.len || s.data[i] != (unsigned char) *p) {
            return false;
        }

        i++;
    }

    return i == s.len;
}


static unsigned char *
social_time_digits(unsigned char *p, unsigned value, unsigned width)
{
    unsigned  i;

    for (i = width; i > 0; i--) {
        p[i - 1] = (unsigned char) ('0' + value % 10);
        value /= 10;
    }

    return p + width;
}


/*
 * The Gregorian calendar in eras of 400 years, or 146097 days, that begin on
 * the first of March, so that the leap day is the last of its year; 719468
 * days of them are before the epoch.
 */

static void
social_time_split(int64_t t, social_time_fields_t *f)
{
    int64_t   days, era;
    unsigned  rest, day, year, month;

    if (t < 0) {
        t = 0;
    }

    if (t > SOCIAL_TIME_MAX) {
        t = SOCIAL_TIME_MAX;
    }

    days = t / 86400;
    rest = (unsigned) (t % 86400);

    f->hour = rest / 3600;
    f->minute = rest % 3600 / 60;
    f->second = rest % 60;

    days += 719468;
    era = days / 146097;
    day = (unsigned) (days % 146097);
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;                   /* 0 is March */

    f->day = day - (153 * month + 2) / 5 + 1;
    f->month = month < 10 ? month + 3 : month - 9;
    f->year = era * 400 + year + (f->month <= 2);
}


/*
 * The way back, from year, month, day, hour, minute and second.
 */

static social_rc_e
social_time_join(const unsigned v[6], int64_t *t)
{
    bool                   leap;
    int64_t                days;
    unsigned               year, month, era, of_era, last;
    static const unsigned  lasts[] =
        { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    year = v[0];
    month = v[1];

    if (year < 1970 || month < 1 || month > 12 || v[3] > 23 || v[4] > 59
        || v[5] > 59)
    {
        return SOCIAL_MALFORMED;
    }

    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    last = lasts[month - 1] + (leap && month == 2);

    if (v[2] < 1 || v[2] > last) {
        return SOCIAL_MALFORMED;
    }

    year -= (month <= 2);
    month = month > 2 ? month - 3 : month + 9;
    era = year / 400;
    of_era = year % 400;

    days = (int64_t) era * 146097 + of_era * 365 + of_era / 4 - of_era / 100
           + (153 * month + 2) / 5 + v[2] - 1 - 719468;

    *t = days * 86400 + v[3] * 3600 + v[4] * 60 + v[5];

    return SOCIAL_OK;
}
