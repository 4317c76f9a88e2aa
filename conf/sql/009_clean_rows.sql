-- A row of uploads whose "variants" are JSON, but not an object of objects,
-- made the functions that list them fail: all of "social-worker clean", and the
-- answer to the user whose upload it is.  No program here writes such a row; a
-- person may.


-- Name and value of each variant, none of what is not an object.

CREATE FUNCTION social_variants(p_variants jsonb)
    RETURNS TABLE (name text, variant jsonb)
LANGUAGE sql IMMUTABLE AS $$
    SELECT v.key, v.value
        FROM jsonb_each(CASE jsonb_typeof(p_variants)
                        WHEN 'object' THEN p_variants END) v
$$;


CREATE OR REPLACE FUNCTION social_upload_get(p_id uuid, p_issuer text,
    p_sub text, p_assets text DEFAULT '') RETURNS json
LANGUAGE sql STABLE SET lock_timeout = '250ms' AS $$
    SELECT json_strip_nulls(json_build_object(
        'id', u.id,
        'kind', u.kind,
        'state', u.state,
        'reason', u.reason,
        'variants', (
            SELECT json_object_agg(v.name, (v.variant - 'key')
                       || jsonb_build_object('url', coalesce(p_assets, '')
                                             || '/' || (v.variant ->> 'key')))
            FROM social_variants(u.variants) v
            WHERE jsonb_typeof(v.variant) = 'object'),
        'placeholder', u.placeholder))
    FROM uploads u JOIN users ON users.id = u.user_id
    WHERE u.id = p_id AND users.issuer = p_issuer AND users.sub = p_sub
$$;


CREATE OR REPLACE FUNCTION social_clean_avatars(p_after uuid, p_n integer)
    RETURNS TABLE (id uuid, generation integer, kind text, user_id uuid,
                   sub text, variants jsonb)
LANGUAGE sql STABLE AS $$
    SELECT NULL::uuid, NULL::integer, 'avatar', users.id, users.sub,
           jsonb_build_object('avatar',
                              jsonb_build_object('key', users.avatar_key))
        FROM users
        WHERE users.id > p_after AND users.avatar_key IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM uploads u, social_variants(u.variants) v
                    WHERE u.user_id = users.id
                        AND v.variant ->> 'key' = users.avatar_key)
        ORDER BY users.id LIMIT p_n
$$;


-- One that has no text as its key comes with an empty one.

CREATE OR REPLACE FUNCTION social_clean_variants(p_variants jsonb)
    RETURNS TABLE (name text, object_key text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT v.name,
           CASE jsonb_typeof(v.variant -> 'key')
               WHEN 'string' THEN v.variant ->> 'key' ELSE '' END
        FROM social_variants(p_variants) v
        ORDER BY v.name
$$;


-- An object whose name is anywhere in its row, whatever that looks like, is
-- not deleted.

CREATE OR REPLACE FUNCTION social_clean_pending(p_upload uuid)
    RETURNS TABLE (bucket text, object_key text, gone boolean)
LANGUAGE sql STABLE AS $$
    SELECT c.bucket, c.object_key, c.gone
        FROM cleanings c
        WHERE (p_upload IS NULL OR c.upload = p_upload)
            AND (NOT c.gone
                OR NOT EXISTS (
                    SELECT FROM uploads u
                        WHERE u.id = c.upload
                            AND jsonb_path_exists(u.variants,
                                    '$.** ? (@ == $key)',
                                    jsonb_build_object('key', c.object_key)))
                AND NOT EXISTS (
                    SELECT FROM users
                        WHERE users.avatar_key = c.object_key
                            AND users.id IN (
                                SELECT c.upload UNION ALL
                                SELECT u.user_id FROM uploads u
                                    WHERE u.id = c.upload)))
        ORDER BY c.created_at, c.bucket, c.object_key
$$;
