
/*
 * What a request asks of an S3: operations that this one does not have, by
 * their names (S3 API Reference, "Actions"), so that who reads the error finds
 * them in the documentation of the client.
 */

#include "social_s3_reader.h"


typedef struct {
    social_str_t  param;
    social_str_t  bucket;          /* the operation's name after its verb; */
    social_str_t  object;          /* empty: there is none */
} social_s3_subresource_t;


static const social_s3_subresource_t  social_s3_subresources[] = {
    { social_string("accelerate"), social_string("BucketAccelerate"
      "Configuration"), social_string("") },
    { social_string("acl"), social_string("BucketAcl"),
      social_string("ObjectAcl") },
    { social_string("analytics"), social_string("BucketAnalytics"
      "Configuration"), social_string("") },
    { social_string("attributes"), social_string(""),
      social_string("ObjectAttributes") },
    { social_string("cors"), social_string("BucketCors"), social_string("") },
    { social_string("encryption"), social_string("BucketEncryption"),
      social_string("") },
    { social_string("intelligent-tiering"), social_string("BucketIntelligent"
      "TieringConfiguration"), social_string("") },
    { social_string("inventory"), social_string("BucketInventory"
      "Configuration"), social_string("") },
    { social_string("legal-hold"), social_string(""),
      social_string("ObjectLegalHold") },
    { social_string("lifecycle"), social_string("BucketLifecycle"
      "Configuration"), social_string("") },
    { social_string("logging"), social_string("BucketLogging"),
      social_string("") },
    { social_string("metrics"), social_string("BucketMetricsConfiguration"),
      social_string("") },
    { social_string("notification"), social_string("BucketNotification"
      "Configuration"), social_string("") },
    { social_string("object-lock"), social_string("ObjectLockConfiguration"),
      social_string("") },
    { social_string("ownershipControls"), social_string("BucketOwnership"
      "Controls"), social_string("") },
    { social_string("policy"), social_string("BucketPolicy"),
      social_string("") },
    { social_string("policyStatus"), social_string("BucketPolicyStatus"),
      social_string("") },
    { social_string("publicAccessBlock"), social_string("PublicAccessBlock"),
      social_string("") },
    { social_string("replication"), social_string("BucketReplication"),
      social_string("") },
    { social_string("requestPayment"), social_string("BucketRequestPayment"),
      social_string("") },
    { social_string("retention"), social_string(""),
      social_string("ObjectRetention") },
    { social_string("tagging"), social_string("BucketTagging"),
      social_string("ObjectTagging") },
    { social_string("torrent"), social_string(""),
      social_string("ObjectTorrent") },
    { social_string("versioning"), social_string("BucketVersioning"),
      social_string("") },
    { social_string("website"), social_string("BucketWebsite"),
      social_string("") }
};

/* those whose names are not made of a verb and what it is done to */

static const struct {
    social_str_t  method;
    social_str_t  param;
    social_str_t  name;
} social_s3_other_operations[] = {
    { social_string("GET"), social_string("versions"),
      social_string("ListObjectVersions") },
    { social_string("POST"), social_string("restore"),
      social_string("RestoreObject") },
    { social_string("POST"), social_string("select"),
      social_string("SelectObjectContent") },
    { social_string("PUT"), social_string("renameObject"),
      social_string("RenameObject") }
};


static social_str_t social_s3_unknown_name(social_s3_reader_t *reader,
    social_str_t param);


bool
social_s3_is_subresource(social_str_t param)
{
    size_t  i;

    for (i = 0; i < sizeof(social_s3_subresources)
                    / sizeof(social_s3_subresources[0]);
         i++)
    {
        if (social_str_eq(param, social_s3_subresources[i].param)) {
            return true;
        }
    }

    for (i = 0; i < sizeof(social_s3_other_operations)
                    / sizeof(social_s3_other_operations[0]);
         i++)
    {
        if (social_str_eq(param, social_s3_other_operations[i].param)) {
            return true;
        }
    }

    return false;
}


social_s3_error_e
social_s3_unknown(social_s3_reader_t *reader, social_str_t param)
{
    size_t         mark;
    social_str_t   name;
    social_buf_t  *work;

    reader->out->detail_name = social_str("Parameter");
    reader->out->detail = param;

    name = social_s3_unknown_name(reader, param);

    if (name.len == 0) {
        reader->out->message = social_str("A query parameter asks for what is "
                                          "not implemented");
        return SOCIAL_S3_NOT_IMPLEMENTED;
    }

    /* as with "bucket owner enforced": there is one owner, who may do all */

    if (social_str_eq(param, social_str("acl"))
        && social_str_eq(reader->request->method, social_str("PUT")))
    {
        return SOCIAL_S3_ACL_NOT_SUPPORTED;
    }

    work = reader->work;
    mark = work->len;

    social_buf_put(work, name);
    social_buf_text(work, " is not implemented");

    if (work->rc == SOCIAL_OK) {
        reader->out->message = social_buf_since(work, mark);
    }

    return SOCIAL_S3_NOT_IMPLEMENTED;
}


static social_str_t
social_s3_unknown_name(social_s3_reader_t *reader, social_str_t param)
{
    size_t         i, mark;
    social_str_t   method, verb, what, none;
    social_buf_t  *work;

    none.len = 0;
    none.data = NULL;

    method = reader->request->method;

    for (i = 0; i < sizeof(social_s3_other_operations)
                    / sizeof(social_s3_other_operations[0]);
         i++)
    {
        if (social_str_eq(method, social_s3_other_operations[i].method)
            && social_str_eq(param, social_s3_other_operations[i].param))
        {
            return social_s3_other_operations[i].name;
        }
    }

    if (social_str_eq(method, social_str("PUT"))) {
        verb = social_str("Put");

    } else if (social_str_eq(method, social_str("DELETE"))) {
        verb = social_str("Delete");

    } else if (social_str_eq(method, social_str("GET"))
               || social_str_eq(method, social_str("HEAD")))
    {
        verb = social_str("Get");

    } else {
        return none;
    }

    for (i = 0; i < sizeof(social_s3_subresources)
                    / sizeof(social_s3_subresources[0]);
         i++)
    {
        if (!social_str_eq(param, social_s3_subresources[i].param)) {
            continue;
        }

        what = reader->has_key ? social_s3_subresources[i].object
                               : social_s3_subresources[i].bucket;

        if (what.len == 0) {
            return none;
        }

        work = reader->work;
        mark = work->len;

        social_buf_put(work, verb);
        social_buf_put(work, what);

        return work->rc == SOCIAL_OK ? social_buf_since(work, mark) : none;
    }

    return none;
}
