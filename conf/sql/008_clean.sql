-- What "social-worker clean" needs, which cuts metadata out of variants that
-- earlier versions made: a variant's name never changes, so that a changed one
-- gets another name, and the row is switched.


-- Objects that have to be deleted, and those that were replaced in place, until
-- they are deleted and the keys for a CDN to purge were printed.

CREATE TABLE cleanings (
    bucket      text NOT NULL,
    object_key  text NOT NULL,
    upload      uuid NOT NULL,      -- or the user, where there is none
    gone        boolean NOT NULL,   -- to be deleted, else only to be purged
    created_at  timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (bucket, object_key)
);

CREATE INDEX cleanings_upload ON cleanings (upload);


-- Uploads that have variants, whatever came after these, by id.

CREATE FUNCTION social_clean_uploads(p_after uuid, p_n integer)
    RETURNS TABLE (id uuid, generation integer, kind text, user_id uuid,
                   sub text, variants jsonb)
LANGUAGE sql STABLE AS $$
    SELECT u.id, u.generation, u.kind, u.user_id, users.sub, u.variants
        FROM uploads u JOIN users ON users.id = u.user_id
        WHERE u.id > p_after AND u.variants IS NOT NULL
        ORDER BY u.id LIMIT p_n
$$;


-- Pictures of users whose upload was deleted: its key was signed again.
-- They have the form of an upload's variants, and no id.

CREATE FUNCTION social_clean_avatars(p_after uuid, p_n integer)
    RETURNS TABLE (id uuid, generation integer, kind text, user_id uuid,
                   sub text, variants jsonb)
LANGUAGE sql STABLE AS $$
    SELECT NULL::uuid, NULL::integer, 'avatar', users.id, users.sub,
           jsonb_build_object('avatar',
                              jsonb_build_object('key', users.avatar_key))
        FROM users
        WHERE users.id > p_after AND users.avatar_key IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM uploads u, jsonb_each(u.variants) v
                    WHERE u.user_id = users.id
                        AND v.value ->> 'key' = users.avatar_key)
        ORDER BY users.id LIMIT p_n
$$;


-- The variants of a row, as a list.

CREATE FUNCTION social_clean_variants(p_variants jsonb)
    RETURNS TABLE (name text, object_key text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT v.key, v.value ->> 'key' FROM jsonb_each(p_variants) v
        WHERE v.value ->> 'key' IS NOT NULL ORDER BY v.key
$$;


-- Switches an upload, or without one a user's picture, from p_variants to
-- p_changes: {name: {"key": ..., "bytes": ...}}.  All of it or nothing, which
-- is false: the row has changed since it was read. The old objects are recorded
-- for deletion.

CREATE FUNCTION social_clean_switch(p_upload uuid, p_generation integer,
    p_user uuid, p_variants jsonb, p_bucket text, p_changes jsonb)
    RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF p_upload IS NOT NULL THEN
        UPDATE uploads
            SET variants = p_variants || (
                SELECT jsonb_object_agg(c.key, p_variants -> c.key || c.value)
                    FROM jsonb_each(p_changes) c)
            WHERE id = p_upload AND generation = p_generation
                AND user_id = p_user AND variants = p_variants;

        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;

    UPDATE users SET avatar_key = c.value ->> 'key'
        FROM jsonb_each(p_changes) c
        WHERE users.id = p_user
            AND users.avatar_key = p_variants -> c.key ->> 'key';

    IF p_upload IS NULL AND NOT FOUND THEN
        RETURN false;
    END IF;

    INSERT INTO cleanings (bucket, object_key, upload, gone)
        SELECT p_bucket, p_variants -> c.key ->> 'key',
               coalesce(p_upload, p_user), true
            FROM jsonb_each(p_changes) c
        ON CONFLICT (bucket, object_key) DO UPDATE SET gone = true;

    RETURN true;
END
$$;


-- An object that is about to be replaced under its own name.

CREATE FUNCTION social_clean_replace(p_bucket text, p_key text, p_upload uuid)
    RETURNS void
LANGUAGE sql AS $$
    INSERT INTO cleanings (bucket, object_key, upload, gone)
        VALUES (p_bucket, p_key, p_upload, false)
        ON CONFLICT DO NOTHING
$$;


-- What is recorded and not yet done, for an upload or for all; never the
-- deletion of an object that a row refers to.

CREATE FUNCTION social_clean_pending(p_upload uuid)
    RETURNS TABLE (bucket text, object_key text, gone boolean)
LANGUAGE sql STABLE AS $$
    SELECT c.bucket, c.object_key, c.gone
        FROM cleanings c
        WHERE (p_upload IS NULL OR c.upload = p_upload)
            AND (NOT c.gone
                OR NOT EXISTS (
                    SELECT FROM uploads u, jsonb_each(u.variants) v
                        WHERE u.id = c.upload
                            AND v.value ->> 'key' = c.object_key)
                AND NOT EXISTS (
                    SELECT FROM users
                        WHERE users.avatar_key = c.object_key
                            AND users.id IN (
                                SELECT c.upload UNION ALL
                                SELECT u.user_id FROM uploads u
                                    WHERE u.id = c.upload)))
        ORDER BY c.created_at, c.bucket, c.object_key
$$;


CREATE FUNCTION social_clean_forget(p_bucket text, p_key text) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM cleanings WHERE bucket = p_bucket AND object_key = p_key
$$;


-- The lock of a user's picture that workers take (social_avatar_lock), for
-- replacing an object under a name that does not change.

CREATE FUNCTION social_clean_lock(p_user uuid) RETURNS void
LANGUAGE sql AS $$
    SELECT pg_advisory_lock(hashtextextended(p_user::text, 736002))
$$;

CREATE FUNCTION social_clean_unlock(p_user uuid) RETURNS void
LANGUAGE sql AS $$
    SELECT FROM pg_advisory_unlock(hashtextextended(p_user::text, 736002))
$$;
