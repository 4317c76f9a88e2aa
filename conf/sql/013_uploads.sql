-- What the gateway sends again when a connection is lost, it may have sent
-- before: an upload that was created is not created again, since an object may
-- have been put meanwhile.

CREATE OR REPLACE FUNCTION social_upload_create(p_id uuid, p_issuer text,
    p_sub text, p_username text, p_kind text, p_bucket text, p_key text,
    p_content_type text, p_bytes bigint, p_sha256 text, p_expires interval)
    RETURNS uuid
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_user  uuid;
    v_id    uuid;
BEGIN
    v_user := social_user_seen(p_issuer, p_sub, p_username);

    IF v_user IS NULL THEN
        RETURN NULL;
    END IF;

    -- one who is being deleted: the row has to be there when this commits

    PERFORM FROM users WHERE id = v_user FOR KEY SHARE;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    INSERT INTO uploads AS u (id, user_id, kind, bucket, object_key,
                              content_type, bytes, sha256, expires_at)
        VALUES (p_id, v_user, p_kind, p_bucket, p_key, p_content_type, p_bytes,
                p_sha256, now() + p_expires)
        ON CONFLICT (bucket, object_key) DO UPDATE
            SET id = excluded.id, kind = excluded.kind,
                content_type = excluded.content_type, bytes = excluded.bytes,
                sha256 = excluded.sha256, state = 'pending', reason = NULL,
                etag = NULL, generation = 0, variants = NULL,
                placeholder = NULL, created_at = now(),
                expires_at = excluded.expires_at
            WHERE u.user_id = excluded.user_id AND u.id <> excluded.id
        RETURNING id INTO v_id;

    IF v_id IS NULL THEN
        SELECT id INTO v_id FROM uploads
            WHERE id = p_id AND user_id = v_user AND bucket = p_bucket
                AND object_key = p_key;
    END IF;

    IF v_id IS NULL THEN
        RAISE EXCEPTION 'the key is another user''s'
            USING ERRCODE = 'unique_violation';
    END IF;

    RETURN v_id;
END
$$;
