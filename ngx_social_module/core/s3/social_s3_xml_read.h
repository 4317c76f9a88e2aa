
/*
 * XML of requests: elements, text and references, which is all that clients
 * write and all that is read.  A document type, which could define more of
 * them, is refused; attributes are passed over.
 */

#ifndef SOCIAL_S3_XML_READ_H
#define SOCIAL_S3_XML_READ_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_S3_XML_DEPTH  4


typedef struct social_s3_xml_reader_s  social_s3_xml_reader_t;


/*
 * Functions are called for each element, whose name is names[depth - 1] until
 * its end was called, and for each text in one, with references resolved, a
 * view of "work".  Anything but SOCIAL_OK ends the reading.
 */
struct social_s3_xml_reader_s {

    /* the caller's */

    const char    *root;             /* the name of the only outermost one */
    social_rc_e  (*begin)(social_s3_xml_reader_t *reader, social_str_t name);
    social_rc_e  (*text)(social_s3_xml_reader_t *reader, social_str_t name,
                         social_str_t value);
    social_rc_e  (*end)(social_s3_xml_reader_t *reader, social_str_t name);
    void          *data;

    social_str_t   rest;
    social_buf_t  *work;
    bool           rooted;
    size_t         depth;
    social_str_t   names[SOCIAL_S3_XML_DEPTH];
};


/*
 * Reads a document; "work" needs no more room than it has.  SOCIAL_MALFORMED:
 * it is not well-formed, nested deeper than SOCIAL_S3_XML_DEPTH, or of another
 * root; or what a function returned.
 */
social_rc_e social_s3_xml_read(social_s3_xml_reader_t *reader,
    social_str_t xml, social_buf_t *work);


#endif /* SOCIAL_S3_XML_READ_H */
