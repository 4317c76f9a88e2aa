-- As before: see 014_hooks.sql.  But for the first upload of a user everybody
-- has a row: it is looked for where an upload could not be made, and not before
-- each batch.

CREATE OR REPLACE FUNCTION social_uploads_create(p_id uuid[], p_issuer text[],
    p_sub text[], p_username text[], p_kind text[], p_bucket text[],
    p_key text[], p_content_type text[], p_bytes bigint[], p_sha256 text[],
    p_expires interval[]) RETURNS TABLE (outcome text, id uuid)
LANGUAGE plpgsql SET lock_timeout = '250ms'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_all        integer := cardinality(p_id);
    v_held       bigint[] := '{}';
    v_made       uuid[] := '{}';
    v_more_held  bigint[];
    v_more_made  uuid[];
BEGIN
    FOR i IN 1 .. 2 LOOP

        -- who is being deleted is left out, and who is not cannot be until this
        -- commits

        WITH held AS MATERIALIZED (
            SELECT t.n, t.id, t.kind, t.bucket, t.key, t.content_type, t.bytes,
                   t.sha256, t.expires, u.id AS user_id
                FROM unnest(p_id, p_issuer, p_sub, p_username, p_kind, p_bucket,
                            p_key, p_content_type, p_bytes, p_sha256, p_expires)
                         WITH ORDINALITY
                         AS t (id, issuer, sub, username, kind, bucket, key,
                               content_type, bytes, sha256, expires, n)
                JOIN users u ON u.issuer = t.issuer AND u.sub = t.sub
                WHERE t.n <> ALL (v_held)
                    AND (u.handle IS DISTINCT FROM u.made_up
                         OR social_handle_of(CASE WHEN t.username !~ '._'
                                                  THEN t.username END, t.sub)
                            IS NULL)
                FOR KEY SHARE OF u SKIP LOCKED),
        made AS (
            INSERT INTO uploads (id, user_id, kind, bucket, object_key,
                                 content_type, bytes, sha256, expires_at)
                SELECT id, user_id, kind, bucket, key, content_type, bytes,
                       sha256, now() + expires
                    FROM held ORDER BY bucket, key
                ON CONFLICT DO NOTHING
                RETURNING uploads.id)
        SELECT (SELECT array_agg(held.n) FROM held),
               (SELECT array_agg(made.id) FROM made)
            INTO v_more_held, v_more_made;

        v_held := v_held || v_more_held;
        v_made := v_made || v_more_made;

        EXIT WHEN i = 2 OR cardinality(v_held) = v_all;

        -- who has no row yet gets one, as by social_user_seen()

        PERFORM FROM (
            SELECT array_agg(k.issuer), array_agg(k.sub), array_agg(k.username),
                   array_agg(NULL::text), array_agg(NULL::boolean),
                   array_agg(NULL::double precision)
                FROM (SELECT DISTINCT ON (t.issuer, t.sub) t.issuer, t.sub,
                             CASE WHEN t.username !~ '._' THEN t.username END
                          FROM unnest(p_issuer, p_sub, p_username)
                                   AS t (issuer, sub, username)
                          WHERE NOT EXISTS (SELECT FROM users u
                                                WHERE u.issuer = t.issuer
                                                    AND u.sub = t.sub))
                    AS k (issuer, sub, username)
                HAVING count(*) > 0) AS n (issuer, sub, username, no_text,
                                           no_flag, no_time),
            social_users_sync(n.issuer, n.sub, n.username, n.no_text, n.no_text,
                              n.no_flag, n.no_text, n.no_flag, n.no_time,
                              n.no_text);

        EXIT WHEN NOT FOUND;
    END LOOP;

    IF cardinality(v_made) = v_all THEN
        RETURN QUERY SELECT 'done', t.id FROM unnest(p_id) AS t (id);
        RETURN;
    END IF;

    FOR i IN 1 .. v_all LOOP
        outcome := 'alone';
        id := NULL;

        IF p_id[i] = ANY (v_made) THEN
            outcome := 'done';
            id := p_id[i];

        ELSIF i = ANY (v_held) THEN

            -- another upload has the key, as an avatar's has

            PERFORM FROM uploads u
                WHERE u.bucket = p_bucket[i] AND u.object_key = p_key[i]
                FOR UPDATE SKIP LOCKED;

            IF FOUND THEN
                id := social_upload_create(p_id[i], p_issuer[i], p_sub[i],
                    p_username[i], p_kind[i], p_bucket[i], p_key[i],
                    p_content_type[i], p_bytes[i], p_sha256[i], p_expires[i]);
                outcome := 'done';

            ELSE
                outcome := 'locked';
            END IF;
        END IF;

        RETURN NEXT;
    END LOOP;
END
$$;


-- As before: see 021_expire.sql.  And whether an upload has never come, as far
-- as is known: an object may be there, of which no event arrived.  A queue keeps
-- events for 14 days, and social_prune() the row for 30.

CREATE OR REPLACE FUNCTION social_clean_raw_is_old(p_upload uploads,
    p_age interval) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_upload.state = 'pending' THEN
                   p_upload.generation = 0
                   AND p_upload.expires_at
                       < now() - greatest(least(p_age, interval '25 days'),
                                          interval '15 days')

                   -- what another upload put at the key may be there still

                   AND NOT EXISTS (
                       SELECT FROM upload_remains r
                           WHERE r.user_id = p_upload.user_id
                               AND r.bucket = p_upload.bucket
                               AND r.object_key = p_upload.object_key)
               ELSE
                   p_upload.state IN ('ready', 'failed')
                   AND p_upload.updated_at < now() - p_age
                   AND p_upload.expires_at < now() - interval '15 minutes'
                   AND NOT EXISTS (
                       SELECT FROM job_keys
                           WHERE key = 'upload:' || p_upload.id || ':'
                                       || p_upload.generation)
           END
        AND coalesce(p_upload.raw_removed_at < p_upload.updated_at, true)
$$;
