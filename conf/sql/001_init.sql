-- The tables, and transactions over several of them as functions, so that a
-- request needs one statement only.
--
-- Applied by scripts/migrate, in one transaction with its own entry in
-- schema_migrations.  The statements of a released migration are never edited:
-- add another.


-- Users.  A user is identified by the issuer: (issuer, sub).

CREATE TABLE users (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    issuer              text NOT NULL,
    sub                 text NOT NULL CHECK (sub <> ''),
    handle              text NOT NULL CHECK (handle <> ''),
    email               text,
    display_name        text NOT NULL,
    bio                 text,
    avatar_key          text,
    avatar_placeholder  text,
    avatar_at           timestamptz,    -- when its upload was begun
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),

    UNIQUE (issuer, sub)
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX users_handle ON users (lower(handle));


-- Deleted users.  A late or repeated event must not create them again.

CREATE TABLE deleted_users (
    issuer      text NOT NULL,
    sub         text NOT NULL,
    deleted_at  timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (issuer, sub)
);


-- Revocations: sessions that ended before their tokens expire.

CREATE TABLE revocations (
    issuer   text NOT NULL,
    session  text NOT NULL,
    until    timestamptz NOT NULL,

    PRIMARY KEY (issuer, session)
);

CREATE INDEX revocations_until ON revocations (until);


-- Posts of users, for the reference backend.

CREATE TABLE activities (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    message     text NOT NULL CHECK (length(message) BETWEEN 1 AND 280),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX activities_feed ON activities (created_at DESC, id);
CREATE INDEX activities_user ON activities (user_id, created_at DESC);


-- Uploads.  The generation counts the objects that were put at
-- the key, one after the other: a URL can be used more than once before it
-- expires.

CREATE TABLE uploads (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind          text NOT NULL,
    bucket        text NOT NULL,
    object_key    text NOT NULL,
    content_type  text,
    bytes         bigint CHECK (bytes >= 0),
    sha256        text,
    state         text NOT NULL DEFAULT 'pending'
                  CHECK (state IN ('pending', 'stored', 'processing', 'ready',
                                   'failed')),
    reason        text,
    etag          text,
    generation    integer NOT NULL DEFAULT 0,
    variants      jsonb,
    placeholder   text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,

    UNIQUE (bucket, object_key)
) WITH (fillfactor = 70);

CREATE INDEX uploads_user ON uploads (user_id, created_at DESC);


-- The inbox: every event once, whatever its outcome.

CREATE TABLE events (
    source       text NOT NULL,
    event_id     text NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (source, event_id)
);

CREATE INDEX events_received ON events (received_at);


-- The queue.  Rows change several times in a short life: space is left for that
-- in each page, and they are vacuumed often.

CREATE TABLE jobs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue         text NOT NULL,
    kind          text NOT NULL,
    dedupe_key    text,
    payload       jsonb NOT NULL DEFAULT '{}',
    state         text NOT NULL DEFAULT 'ready'
                  CHECK (state IN ('ready', 'running', 'done', 'dead')),
    priority      integer NOT NULL DEFAULT 100,    -- the least goes first
    attempt       integer NOT NULL DEFAULT 0,
    max_attempts  integer NOT NULL DEFAULT 5 CHECK (max_attempts > 0),
    run_at        timestamptz NOT NULL DEFAULT now(),
    lease_until   timestamptz,
    worker        text,
    last_error    text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 200,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX jobs_ready ON jobs (queue, priority, run_at, id)
    WHERE state = 'ready';

CREATE INDEX jobs_running ON jobs (queue, lease_until)
    WHERE state = 'running';

CREATE INDEX jobs_finished ON jobs (finished_at)
    WHERE state IN ('done', 'dead');

CREATE UNIQUE INDEX jobs_active ON jobs (dedupe_key)
    WHERE state IN ('ready', 'running');


CREATE FUNCTION social_touch() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER users_touch BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION social_touch();

CREATE TRIGGER uploads_touch BEFORE UPDATE ON uploads
    FOR EACH ROW EXECUTE FUNCTION social_touch();


-- The handle of a user without a name.

CREATE FUNCTION social_handle_made_up(p_issuer text, p_sub text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'user-' || left(md5(p_issuer || chr(10) || p_sub), 10)
$$;


-- A name as a handle: letters, digits, "_", "." and "-" of ASCII, since
-- handles are in URLs and must not look like one another.  NULL when nothing
-- is left of it, or when it is only the subject again, as with Cognito pools
-- where people sign in by e-mail.

CREATE FUNCTION social_handle_of(p_username text, p_sub text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN p_username = p_sub THEN NULL
        ELSE nullif(trim(BOTH '.-' FROM
                         left(regexp_replace(split_part(p_username, '@', 1),
                                             '[^A-Za-z0-9_.-]', '', 'g'), 32)),
                    '')
    END
$$;


-- Serializes what creates and deletes one user.

CREATE FUNCTION social_user_lock(p_issuer text, p_sub text) RETURNS void
LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(
        hashtextextended(p_issuer || chr(10) || p_sub, 736001))
$$;


-- The row of a user, created or updated by what their issuer says.
-- Returns its id, or NULL for one who was deleted.
--
-- The e-mail address is that of the issuer.  Handle and display name are the
-- user's from the moment there is one: only what was generated here, without a
-- name, is replaced.  A handle that is taken gets a suffix.

CREATE FUNCTION social_user_sync(p_issuer text, p_sub text, p_username text,
    p_email text, p_name text) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    v_user     users%ROWTYPE;
    v_made_up  text := social_handle_made_up(p_issuer, p_sub);
    v_wanted   text := social_handle_of(p_username, p_sub);
    v_name     text := nullif(btrim(p_name), '');
    v_email    text := nullif(btrim(p_email), '');
    v_base     text;
    v_handle   text;
    v_id       uuid;
BEGIN
    IF coalesce(p_issuer, '') = '' OR coalesce(p_sub, '') = '' THEN
        RAISE EXCEPTION 'a user needs an issuer and a sub'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    v_name := coalesce(v_name, v_wanted);

    SELECT * INTO v_user FROM users WHERE issuer = p_issuer AND sub = p_sub;

    IF NOT FOUND THEN
        PERFORM social_user_lock(p_issuer, p_sub);

        IF EXISTS (SELECT FROM deleted_users
                   WHERE issuer = p_issuer AND sub = p_sub)
        THEN
            RETURN NULL;
        END IF;

        -- another may have held the lock before us

        SELECT * INTO v_user FROM users
            WHERE issuer = p_issuer AND sub = p_sub;
    END IF;

    IF v_user.id IS NOT NULL
        AND (v_wanted IS NULL OR v_user.handle <> v_made_up)
    THEN
        UPDATE users
            SET email = coalesce(v_email, email),
                display_name = CASE WHEN display_name = v_made_up
                                    THEN coalesce(v_name, display_name)
                                    ELSE display_name END
            WHERE id = v_user.id
                AND (v_email IS DISTINCT FROM email AND v_email IS NOT NULL
                     OR display_name = v_made_up AND v_name IS NOT NULL);

        RETURN v_user.id;
    END IF;

    v_base := coalesce(v_wanted, v_made_up);
    v_handle := v_base;

    FOR i IN 2 .. 40 LOOP

        IF v_user.id IS NULL THEN
            INSERT INTO users (issuer, sub, handle, email, display_name)
                VALUES (p_issuer, p_sub, v_handle, v_email,
                        coalesce(v_name, v_handle))
                ON CONFLICT DO NOTHING
                RETURNING id INTO v_id;

        ELSE
            BEGIN
                UPDATE users
                    SET handle = v_handle,
                        email = coalesce(v_email, email),
                        display_name = CASE WHEN display_name = v_made_up
                                            THEN coalesce(v_name, v_handle)
                                            ELSE display_name END
                    WHERE id = v_user.id
                    RETURNING id INTO v_id;

                -- gone since we looked

                IF NOT FOUND THEN
                    RETURN NULL;
                END IF;

            EXCEPTION WHEN unique_violation THEN
                v_id := NULL;
            END;
        END IF;

        IF v_id IS NOT NULL THEN
            RETURN v_id;
        END IF;

        -- "andrew-2" reads well; after a few, random numbers

        v_handle := left(v_base, 24) || '-'
            || CASE WHEN i <= 6 THEN i::text
                    ELSE left(md5(gen_random_uuid()::text), 6) END;
    END LOOP;

    RAISE EXCEPTION 'no free handle was found'
        USING ERRCODE = 'unique_violation';
END
$$;


-- Deletes a user for good.  Returns whether there was one.

CREATE FUNCTION social_user_delete(p_issuer text, p_sub text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM social_user_lock(p_issuer, p_sub);

    INSERT INTO deleted_users (issuer, sub) VALUES (p_issuer, p_sub)
        ON CONFLICT DO NOTHING;

    DELETE FROM users WHERE issuer = p_issuer AND sub = p_sub;

    RETURN FOUND;
END
$$;


-- A new upload; the user is created if necessary.  Returns its
-- id, or NULL when the user was deleted.  Signing a key again, where keys are
-- the subject's, starts again: the earlier upload of that key is deleted.
-- Another user's key is a unique_violation.

CREATE FUNCTION social_upload_create(p_id uuid, p_issuer text, p_sub text,
    p_username text, p_kind text, p_bucket text, p_key text,
    p_content_type text, p_bytes bigint, p_sha256 text, p_expires interval)
    RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    v_user  uuid;
    v_id    uuid;
BEGIN
    v_user := social_user_sync(p_issuer, p_sub, p_username, NULL, NULL);

    IF v_user IS NULL THEN
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
            WHERE u.user_id = excluded.user_id
        RETURNING id INTO v_id;

    IF v_id IS NULL THEN
        RAISE EXCEPTION 'the key is another user''s'
            USING ERRCODE = 'unique_violation';
    END IF;

    RETURN v_id;
END
$$;


-- An upload as its owner sees it, NULL for other users.  p_assets is put
-- before the keys of the variants to make their URLs.

CREATE FUNCTION social_upload_get(p_id uuid, p_issuer text, p_sub text,
    p_assets text DEFAULT '') RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_strip_nulls(json_build_object(
        'id', u.id,
        'kind', u.kind,
        'state', u.state,
        'reason', u.reason,
        'variants', (
            SELECT json_object_agg(v.key, (v.value - 'key')
                       || jsonb_build_object('url', coalesce(p_assets, '')
                                             || '/' || (v.value ->> 'key')))
            FROM jsonb_each(u.variants) v),
        'placeholder', u.placeholder))
    FROM uploads u JOIN users ON users.id = u.user_id
    WHERE u.id = p_id AND users.issuer = p_issuer AND users.sub = p_sub
$$;


-- Wakes the workers.  Where jobs were ready before this one, they have been
-- woken, or are all busy and will poll again: commits that notify wait for one
-- another, so that a flood of jobs must not be one of notifications.

CREATE FUNCTION social_jobs_wake(p_queue text, p_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM jobs
                   WHERE queue = p_queue AND state = 'ready'
                       AND run_at <= now() AND id <> p_id)
    THEN
        PERFORM pg_notify('social_jobs', p_queue);
    END IF;
END
$$;


-- An object was put: the event is recorded, the upload is stored, and its job
-- waits, or none of it.  "queued"; "duplicate": the event, or the same object
-- by another, has been here; "ignored": no upload has this key.

CREATE FUNCTION social_object_created(p_source text, p_event_id text,
    p_bucket text, p_key text, p_size bigint, p_etag text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_etag    text := nullif(btrim(p_etag, '"'), '');
    v_upload  uploads%ROWTYPE;
    v_sub     text;
    v_job     bigint;
BEGIN
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

    IF v_upload.etag = v_etag AND v_upload.state <> 'failed' THEN
        RETURN 'duplicate';
    END IF;

    -- what waits for the object before this one would find this one

    UPDATE jobs SET state = 'done', finished_at = now(),
                    last_error = 'another object was put at the key'
        WHERE dedupe_key = 'upload:' || v_upload.id || ':'
                           || v_upload.generation
            AND state = 'ready';

    UPDATE uploads
        SET state = 'stored', reason = NULL, etag = v_etag,
            generation = generation + 1
        WHERE id = v_upload.id
        RETURNING * INTO v_upload;

    SELECT sub INTO v_sub FROM users WHERE id = v_upload.user_id;

    INSERT INTO jobs (queue, kind, dedupe_key, priority, payload)
        VALUES ('images', v_upload.kind,
                'upload:' || v_upload.id || ':' || v_upload.generation,
                CASE v_upload.kind WHEN 'avatar' THEN 10 ELSE 100 END,
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
                    'sha256', v_upload.sha256))
        RETURNING id INTO v_job;

    PERFORM social_jobs_wake('images', v_job);

    RETURN 'queued';
END
$$;


-- The upload of a job: its state, unless another object has
-- come since.

CREATE FUNCTION social_job_upload(p_payload jsonb, p_state text, p_reason text)
    RETURNS void
LANGUAGE sql AS $$
    UPDATE uploads SET state = p_state, reason = p_reason
        WHERE id = (p_payload ->> 'upload')::uuid
            AND generation = (p_payload ->> 'generation')::integer
            AND (state, reason) IS DISTINCT FROM (p_state, p_reason)
$$;


-- Claims up to p_n jobs: those whose lease has expired, then those that are
-- ready.  The attempt is counted now, so that a job that kills its workers ends
-- too: over its attempts it is dead.

CREATE FUNCTION social_jobs_claim(p_queue text, p_worker text,
    p_lease interval, p_n integer) RETURNS SETOF jobs
LANGUAGE plpgsql AS $$
DECLARE
    v_job   jobs%ROWTYPE;
    v_left  integer := p_n;
BEGIN
    FOR v_job IN
        SELECT * FROM jobs
            WHERE queue = p_queue AND state = 'running' AND lease_until < now()
            ORDER BY lease_until
            LIMIT greatest(p_n, 10)
            FOR UPDATE SKIP LOCKED
    LOOP
        IF v_job.attempt >= v_job.max_attempts THEN
            UPDATE jobs
                SET state = 'dead', finished_at = now(), lease_until = NULL,
                    last_error = 'the worker "' || coalesce(worker, '')
                                 || '" was lost in the last attempt'
                WHERE id = v_job.id;

            PERFORM social_job_upload(v_job.payload, 'failed',
                'We could not process this file. Please try another one.');

        ELSIF v_left > 0 THEN
            v_left := v_left - 1;

            UPDATE jobs
                SET attempt = attempt + 1, worker = p_worker,
                    lease_until = now() + p_lease,
                    last_error = 'the worker "' || coalesce(worker, '')
                                 || '" was lost'
                WHERE id = v_job.id
                RETURNING * INTO v_job;

            RETURN NEXT v_job;
        END IF;
    END LOOP;

    FOR v_job IN
        UPDATE jobs
            SET state = 'running', attempt = attempt + 1, worker = p_worker,
                lease_until = now() + p_lease
            WHERE id IN (
                SELECT id FROM jobs
                    WHERE queue = p_queue AND state = 'ready'
                        AND run_at <= now()
                    ORDER BY priority, run_at, id
                    LIMIT v_left
                    FOR UPDATE SKIP LOCKED)
            RETURNING *
    LOOP
        PERFORM social_job_upload(v_job.payload, 'processing', NULL);
        RETURN NEXT v_job;
    END LOOP;
END
$$;


-- The three below are for the holder of the job, which is the worker in the
-- attempt; all others, the same worker after it lost the lease included, get
-- false or NULL, and change nothing.

CREATE FUNCTION social_job_extend(p_id bigint, p_attempt integer,
    p_worker text, p_lease interval) RETURNS boolean
LANGUAGE sql AS $$
    WITH extended AS (
        UPDATE jobs SET lease_until = now() + p_lease
            WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
                AND state = 'running'
            RETURNING id)
    SELECT EXISTS (SELECT FROM extended)
$$;


CREATE FUNCTION social_job_finish(p_id bigint, p_attempt integer,
    p_worker text, p_variants jsonb, p_placeholder text, p_avatar_key text)
    RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_payload  jsonb;
    v_upload   uploads%ROWTYPE;
BEGIN
    UPDATE jobs
        SET state = 'done', finished_at = now(), lease_until = NULL,
            last_error = NULL
        WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
            AND state = 'running'
        RETURNING payload INTO v_payload;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    UPDATE uploads
        SET state = 'ready', reason = NULL, variants = p_variants,
            placeholder = p_placeholder
        WHERE id = (v_payload ->> 'upload')::uuid
            AND generation = (v_payload ->> 'generation')::integer
        RETURNING * INTO v_upload;

    -- not over the picture of a later upload that was quicker

    IF v_upload.kind = 'avatar' AND p_avatar_key IS NOT NULL THEN
        UPDATE users
            SET avatar_key = p_avatar_key, avatar_placeholder = p_placeholder,
                avatar_at = v_upload.created_at
            WHERE id = v_upload.user_id
                AND (avatar_at IS NULL OR avatar_at <= v_upload.created_at);
    END IF;

    RETURN true;
END
$$;


-- p_error is for operators, p_reason for the user whose file it is.  A
-- permanent failure is the end; after another the job is tried again, after a
-- random part of a time that doubles, until it has had p_limit or max_attempts
-- of them. Returns the job's new state.

CREATE FUNCTION social_job_fail(p_id bigint, p_attempt integer,
    p_worker text, p_permanent boolean, p_error text, p_reason text,
    p_limit integer DEFAULT NULL, p_base interval DEFAULT '2 seconds',
    p_cap interval DEFAULT '5 minutes') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_job  jobs%ROWTYPE;
BEGIN
    UPDATE jobs
        SET state = CASE WHEN p_permanent
                             OR attempt >= least(max_attempts,
                                                 coalesce(p_limit,
                                                          max_attempts))
                         THEN 'dead' ELSE 'ready' END,
            run_at = now() + random()
                     * least(p_cap, p_base * 2.0 ^ least(attempt - 1, 20)),
            last_error = p_error, lease_until = NULL
        WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
            AND state = 'running'
        RETURNING * INTO v_job;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    IF v_job.state = 'dead' THEN
        UPDATE jobs SET finished_at = now() WHERE id = p_id;
        PERFORM social_job_upload(v_job.payload, 'failed', p_reason);

    ELSE
        PERFORM social_job_upload(v_job.payload, 'stored', NULL);
    END IF;

    RETURN v_job.state;
END
$$;


-- For the alias of an avatar: takes a lock of the session on the user's avatar,
-- and returns whether this object is the newest one. pg_advisory_unlock_all()
-- releases it.

CREATE FUNCTION social_avatar_lock(p_upload uuid, p_generation integer)
    RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_user  uuid;
BEGIN
    SELECT user_id INTO v_user FROM uploads WHERE id = p_upload;

    IF v_user IS NULL THEN
        RETURN false;
    END IF;

    PERFORM pg_advisory_lock(hashtextextended(v_user::text, 736002));

    RETURN EXISTS (
        SELECT FROM uploads JOIN users ON users.id = uploads.user_id
            WHERE uploads.id = p_upload AND generation = p_generation
                AND (avatar_at IS NULL OR avatar_at <= uploads.created_at));
END
$$;


-- A worker that exits releases the jobs that it has not started: the attempt is
-- not counted.

CREATE FUNCTION social_job_release(p_id bigint, p_attempt integer,
    p_worker text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_job  jobs%ROWTYPE;
BEGIN
    UPDATE jobs
        SET state = 'ready', attempt = attempt - 1, lease_until = NULL,
            run_at = now()
        WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
            AND state = 'running'
        RETURNING * INTO v_job;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM social_job_upload(v_job.payload, 'stored', NULL);
    PERFORM social_jobs_wake(v_job.queue, p_id);

    RETURN true;
END
$$;


-- For operators: retries a dead job, and discards one that waits.

CREATE FUNCTION social_job_retry(p_id bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_job  jobs%ROWTYPE;
BEGIN
    UPDATE jobs
        SET state = 'ready', attempt = 0, run_at = now(), finished_at = NULL
        WHERE id = p_id AND state = 'dead'
        RETURNING * INTO v_job;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM social_job_upload(v_job.payload, 'stored', NULL);
    PERFORM social_jobs_wake(v_job.queue, p_id);

    RETURN true;
END
$$;


CREATE FUNCTION social_job_discard(p_id bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_job  jobs%ROWTYPE;
BEGIN
    UPDATE jobs
        SET state = 'dead', finished_at = coalesce(finished_at, now()),
            last_error = 'discarded'
        WHERE id = p_id AND state IN ('ready', 'dead')
        RETURNING * INTO v_job;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM social_job_upload(v_job.payload, 'failed',
        'We could not process this file. Please try another one.');

    RETURN true;
END
$$;


-- Deletes old rows, a batch at a time.  Returns how many rows.

CREATE FUNCTION social_prune(p_done interval DEFAULT '1 day',
    p_dead interval DEFAULT '30 days', p_events interval DEFAULT '30 days',
    p_batch integer DEFAULT 1000) RETURNS bigint
LANGUAGE sql AS $$
    WITH old_jobs AS (
        DELETE FROM jobs WHERE id IN (
            SELECT id FROM jobs
                WHERE state = 'done' AND finished_at < now() - p_done
                    OR state = 'dead' AND finished_at < now() - p_dead
                ORDER BY finished_at LIMIT p_batch
                FOR UPDATE SKIP LOCKED)
            RETURNING 1),
    old_events AS (
        DELETE FROM events WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM events WHERE received_at < now() - p_events
                ORDER BY received_at LIMIT p_batch
                FOR UPDATE SKIP LOCKED))
            RETURNING 1),
    old_revocations AS (
        DELETE FROM revocations WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM revocations WHERE until < now()
                LIMIT p_batch FOR UPDATE SKIP LOCKED))
            RETURNING 1)
    SELECT (SELECT count(*) FROM old_jobs)
           + (SELECT count(*) FROM old_events)
           + (SELECT count(*) FROM old_revocations)
$$;
