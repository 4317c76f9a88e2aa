
/*
 * Whether an AVIF has nothing but a picture.
 */

#ifndef SOCIAL_IMAGE_BARE_H
#define SOCIAL_IMAGE_BARE_H


#include "social_rc.h"
#include "social_str.h"


/*
 * SOCIAL_OK: it has nothing else.  SOCIAL_DECLINED: an item, a property or
 * a box is not on the list of what a picture needs; SOCIAL_MALFORMED: it is
 * truncated or invalid (ISO/IEC 14496-12; ISO/IEC 23008-12).
 */
social_rc_e social_image_bare_avif(social_str_t data);


#endif /* SOCIAL_IMAGE_BARE_H */
