-- Announcements of objects have a sequence number, which increases with each
-- object of a key: one that comes after a later one's has no effect.  Before,
-- announcements of objects that were put to one key at the same time could
-- arrive in another order than the objects, and the row had the ETag of bytes
-- that were not there any more.

ALTER TABLE uploads ADD COLUMN sequence bigint;


-- As before, but for the number.  NULL: the sender has none, as gateways of an
-- earlier version; such an announcement is the latest.

CREATE FUNCTION social_object_created(p_source text, p_event_id text,
    p_bucket text, p_key text, p_size bigint, p_etag text, p_sequence bigint)
    RETURNS text
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_etag    text := nullif(btrim(p_etag, '"'), '');
    v_upload  uploads%ROWTYPE;
    v_sub     text;
    v_id      bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM uploads
                   WHERE bucket = p_bucket AND object_key = p_key)
    THEN
        RETURN 'ignored';
    END IF;

    INSERT INTO events (source, event_id) VALUES (p_source, p_event_id)
        ON CONFLICT DO NOTHING;

    IF NOT FOUND THEN
        RETURN 'duplicate';
    END IF;

    SELECT * INTO v_upload FROM uploads
        WHERE bucket = p_bucket AND object_key = p_key
        FOR UPDATE;

    IF NOT FOUND THEN
        RETURN 'ignored';
    END IF;

    IF p_sequence <= v_upload.sequence THEN
        RETURN 'stale';
    END IF;

    IF v_upload.etag = v_etag AND v_upload.state <> 'failed' THEN

        -- the same bytes once more; what is older is stale from now on

        UPDATE uploads SET sequence = coalesce(p_sequence, sequence)
            WHERE id = v_upload.id;

        RETURN 'duplicate';
    END IF;

    -- what waits for the object before this one would find this one

    SELECT j.id INTO v_id FROM job_keys k JOIN jobs j ON j.id = k.id
        WHERE k.key = 'upload:' || v_upload.id || ':' || v_upload.generation
            AND j.state IN ('ready', 'scheduled')
        FOR NO KEY UPDATE OF j SKIP LOCKED;

    IF FOUND THEN
        UPDATE jobs
            SET state = 'done', pos = NULL, finished_at = now(),
                last_error = 'another object was put at the key'
            WHERE id = v_id;

        DELETE FROM job_keys WHERE key = 'upload:' || v_upload.id || ':'
                                         || v_upload.generation;
    END IF;

    UPDATE uploads
        SET state = 'stored', reason = NULL, etag = v_etag,
            generation = generation + 1,
            sequence = coalesce(p_sequence, sequence)
        WHERE id = v_upload.id
        RETURNING * INTO v_upload;

    SELECT sub INTO v_sub FROM users WHERE id = v_upload.user_id;

    PERFORM social_job_put(v_upload.kind,
        jsonb_build_object(
            'upload', v_upload.id,
            'generation', v_upload.generation,
            'user', v_upload.user_id,
            'sub', v_sub,
            'bucket', p_bucket,
            'key', p_key,
            'size', p_size,
            'etag', v_etag,
            'contentType', v_upload.content_type,
            'bytes', v_upload.bytes,
            'sha256', v_upload.sha256),
        'images', CASE v_upload.kind WHEN 'avatar' THEN 10 ELSE 100 END, NULL,
        'upload:' || v_upload.id || ':' || v_upload.generation,
        v_upload.user_id::text, 5, 'upload');

    RETURN 'queued';
END
$$;


-- Gateways of an earlier version call this one.

CREATE OR REPLACE FUNCTION social_object_created(p_source text,
    p_event_id text, p_bucket text, p_key text, p_size bigint, p_etag text)
    RETURNS text
LANGUAGE sql SET lock_timeout = '250ms' AS $$
    SELECT social_object_created(p_source, p_event_id, p_bucket, p_key, p_size,
                                 p_etag, NULL::bigint)
$$;
