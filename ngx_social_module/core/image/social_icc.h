
/*
 * What a color profile is of, and how it can be used: before a library is
 * asked to convert by it.
 */

#ifndef SOCIAL_ICC_H
#define SOCIAL_ICC_H


#include "social_rc.h"
#include "social_str.h"


typedef enum {
    SOCIAL_ICC_OTHER = 0,
    SOCIAL_ICC_GRAY,
    SOCIAL_ICC_RGB,
    SOCIAL_ICC_CMYK
} social_icc_space_e;


/* the intents' numbers are those of ICC.1 */

typedef enum {
    SOCIAL_ICC_PERCEPTUAL = 0,
    SOCIAL_ICC_RELATIVE
} social_icc_intent_e;


typedef struct {
    social_icc_space_e   space;
    social_icc_intent_e  intent;      /* that it can be used by */
} social_icc_t;


/*
 * SOCIAL_OK: "icc" is filled in; nothing of "data" is kept.  Perceptual is
 * preferred; a profile of curves and a matrix has all intents, one of tables
 * those that it has tables for.  SOCIAL_DECLINED: there is nothing to convert
 * colors by; tables of the saturation intent alone do not count, as they do
 * not in browsers.  SOCIAL_MALFORMED: it is truncated or not a profile.
 * (ICC.1:2010, 7.2, 7.3, 8)
 */
social_rc_e social_icc_parse(social_str_t data, social_icc_t *icc);


#endif /* SOCIAL_ICC_H */
