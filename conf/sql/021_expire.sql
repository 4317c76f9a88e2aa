-- What "social-worker expire" needs, which deletes objects as users have
-- uploaded them, once their variants were made, or cannot be made.


-- When an upload's own object was deleted; what changes later may be another
-- object.

ALTER TABLE uploads ADD COLUMN raw_removed_at timestamptz;


-- Whether nothing needs the object of an upload any more: it has been processed
-- for p_age, no job of it is left, and no URL that was signed can put another.

CREATE FUNCTION social_clean_raw_is_old(p_upload uploads, p_age interval)
    RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT p_upload.state IN ('ready', 'failed')
        AND p_upload.updated_at < now() - p_age
        AND p_upload.expires_at < now() - interval '15 minutes'
        AND coalesce(p_upload.raw_removed_at < p_upload.updated_at, true)
        AND NOT EXISTS (
            SELECT FROM job_keys
                WHERE key = 'upload:' || p_upload.id || ':'
                            || p_upload.generation)
$$;


-- Uploads of a bucket that this is true of, by id.

CREATE FUNCTION social_clean_raw_old(p_bucket text, p_age interval,
    p_after uuid, p_n integer) RETURNS TABLE (id uuid, object_key text)
LANGUAGE sql STABLE AS $$
    SELECT u.id, u.object_key FROM uploads u
        WHERE u.id > p_after AND u.bucket = p_bucket
            AND social_clean_raw_is_old(u, p_age)
        ORDER BY u.id LIMIT p_n
$$;


-- The same of one upload, whose row is locked: until the transaction ends its
-- key is not signed for another object, and no such object is announced.

CREATE FUNCTION social_clean_raw_lock(p_id uuid, p_age interval)
    RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_upload  uploads;
BEGIN
    SELECT * INTO v_upload FROM uploads WHERE id = p_id FOR UPDATE;

    RETURN FOUND AND social_clean_raw_is_old(v_upload, p_age);
END
$$;


CREATE FUNCTION social_clean_raw_removed(p_id uuid) RETURNS void
LANGUAGE sql AS $$
    UPDATE uploads SET raw_removed_at = now() WHERE id = p_id
$$;
