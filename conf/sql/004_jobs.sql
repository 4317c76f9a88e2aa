-- The queue: how many jobs a claim returns, what a payload may be, what is
-- retried, and how often.
--
-- The arguments of social_job_fail() change: an older worker cannot record a
-- failure, so that its lease expires, and another one gets the job.


-- failures: how often the job failed, by class.  suspect: it failed in a
-- decoder, or took its worker with it, more than can be an accident, and is
-- claimed after all others.  retry_until: how long what is not its fault is
-- retried.  max_attempts is the most that a job may fail by its own fault, in
-- each class; attempt counts the claims.

ALTER TABLE jobs
    ADD COLUMN failures jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN suspect boolean NOT NULL DEFAULT false,
    ADD COLUMN retry_until timestamptz NOT NULL
        DEFAULT now() + interval '24 hours';

DROP INDEX jobs_ready;

CREATE INDEX jobs_ready ON jobs (queue, suspect, priority, run_at, id)
    WHERE state = 'ready';


-- Text as a uuid or as an integer from 0 to 999999999, NULL where it is not
-- one: what is in a payload never raises an error, since one job would stop
-- all.

CREATE FUNCTION social_uuid_of(p_text text) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_text ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'
                THEN p_text::uuid END
$$;

CREATE FUNCTION social_integer_of(p_text text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_text ~ '^[0-9]{1,9}$' THEN p_text::integer END
$$;


-- As before, but for suspects: they wait for one another, and must not keep
-- what comes from waking a worker.

CREATE OR REPLACE FUNCTION social_jobs_wake(p_queue text, p_id bigint)
    RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM jobs
                   WHERE queue = p_queue AND state = 'ready' AND NOT suspect
                       AND run_at <= now() AND id <> p_id)
    THEN
        PERFORM pg_notify('social_jobs', p_queue);
    END IF;
END
$$;


CREATE OR REPLACE FUNCTION social_job_upload(p_payload jsonb, p_state text,
    p_reason text) RETURNS void
LANGUAGE sql AS $$
    UPDATE uploads SET state = p_state, reason = p_reason
        WHERE id = social_uuid_of(p_payload ->> 'upload')
            AND generation = social_integer_of(p_payload ->> 'generation')
            AND (state, reason) IS DISTINCT FROM (p_state, p_reason)
$$;


-- How often a job may fail in a class: once, where another try is of no use.
-- "unavailable", the fault of a store, a database or a machine, is not
-- counted, but retried until retry_until.

CREATE FUNCTION social_job_tries(p_class text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_class
        WHEN 'timeout' THEN 2       -- the first of them with a part of the time
        WHEN 'died' THEN 3          -- the decoder
        WHEN 'missing' THEN 4       -- the object: deleted, or late
        ELSE 1
    END
$$;


-- Takes back jobs whose lease has expired. A job that kills its workers has to
-- end, and one whose workers were restarted must not: the first time it is
-- ready at once, in its old place; from the second it is a suspect that waits
-- for five minutes, ten, twenty, and it is dead when max_attempts workers were
-- lost with it.

CREATE FUNCTION social_jobs_expire(p_queue text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_job   jobs%ROWTYPE;
    v_lost  integer;
    v_dead  boolean;
BEGIN
    FOR v_job IN
        SELECT * FROM jobs
            WHERE queue = p_queue AND state = 'running' AND lease_until < now()
            ORDER BY lease_until
            LIMIT 100
            FOR UPDATE SKIP LOCKED
    LOOP
        v_lost := coalesce(social_integer_of(v_job.failures ->> 'lost'), 0) + 1;
        v_dead := v_lost >= v_job.max_attempts;

        UPDATE jobs
            SET state = CASE WHEN v_dead THEN 'dead' ELSE 'ready' END,
                failures = failures || jsonb_build_object('lost', v_lost),
                suspect = suspect OR v_lost > 1,
                run_at = CASE WHEN v_lost = 1 THEN run_at
                              ELSE now() + interval '5 minutes'
                                   * (0.5 + random() / 2)
                                   * 2.0 ^ least(v_lost - 2, 8) END,
                finished_at = CASE WHEN v_dead THEN now() END,
                lease_until = NULL,
                last_error = 'the worker "' || coalesce(worker, '')
                             || '" was lost'
                             || CASE WHEN v_dead THEN ' in the last attempt'
                                     ELSE '' END
            WHERE id = v_job.id;

        IF v_dead THEN
            PERFORM social_job_upload(v_job.payload, 'failed',
                'We could not process this file. Please try another one.');
        ELSE
            PERFORM social_job_upload(v_job.payload, 'stored', NULL);
        END IF;
    END LOOP;
END
$$;


-- Up to p_n of the ready jobs that are due since p_due.  MATERIALIZED: a
-- subquery with LIMIT and FOR UPDATE SKIP LOCKED takes others each time that
-- it is executed, and under IN that is once for each row of a nested loop.

CREATE FUNCTION social_jobs_take(p_queue text, p_worker text,
    p_lease interval, p_n integer, p_suspect boolean, p_due timestamptz)
    RETURNS SETOF jobs
LANGUAGE sql AS $$
    WITH taken AS MATERIALIZED (
        SELECT id FROM jobs
            WHERE queue = p_queue AND state = 'ready' AND suspect = p_suspect
                AND run_at <= p_due
            ORDER BY priority, run_at, id
            LIMIT greatest(p_n, 0)
            FOR UPDATE SKIP LOCKED)
    UPDATE jobs
        SET state = 'running', attempt = attempt + 1, worker = p_worker,
            lease_until = now() + p_lease
        FROM taken
        WHERE jobs.id = taken.id
        RETURNING jobs.*
$$;


-- Takes up to p_n jobs, of which p_suspects may be suspects: those come after
-- all others, unless they have waited for five minutes, so that files that
-- take a decoder's whole time limit neither delay the others nor wait for ever.
-- The attempt is counted now.
--
-- The state of an upload whose row is locked is left as it is: a claim does not
-- wait for rows, and so not for a transaction that waits for its jobs.

DROP FUNCTION social_jobs_claim(text, text, interval, integer);

CREATE FUNCTION social_jobs_claim(p_queue text, p_worker text,
    p_lease interval, p_n integer, p_suspects integer DEFAULT NULL)
    RETURNS SETOF jobs
LANGUAGE plpgsql AS $$
DECLARE
    v_job       jobs%ROWTYPE;
    v_left      integer := p_n;
    v_suspects  integer := coalesce(p_suspects, p_n);
BEGIN
    PERFORM social_jobs_expire(p_queue);

    FOR i IN 1 .. 3 LOOP
        FOR v_job IN
            SELECT * FROM social_jobs_take(p_queue, p_worker, p_lease,
                CASE WHEN i = 2 THEN v_left ELSE least(v_left, v_suspects) END,
                i <> 2,
                CASE WHEN i = 1 THEN now() - interval '5 minutes'
                     ELSE now() END)
        LOOP
            v_left := v_left - 1;
            v_suspects := v_suspects - v_job.suspect::integer;

            UPDATE uploads SET state = 'processing', reason = NULL
                WHERE id = (
                    SELECT id FROM uploads
                        WHERE id = social_uuid_of(v_job.payload ->> 'upload')
                            AND generation = social_integer_of(
                                    v_job.payload ->> 'generation')
                        FOR UPDATE SKIP LOCKED);

            RETURN NEXT v_job;
        END LOOP;
    END LOOP;
END
$$;


CREATE OR REPLACE FUNCTION social_job_finish(p_id bigint, p_attempt integer,
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
        WHERE id = social_uuid_of(v_payload ->> 'upload')
            AND generation = social_integer_of(v_payload ->> 'generation')
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


-- p_class is the class of the failure: "unavailable", "timeout", "died" (the
-- decoder), "missing", and anything else is permanent.  p_error is for
-- operators, p_reason for the user whose file it is. Retries come after a
-- random part of a time that doubles with each failure of that class, from two
-- seconds to five minutes.  Returns the job's new state, NULL when the job is
-- not the caller's.

DROP FUNCTION social_job_fail(bigint, integer, text, boolean, text, text,
    integer, interval, interval);

CREATE FUNCTION social_job_fail(p_id bigint, p_attempt integer,
    p_worker text, p_class text, p_error text, p_reason text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_job    jobs%ROWTYPE;
    v_count  integer;
    v_dead   boolean;
BEGIN
    SELECT * INTO v_job FROM jobs
        WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
            AND state = 'running'
        FOR UPDATE;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    v_count := coalesce(social_integer_of(v_job.failures ->> p_class), 0) + 1;

    v_dead := CASE WHEN p_class = 'unavailable'
                   THEN now() >= v_job.retry_until
                   ELSE v_count >= least(v_job.max_attempts,
                                         social_job_tries(p_class)) END;

    UPDATE jobs
        SET state = CASE WHEN v_dead THEN 'dead' ELSE 'ready' END,
            failures = failures || jsonb_build_object(p_class, v_count),
            suspect = suspect OR p_class IN ('timeout', 'died'),
            run_at = now() + random()
                     * least(interval '5 minutes',
                             CASE WHEN p_class = 'missing'
                                  THEN interval '0.5 seconds'
                                  ELSE interval '2 seconds' END
                             * 2.0 ^ least(v_count - 1, 20)),
            finished_at = CASE WHEN v_dead THEN now() END,
            last_error = p_error, lease_until = NULL
        WHERE id = p_id;

    IF v_dead THEN
        PERFORM social_job_upload(v_job.payload, 'failed', p_reason);
        RETURN 'dead';
    END IF;

    PERFORM social_job_upload(v_job.payload, 'stored', NULL);
    RETURN 'ready';
END
$$;


-- For operators: retries a dead job, as if it were new.

CREATE OR REPLACE FUNCTION social_job_retry(p_id bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_job  jobs%ROWTYPE;
BEGIN
    UPDATE jobs
        SET state = 'ready', attempt = 0, run_at = now(), finished_at = NULL,
            failures = '{}', suspect = false,
            retry_until = now() + interval '24 hours'
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


-- The two others that selected too many rows: see social_jobs_take().
-- ARRAY() is executed once.

CREATE OR REPLACE FUNCTION social_prune(p_done interval DEFAULT '1 day',
    p_dead interval DEFAULT '30 days', p_events interval DEFAULT '30 days',
    p_batch integer DEFAULT 1000) RETURNS bigint
LANGUAGE sql AS $$
    WITH old_jobs AS (
        DELETE FROM jobs WHERE id = ANY (ARRAY(
            SELECT id FROM jobs
                WHERE state = 'done' AND finished_at < now() - p_done
                    OR state = 'dead' AND finished_at < now() - p_dead
                ORDER BY finished_at LIMIT p_batch
                FOR UPDATE SKIP LOCKED))
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


CREATE OR REPLACE FUNCTION social_revocations_expire(p_n integer)
    RETURNS bigint
LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM revocations
            WHERE id = ANY (ARRAY(
                SELECT id FROM revocations
                    WHERE until < now()
                    LIMIT p_n
                    FOR UPDATE SKIP LOCKED))
            RETURNING id)
    SELECT count(*) FROM gone
$$;
