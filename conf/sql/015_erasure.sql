-- Users that leave, and the queue as it is since 012: their jobs are found by
-- their keys, and added as others are.


CREATE OR REPLACE FUNCTION social_erase(p_user uuid, p_sub text) RETURNS void
LANGUAGE sql AS $$
    WITH theirs AS (
        SELECT id, kind, bucket, object_key, generation, variants, expires_at
            FROM uploads WHERE user_id = p_user
        UNION ALL
        SELECT upload, kind, bucket, object_key, generation, variants, now()
            FROM upload_remains WHERE user_id = p_user),
    numbered AS (
        SELECT (row_number() OVER (ORDER BY id) - 1) / 100 AS batch, theirs.*
            FROM theirs),
    batches AS (
        SELECT batch, max(expires_at) AS expires_at,
               jsonb_build_object(
                   'user', p_user,
                   'sub', p_sub,
                   'uploads', jsonb_agg(jsonb_build_object(
                       'id', id,
                       'kind', kind,
                       'bucket', bucket,
                       'key', object_key,
                       'generation', generation,
                       'keys', (
                           SELECT coalesce(jsonb_agg(v.value ->> 'key'), '[]')
                               FROM jsonb_each(CASE jsonb_typeof(variants)
                                                   WHEN 'object'
                                                   THEN variants END) v
                               WHERE v.value ->> 'key' IS NOT NULL))))
                   AS payload
            FROM numbered GROUP BY batch),
    added AS MATERIALIZED (
        SELECT social_job_put('erase', b.payload, 'images', 200,
                   CASE pass WHEN 1 THEN NULL
                       ELSE greatest(now() + interval '15 minutes',
                                     b.expires_at + interval '5 minutes') END,
                   'erase:' || p_user || ':' || b.batch || ':' || pass,
                   NULL, 5, NULL) AS id
            FROM batches b, generate_series(1, 2) AS pass)
    UPDATE jobs SET retry_until = now() + interval '30 days'
        FROM added WHERE jobs.id = added.id
$$;


CREATE OR REPLACE FUNCTION social_user_delete(p_issuer text, p_sub text,
    p_retention interval DEFAULT '30 days') RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_user  uuid;
BEGIN
    IF coalesce(p_issuer, '') = '' OR coalesce(p_sub, '') = '' THEN
        RAISE EXCEPTION 'a user needs an issuer and a sub'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    PERFORM social_user_lock(p_issuer, p_sub);

    INSERT INTO deleted_users (issuer, sub) VALUES (p_issuer, p_sub)
        ON CONFLICT DO NOTHING;

    PERFORM social_revoke(p_issuer, 'sub:' || p_sub, now() + p_retention);

    SELECT id INTO v_user FROM users WHERE issuer = p_issuer AND sub = p_sub
        FOR UPDATE;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- jobs that wait would find nothing; those that run end by themselves, and
    -- so do those that somebody has just locked

    WITH theirs AS MATERIALIZED (
        SELECT j.id, k.key
            FROM job_keys k JOIN jobs j ON j.id = k.id
            WHERE k.key = ANY (ARRAY(
                    SELECT 'upload:' || id || ':' || generation FROM uploads
                        WHERE user_id = v_user
                    UNION ALL
                    SELECT 'upload:' || upload || ':' || generation
                        FROM upload_remains WHERE user_id = v_user))
                AND j.state IN ('ready', 'scheduled')
            FOR NO KEY UPDATE OF j SKIP LOCKED),
    ended AS (
        UPDATE jobs
            SET state = 'done', pos = NULL, finished_at = now(),
                payload = '{}', last_error = 'the user was deleted'
            FROM theirs WHERE jobs.id = theirs.id)
    DELETE FROM job_keys USING theirs WHERE job_keys.key = theirs.key;

    PERFORM social_erase(v_user, p_sub);

    DELETE FROM users WHERE id = v_user;

    RETURN true;
END
$$;
