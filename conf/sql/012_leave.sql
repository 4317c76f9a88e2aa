-- Users that leave, with all that is theirs, and an export of it.


-- What was put at the key of an upload that another upload took over, as an
-- avatar's does: its objects are the user's still.

CREATE TABLE upload_remains (
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    upload      uuid NOT NULL,
    kind        text NOT NULL,
    bucket      text NOT NULL,
    object_key  text NOT NULL,
    generation  integer NOT NULL,
    variants    jsonb,
    created_at  timestamptz NOT NULL,

    PRIMARY KEY (user_id, upload)
);

CREATE FUNCTION social_upload_remains() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO upload_remains (user_id, upload, kind, bucket, object_key,
                                generation, variants, created_at)
        VALUES (OLD.user_id, OLD.id, OLD.kind, OLD.bucket, OLD.object_key,
                OLD.generation, OLD.variants, OLD.created_at)
        ON CONFLICT DO NOTHING;

    RETURN NEW;
END
$$;

CREATE TRIGGER uploads_remains BEFORE UPDATE OF id ON uploads
    FOR EACH ROW WHEN (OLD.id <> NEW.id AND OLD.generation > 0)
    EXECUTE FUNCTION social_upload_remains();


-- Jobs of the kind "erase", in which social-worker deletes the objects of a
-- user: of a hundred uploads each, and each of them twice, now and when no URL
-- that was signed can put another object, and no job that runs.
--
-- "keys" are those of the variants that the row knows; the worker makes those
-- that it may not know, of each generation, by its configuration.

CREATE FUNCTION social_erase(p_user uuid, p_sub text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_batch  record;
    v_job    bigint;
BEGIN
    FOR v_batch IN
        WITH theirs AS (
            SELECT id, kind, bucket, object_key, generation, variants,
                   expires_at
                FROM uploads WHERE user_id = p_user
            UNION ALL
            SELECT upload, kind, bucket, object_key, generation, variants,
                   now()
                FROM upload_remains WHERE user_id = p_user),
        numbered AS (
            SELECT (row_number() OVER (ORDER BY id) - 1) / 100 AS batch,
                   theirs.*
                FROM theirs)
        SELECT batch, pass,
               CASE pass WHEN 1 THEN now()
                   ELSE greatest(now() + interval '15 minutes',
                                 max(expires_at) + interval '5 minutes')
                   END AS run_at,
               jsonb_agg(jsonb_build_object(
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
                           WHERE v.value ->> 'key' IS NOT NULL))) AS uploads
            FROM numbered, generate_series(1, 2) AS pass
            GROUP BY batch, pass
            ORDER BY batch, pass
    LOOP
        v_job := social_job_put('erase',
            jsonb_build_object('user', p_user, 'sub', p_sub,
                               'uploads', v_batch.uploads),
            'images', 200, v_batch.run_at,
            'erase:' || p_user || ':' || v_batch.batch || ':' || v_batch.pass,
            NULL, 5, NULL);

        UPDATE jobs SET retry_until = now() + interval '30 days'
            WHERE id = v_job;
    END LOOP;
END
$$;


-- Deletes a user for good: the row and what refers to it, the sessions, and by
-- jobs the objects.  Tokens of the subject are refused by all gateways for
-- p_retention, which is as long as those that were issued may be refreshed;
-- those that are issued later are refused too until then.  Returns whether
-- there was a row; again is harmless.
--
-- What the issuer says of such a user later does not make another row:
-- deleted_users.

DROP FUNCTION social_user_delete(text, text);

CREATE FUNCTION social_user_delete(p_issuer text, p_sub text,
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


-- An export of all that is kept of a user, as the pieces of one JSON document:
-- "piece" is a part of its text, and "next" what to pass as p_after for the
-- one after it, NULL after the last.  p_after is '' for the first.  No row: the
-- user does not exist, or not any more, and the document has no end.
--
-- A piece has a hundred uploads or posts at most, so that neither the gateway
-- nor the server ever holds more.  Pieces are read one after the other: what
-- changes meanwhile is in some of them.

CREATE FUNCTION social_user_export(p_issuer text, p_sub text, p_after text)
    RETURNS TABLE (piece text, next text)
LANGUAGE plpgsql STABLE SET lock_timeout = '250ms' SET timezone = 'UTC'
    SET datestyle = 'ISO' AS $$
DECLARE
    v_user   users%ROWTYPE;
    v_part   text := split_part(p_after, ' ', 1);
    v_at     timestamptz := '-infinity';
    v_id     uuid := '00000000-0000-0000-0000-000000000000';
    v_rows   bigint;
    v_items  text;
    v_last   text;
BEGIN
    SELECT * INTO v_user FROM users WHERE issuer = p_issuer AND sub = p_sub;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    IF v_part = '' THEN
        piece := '{"user":' || (to_jsonb(v_user) - 'synced_events')::text
            || ',"roles":' || coalesce((
                SELECT jsonb_agg(role ORDER BY role) FROM user_roles
                    WHERE user_id = v_user.id), '[]')::text
            || ',"revocations":' || coalesce((
                SELECT jsonb_agg(jsonb_build_object(
                           'session', r.session, 'until', r.until)
                           ORDER BY r.until, r.id)
                    FROM (SELECT * FROM revocations
                              WHERE subject = social_subject_id(p_issuer,
                                                                p_sub)
                              ORDER BY until, id LIMIT 1000) r), '[]')::text
            || ',"jobs":' || coalesce((
                SELECT jsonb_agg(jsonb_build_object(
                           'id', j.id, 'kind', j.kind, 'state', j.state,
                           'attempt', j.attempt, 'run_at', j.run_at,
                           'payload', j.payload) ORDER BY j.id)
                    FROM jobs j
                    WHERE j.dedupe_key = ANY (ARRAY(
                            SELECT 'upload:' || u.id || ':' || u.generation
                                FROM uploads u
                                WHERE u.user_id = v_user.id
                                    AND u.state IN ('stored', 'processing')
                                ORDER BY u.created_at DESC LIMIT 1000))
                        AND j.state IN ('ready', 'scheduled', 'running')),
                '[]')::text
            || ',"replaced_uploads":' || coalesce((
                SELECT jsonb_agg(to_jsonb(m) - 'user_id'
                           ORDER BY m.created_at, m.upload)
                    FROM (SELECT * FROM upload_remains
                              WHERE user_id = v_user.id
                              ORDER BY created_at DESC LIMIT 1000) m),
                '[]')::text
            || ',"uploads":[';
        next := 'uploads';
        RETURN NEXT;
        RETURN;
    END IF;

    IF p_after LIKE '% %' THEN
        v_at := split_part(p_after, ' ', 2) || ' ' || split_part(p_after, ' ', 3);
        v_id := split_part(p_after, ' ', 4);
    END IF;

    IF v_part = 'uploads' THEN
        SELECT count(*), string_agg(p.item, ',' ORDER BY p.created_at, p.id),
               (array_agg(p.created_at || ' ' || p.id
                          ORDER BY p.created_at DESC, p.id DESC))[1]
            INTO v_rows, v_items, v_last
            FROM (SELECT u.created_at, u.id,
                         (to_jsonb(u) - 'user_id')::text AS item
                      FROM uploads u
                      WHERE u.user_id = v_user.id
                          AND (u.created_at, u.id) > (v_at, v_id)
                      ORDER BY u.created_at, u.id LIMIT 100) p;
    ELSE
        SELECT count(*), string_agg(p.item, ',' ORDER BY p.created_at, p.id),
               (array_agg(p.created_at || ' ' || p.id
                          ORDER BY p.created_at DESC, p.id DESC))[1]
            INTO v_rows, v_items, v_last
            FROM (SELECT a.created_at, a.id,
                         (to_jsonb(a) - 'user_id')::text AS item
                      FROM activities a
                      WHERE a.user_id = v_user.id
                          AND (a.created_at, a.id) > (v_at, v_id)
                      ORDER BY a.created_at, a.id LIMIT 100) p;
    END IF;

    piece := CASE WHEN v_rows > 0 AND p_after LIKE '% %' THEN ',' ELSE '' END
             || coalesce(v_items, '');

    IF v_rows = 100 THEN
        next := v_part || ' ' || v_last;

    ELSIF v_part = 'uploads' THEN
        piece := piece || '],"activities":[';
        next := 'activities';

    ELSE
        piece := piece || E']}\n';
    END IF;

    RETURN NEXT;
END
$$;


INSERT INTO social_callers (role, function) VALUES
    ('social_gateway', 'social\_user\_seen'),
    ('social_gateway', 'social\_user\_delete'),
    ('social_gateway', 'social\_user\_export');
