
/*
 * Times as text, in UTC and English, whatever the process's zone and locale.
 * A time is seconds since the epoch, without leap seconds.
 */

#ifndef SOCIAL_TIME_H
#define SOCIAL_TIME_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_TIME_AMZ_SIZE   16      /* 20130524T000000Z */
#define SOCIAL_TIME_ISO_SIZE   24      /* 2013-05-24T00:00:00.000Z */
#define SOCIAL_TIME_MAX        253402300799    /* the end of the year 9999 */


/*
 * Write a time in the form that SigV4 uses, and in that of S3's XML, of POST
 * policies and of events (milliseconds are 000).  Exactly as many bytes as
 * the size says, with no zero byte.  Times before the epoch are written as
 * the epoch, those after SOCIAL_TIME_MAX as that.
 */
void social_time_amz(int64_t t, unsigned char buf[SOCIAL_TIME_AMZ_SIZE]);
void social_time_iso(int64_t t, unsigned char buf[SOCIAL_TIME_ISO_SIZE]);

/*
 * Reads "20130524T000000Z".  SOCIAL_MALFORMED: it is not that to the
 * letter, no such day exists, or it is before the epoch.
 */
social_rc_e social_time_amz_parse(social_str_t s, int64_t *t);

/*
 * Reads a time as AWS's services write it (ISO 8601, in UTC, with or without a
 * fraction of a second, which is dropped): "2026-01-01T00:00:00Z".
 * SOCIAL_MALFORMED: it is not one.
 */
social_rc_e social_time_iso_parse(social_str_t s, int64_t *t);

/*
 * Reads a date of HTTP in any of its three forms (RFC 9110, 5.6.7):
 * "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
 * "Sun Nov  6 08:49:37 1994".  Two digits of a year are 1970 to 2069.  The day
 * of the week is not compared with the date.  SOCIAL_MALFORMED: it is none of
 * them, no such day exists, or it is before the epoch.
 */
social_rc_e social_time_http_parse(social_str_t s, int64_t *t);


#endif /* SOCIAL_TIME_H */
