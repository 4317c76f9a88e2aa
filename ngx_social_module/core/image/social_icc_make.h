
/*
 * Color profiles, made of what a picture says of its colors in another form.
 */

#ifndef SOCIAL_ICC_MAKE_H
#define SOCIAL_ICC_MAKE_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_ICC_MADE_SIZE  328


/* x and y, in hundred-thousandths, as cHRM has them */

typedef struct {
    uint32_t  white[2];
    uint32_t  red[2];
    uint32_t  green[2];
    uint32_t  blue[2];
    uint32_t  gamma;              /* that it was coded by; 0: sRGB's curve */
} social_icc_colors_t;


/*
 * Writes a profile of a matrix and a curve.  SOCIAL_MALFORMED: no colors are
 * of such primaries, or of such a gamma (0.1 to 10).
 * (ICC.1:2010, 8.3.3, 10.15, 10.27; the adaptation is Bradford's, Annex E)
 */
social_rc_e social_icc_make(const social_icc_colors_t *colors,
    unsigned char profile[SOCIAL_ICC_MADE_SIZE]);

/*
 * What the chunks of a PNG say of its colors, when it is not sRGB and no
 * profile is in it: cICP of sRGB's curve, which goes before a profile, or gAMA
 * with or without cHRM, as browsers show them: cHRM alone counts for nothing,
 * and a gamma of about 1/2.2 alone is sRGB.  SOCIAL_DECLINED: nothing.
 * (PNG, 4.3, 11.3.2)
 */
social_rc_e social_icc_png(social_str_t data, social_icc_colors_t *colors);


#endif /* SOCIAL_ICC_MAKE_H */
