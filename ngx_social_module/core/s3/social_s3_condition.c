
/*
 * Conditional requests.
 */

#include "social_s3_condition.h"


social_s3_condition_e
social_s3_condition_read(const social_s3_condition_t *condition,
    const social_s3_version_t *version, int64_t now)
{
    if (condition->if_match.len) {

        if (!social_s3_etag_is_listed(condition->if_match, version->etag,
                                      false))
        {
            return SOCIAL_S3_CONDITION_FAILED;
        }

    } else if (condition->if_unmodified_since != SOCIAL_S3_NO_TIME
               && version->modified > condition->if_unmodified_since)
    {
        return SOCIAL_S3_CONDITION_FAILED;
    }

    if (condition->if_none_match.len) {

        return social_s3_etag_is_listed(condition->if_none_match,
                                        version->etag, true)
               ? SOCIAL_S3_CONDITION_NOT_MODIFIED : SOCIAL_S3_CONDITION_TRUE;
    }

    if (condition->if_modified_since != SOCIAL_S3_NO_TIME
        && condition->if_modified_since <= now
        && version->modified <= condition->if_modified_since)
    {
        return SOCIAL_S3_CONDITION_NOT_MODIFIED;
    }

    return SOCIAL_S3_CONDITION_TRUE;
}


bool
social_s3_etag_is_listed(social_str_t list, social_str_t etag, bool weak)
{
    bool                       is_weak;
    social_str_t               item;
    static const social_str_t  any = social_string("*");
    static const social_str_t  mark = social_string("W/");

    if (social_str_eq(social_str_trim(list), any)) {
        return true;
    }

    /* an ETag of ours has no comma, and so none that is equal to it has */

    while (social_str_next(&list, ",", &item)) {

        item = social_str_trim(item);
        is_weak = social_str_starts(item, mark);

        if (is_weak) {
            item.data += mark.len;
            item.len -= mark.len;
        }

        if (item.len >= 2 && item.data[0] == '"'
            && item.data[item.len - 1] == '"')
        {
            item.data++;
            item.len -= 2;
        }

        if (social_str_eq(item, etag) && (weak || !is_weak)) {
            return true;
        }
    }

    return false;
}
