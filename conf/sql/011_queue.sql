-- The queue is everybody's: its functions know nothing of uploads, and an
-- application adds jobs in transactions of its own.
--
-- A worker has one lease, in one row, whatever it works on. A job has a fence,
-- a number that only grows: claims, releases and retries move it, and a result
-- that names an older one is refused.
--
-- No claim walks over jobs that are not for it: those that are scheduled for
-- later are in another index, and what was claimed before, which stays in the
-- index as long as an old snapshot may see it, is behind the head of its lane.
--
-- The functions of earlier workers are kept: theirs and later ones may work on
-- the same queue.


-- pos: the place of a job that is ready among those of its priority, -1 where
-- it is scheduled, NULL otherwise.  The indexes have no other column that
-- changes, so that what a job becomes after it was claimed is written where the
-- job is.  fresh: it was never released, or taken from a worker; those that
-- were go first.  group_key: whose job it is, where owners take turns.
-- handler: what has to be done in the transaction in which the job ends.

DROP INDEX jobs_ready, jobs_running, jobs_finished, jobs_active;

ALTER TABLE jobs
    DROP CONSTRAINT jobs_state_check,
    ADD CONSTRAINT jobs_state_check
        CHECK (state IN ('ready', 'scheduled', 'running', 'done', 'dead')),
    ADD COLUMN fence bigint NOT NULL DEFAULT 0,
    ADD COLUMN pos bigint,
    ADD COLUMN fresh boolean NOT NULL DEFAULT true,
    ADD COLUMN lane integer NOT NULL
        GENERATED ALWAYS AS (priority * 2 + fresh::integer) STORED,
    ADD CHECK (priority BETWEEN -1000000000 AND 1000000000),
    ADD COLUMN group_key text,
    ADD COLUMN handler text,
    ADD COLUMN claim bigint,
    ADD COLUMN result jsonb,
    ADD COLUMN died_at timestamptz,
    SET (fillfactor = 50);


-- A place is the number of arrivals, of which "job_pos" is the counter, and how
-- far jobs were served beyond that, "job_shift", which only grows. Sequences
-- are never rolled back and have one value for all transactions, whatever their
-- snapshots: so a job's place is never before one that was given earlier.
--
-- job_mark_*: where heads may move to: see social_jobs_heads().  job_due: when
-- the scheduled jobs that were made ready last were due.  job_ticked: when
-- housekeeping was done last.  Times are microseconds since 1970.

CREATE SEQUENCE job_pos;
CREATE SEQUENCE job_shift MINVALUE 0;
CREATE SEQUENCE job_mark_pos MINVALUE 0;
CREATE SEQUENCE job_mark_xact MINVALUE 0;
CREATE SEQUENCE job_mark_time MINVALUE 0;
CREATE SEQUENCE job_due MINVALUE 0;
CREATE SEQUENCE job_ticked MINVALUE 0;

SELECT setval('job_pos', 1), setval('job_shift', 0), setval('job_mark_pos', 0),
    setval('job_mark_xact', 0), setval('job_mark_time', 0),
    setval('job_due', 0), setval('job_ticked', 0);

DO $$
DECLARE
    v_name   text;
    v_owner  name := (SELECT relowner::regrole FROM pg_class
                          WHERE oid = 'jobs'::regclass);
BEGIN
    FOREACH v_name IN ARRAY ARRAY['pos', 'shift', 'mark_pos', 'mark_xact',
                                  'mark_time', 'due', 'ticked']
    LOOP
        EXECUTE format('ALTER SEQUENCE job_%s OWNER TO %s', v_name, v_owner);
    END LOOP;
END
$$;


-- The jobs of one queue and one priority, those that came back before those
-- that are fresh, and suspects by themselves.  No job that is ready has a place
-- before the head.

CREATE TABLE job_lanes (
    queue    text NOT NULL,
    suspect  boolean NOT NULL,
    lane     integer NOT NULL,
    head     bigint NOT NULL DEFAULT 0,

    PRIMARY KEY (queue, suspect, lane)
) WITH (fillfactor = 50);


-- The last place that a group's jobs were given, by a hash of its name: the
-- table does not grow, and no transaction waits for another that adds the same
-- name.

CREATE TABLE job_groups (
    bucket  integer PRIMARY KEY,
    pos     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

INSERT INTO job_groups (bucket) SELECT generate_series(0, 8191);


-- The keys of jobs that wait or run.

CREATE TABLE job_keys (
    key  text PRIMARY KEY,
    id   bigint NOT NULL
);


CREATE TABLE job_workers (
    name         text PRIMARY KEY,
    lease_until  timestamptz NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);


-- What a worker claimed, until it is known that nothing of it is running.

CREATE TABLE job_claims (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker  text NOT NULL,
    ids     bigint[] NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX job_claims_worker ON job_claims (worker, id);


-- Locks that belong to a job until it ends.  Where the job was taken from its
-- worker, which may be in the middle of what the lock is for, until then.
-- backend: that of a program without a job, whose lock ends with it at last.

CREATE TABLE job_locks (
    name     text PRIMARY KEY,
    job      bigint NOT NULL,
    fence    bigint NOT NULL,
    worker   text NOT NULL,
    until    timestamptz NOT NULL,
    backend  integer
);

CREATE INDEX job_locks_job ON job_locks (job);


-- Functions that are called in the transaction in which a job ends, with its
-- payload, its state, its result and the reason of its failure for the user:
-- (jsonb, text, jsonb, text).  The state is "done", "dead", or "waiting" when a
-- dead one is tried again. Where one raises an error, its own job fails, and no
-- other.

CREATE TABLE job_handlers (
    name   text PRIMARY KEY,
    ended  text NOT NULL
);

INSERT INTO job_handlers VALUES ('upload', 'social_upload_ended');


CREATE TABLE job_schedules (
    name      text PRIMARY KEY,
    queue     text NOT NULL,
    kind      text NOT NULL,
    payload   jsonb NOT NULL,
    priority  integer NOT NULL,
    every     interval NOT NULL CHECK (every >= interval '1 second'),
    zone      text NOT NULL,
    next_at   timestamptz NOT NULL,
    last_job  bigint
);


-- Where pruning is.

CREATE TABLE job_pruning (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    after  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

INSERT INTO job_pruning DEFAULT VALUES;


-- The jobs that are there.

UPDATE jobs
    SET pos = o.pos, died_at = o.died_at,
        state = CASE WHEN o.pos = -1 THEN 'scheduled' ELSE state END,
        handler = CASE WHEN dedupe_key LIKE 'upload:%' THEN 'upload' END,
        group_key = CASE WHEN dedupe_key LIKE 'upload:%'
                         THEN payload ->> 'user' END
    FROM (SELECT id,
              CASE WHEN state <> 'ready' THEN NULL
                   WHEN run_at > now() THEN -1
                   ELSE row_number() OVER (ORDER BY run_at, id) END AS pos,
              CASE WHEN state = 'dead'
                   THEN coalesce(finished_at, now()) END AS died_at
              FROM jobs) o
    WHERE jobs.id = o.id;

SELECT setval('job_pos', count(*) + 1) FROM jobs;

INSERT INTO job_keys (key, id)
    SELECT dedupe_key, id FROM jobs
        WHERE dedupe_key IS NOT NULL
            AND state IN ('ready', 'scheduled', 'running');

INSERT INTO job_workers (name, lease_until)
    SELECT worker, coalesce(max(lease_until), now()) FROM jobs
        WHERE state = 'running' AND worker IS NOT NULL GROUP BY worker;

INSERT INTO job_claims (worker, ids)
    SELECT worker, array_agg(id) FROM jobs
        WHERE state = 'running' AND worker IS NOT NULL GROUP BY worker;

UPDATE jobs SET claim = c.id
    FROM job_claims c
    WHERE jobs.id = ANY (c.ids);

UPDATE uploads SET state = 'stored' WHERE state = 'processing';

ALTER TABLE jobs DROP COLUMN lease_until;

CREATE INDEX jobs_ready ON jobs (queue, suspect, lane, pos, id)
    WHERE pos >= 0;

CREATE INDEX jobs_scheduled ON jobs (run_at, id) WHERE pos = -1;

CREATE INDEX jobs_key ON jobs (dedupe_key) WHERE dedupe_key IS NOT NULL;

CREATE INDEX jobs_dead ON jobs (died_at, id) WHERE died_at IS NOT NULL;


-- The place where a job arrives; p_moves: the next one arrives behind it.
--
-- The transaction has its number before: see social_jobs_heads().

CREATE FUNCTION social_job_pos(p_moves boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();

    IF p_moves THEN
        RETURN nextval('job_pos') + (SELECT last_value FROM job_shift);
    END IF;

    RETURN (SELECT last_value FROM job_pos)
           + (SELECT last_value FROM job_shift);
END
$$;


-- The place of a job of a group.  The jobs of one group are sixteen places
-- apart: who adds a thousand has the first of them served at once, and another
-- who comes after that does not wait for the rest.
--
-- No transaction waits for another that adds jobs of the same group: the place
-- is only a little less fair.  Nor does one with an old snapshot, which could
-- not change the row.

CREATE FUNCTION social_job_pos_of(p_queue text, p_group text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_bucket  integer;
    v_pos     bigint;
BEGIN
    IF p_group IS NULL THEN
        RETURN social_job_pos(true);
    END IF;

    v_bucket := hashtextextended(p_queue || chr(10) || p_group, 736004) & 8191;
    v_pos := social_job_pos(false);

    v_pos := greatest(v_pos, 16 + (SELECT pos FROM job_groups
                                       WHERE bucket = v_bucket));

    IF current_setting('transaction_isolation') = 'read committed' THEN
        UPDATE job_groups SET pos = v_pos
            WHERE bucket = ANY (ARRAY(
                SELECT bucket FROM job_groups
                    WHERE bucket = v_bucket AND pos < v_pos
                    FOR NO KEY UPDATE SKIP LOCKED));
    END IF;

    RETURN v_pos;
END
$$;


-- Wakes the workers of a queue.  Where another job of this priority came just
-- before, they have been woken, or are all busy and will ask again: commits
-- that notify wait for one another, so that a flood of jobs must not be one of
-- notifications.  Of the index only the last places are looked at.

CREATE FUNCTION social_jobs_wake(p_queue text, p_priority integer,
    p_id bigint) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
    v_pos  bigint := social_job_pos(false) - 64;
BEGIN
    IF NOT EXISTS (
        SELECT FROM jobs
            WHERE queue = p_queue AND NOT suspect AND lane = p_priority * 2 + 1
                AND pos >= 0
                AND pos >= v_pos AND id <> p_id)
    THEN
        PERFORM pg_notify('social_jobs', p_queue);
    END IF;
END
$$;

DROP FUNCTION social_jobs_wake(text, bigint);


-- The time, for what is scheduled in a statement that writes jobs.

CREATE FUNCTION social_job_clock() RETURNS timestamptz
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN clock_timestamp();
END
$$;


-- Jobs that were written in another way than by these functions get what
-- belongs to their state; one whose key another has is not inserted.  On an update the row is only read, since to lock it
-- before would be a second write: where it is not right, it is written again.

CREATE FUNCTION social_job_place(p_job jobs) RETURNS jobs
LANGUAGE plpgsql AS $$
BEGIN
    IF p_job.state IN ('ready', 'scheduled') THEN
        p_job.state := CASE WHEN p_job.run_at > social_job_clock()
                            THEN 'scheduled' ELSE 'ready' END;
    END IF;

    p_job.pos := CASE p_job.state
        WHEN 'ready' THEN social_job_pos_of(p_job.queue, p_job.group_key)
        WHEN 'scheduled' THEN -1 END;

    p_job.died_at := CASE WHEN p_job.state = 'dead'
                          THEN coalesce(p_job.died_at, p_job.finished_at,
                                        now()) END;

    RETURN p_job;
END
$$;

CREATE FUNCTION social_job_inserted() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW := social_job_place(NEW);

    IF NEW.dedupe_key IS NOT NULL AND NEW.state NOT IN ('done', 'dead') THEN
        INSERT INTO job_keys AS k (key, id) VALUES (NEW.dedupe_key, NEW.id)
            ON CONFLICT (key) DO UPDATE SET id = excluded.id
                WHERE NOT EXISTS (
                    SELECT FROM jobs
                        WHERE jobs.id = k.id
                            AND state IN ('ready', 'scheduled', 'running'));

        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;

    RETURN NEW;
END
$$;

CREATE FUNCTION social_job_updated() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_job  jobs%ROWTYPE := social_job_place(NEW);
BEGIN
    UPDATE jobs
        SET state = v_job.state, pos = v_job.pos, died_at = v_job.died_at
        WHERE id = NEW.id;

    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_inserted BEFORE INSERT ON jobs
    FOR EACH ROW
    WHEN (NEW.state IN ('ready', 'scheduled') AND NEW.pos IS NULL
          OR NEW.state = 'dead' AND NEW.died_at IS NULL
          OR NEW.state = 'running' AND NEW.dedupe_key IS NOT NULL)
    EXECUTE FUNCTION social_job_inserted();

CREATE TRIGGER jobs_updated AFTER UPDATE ON jobs
    FOR EACH ROW
    WHEN ((NEW.state = 'ready') <> coalesce(NEW.pos >= 0, false)
          OR (NEW.state = 'scheduled') <> coalesce(NEW.pos = -1, false)
          OR (NEW.state = 'dead') <> (NEW.died_at IS NOT NULL)
          OR NEW.pos = -1 AND OLD.pos = -1 AND NEW.run_at < OLD.run_at
          OR NEW.pos >= 0 AND NEW.pos = OLD.pos
             AND (NEW.priority <> OLD.priority OR NEW.suspect <> OLD.suspect
                  OR NEW.fresh <> OLD.fresh OR NEW.queue <> OLD.queue))
    EXECUTE FUNCTION social_job_updated();


-- Adds a job, with a handler where it has one.  Returns its id, or that of the
-- job with the same key that waits or runs. Who adds the same key in another
-- transaction is waited for.

CREATE FUNCTION social_job_put(p_kind text, p_payload jsonb, p_queue text,
    p_priority integer, p_run_at timestamptz, p_dedupe text, p_group text,
    p_max_attempts integer, p_handler text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_id     bigint := nextval(pg_get_serial_sequence('jobs', 'id'));
    v_other  bigint;
    v_later  boolean;
BEGIN
    IF p_dedupe IS NOT NULL THEN
        LOOP
            INSERT INTO job_keys (key, id) VALUES (p_dedupe, v_id)
                ON CONFLICT DO NOTHING;

            EXIT WHEN FOUND;

            SELECT k.id INTO v_other FROM job_keys k JOIN jobs USING (id)
                WHERE k.key = p_dedupe
                    AND jobs.state IN ('ready', 'scheduled', 'running');

            IF FOUND THEN
                RETURN v_other;
            END IF;

            -- of a job that was deleted

            DELETE FROM job_keys k
                WHERE k.key = p_dedupe AND NOT EXISTS (
                    SELECT FROM jobs
                        WHERE jobs.id = k.id
                            AND state IN ('ready', 'scheduled', 'running'));
        END LOOP;
    END IF;

    INSERT INTO jobs (id, queue, kind, dedupe_key, payload, priority, state,
                      run_at, pos, group_key, max_attempts, handler)
        OVERRIDING SYSTEM VALUE
        SELECT v_id, p_queue, p_kind, p_dedupe, p_payload, p_priority,
               CASE WHEN later THEN 'scheduled' ELSE 'ready' END,
               coalesce(p_run_at, now()),
               CASE WHEN later THEN -1
                    ELSE social_job_pos_of(p_queue, p_group) END,
               p_group, p_max_attempts, p_handler
            FROM (SELECT coalesce(p_run_at > social_job_clock(), false)
                             AS later OFFSET 0) t
        RETURNING pos = -1 INTO v_later;

    IF NOT v_later THEN
        PERFORM social_jobs_wake(p_queue, p_priority, v_id);
    END IF;

    RETURN v_id;
END
$$;


-- For applications: adds a job in the transaction of the caller.  It is there
-- when that commits, and never when it does not.
--
-- p_payload is the worker's affair; p_priority: the least goes first, and few
-- different ones are best; p_run_at: not before; p_dedupe: while a job with
-- this key waits or runs, its id is returned and none is added; p_group: for
-- whom, so that owners take turns; p_max_attempts: how often it may fail by its
-- own fault.

CREATE FUNCTION social_job_add(p_kind text, p_payload jsonb DEFAULT '{}',
    p_queue text DEFAULT 'default', p_priority integer DEFAULT 100,
    p_run_at timestamptz DEFAULT NULL, p_dedupe text DEFAULT NULL,
    p_group text DEFAULT NULL, p_max_attempts integer DEFAULT 5)
    RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(p_kind, '') = '' OR length(p_kind) > 64
        OR coalesce(p_queue, '') = '' OR length(p_queue) > 64
    THEN
        RAISE EXCEPTION 'a job needs a kind and a queue of up to 64 characters'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    IF length(p_dedupe) > 512 OR length(p_group) > 512 THEN
        RAISE EXCEPTION 'the key or the group of a job has over 512 characters'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    IF pg_column_size(p_payload) > 262144 THEN
        RAISE EXCEPTION 'the payload of a job is over 256 kB'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    RETURN social_job_put(p_kind, coalesce(p_payload, '{}'), p_queue,
                          coalesce(p_priority, 100), p_run_at, p_dedupe,
                          p_group, coalesce(p_max_attempts, 5), NULL);
END
$$;


-- What belongs to the end of a job, and of its key and locks.  p_state as in
-- job_handlers.

CREATE FUNCTION social_job_handle(p_job jobs, p_state text, p_result jsonb,
    p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_ended  text;
BEGIN
    IF p_job.handler IS NULL THEN
        RETURN;
    END IF;

    SELECT ended INTO v_ended FROM job_handlers WHERE name = p_job.handler;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no handler "%"', p_job.handler
            USING ERRCODE = 'undefined_object';
    END IF;

    EXECUTE format('SELECT %I($1, $2, $3, $4)', v_ended)
        USING p_job.payload, p_state, p_result, p_reason;
END
$$;


-- The same for a job that is dead in any case: what its handler says is for the
-- operator.  Returns that, or NULL.

CREATE FUNCTION social_job_bury(p_job jobs, p_reason text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM social_job_handle(p_job, 'dead', NULL, p_reason);
    RETURN NULL;

EXCEPTION
    WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
        RAISE;

    WHEN OTHERS THEN
        RETURN SQLERRM;
END
$$;


-- A job that does not belong to its worker any more: its key where it is over,
-- and its locks.

CREATE FUNCTION social_job_let_go(p_id bigint, p_fence bigint, p_key text,
    p_over boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM job_locks WHERE job = p_id AND fence = p_fence;

    IF p_over AND p_key IS NOT NULL THEN
        DELETE FROM job_keys WHERE key = p_key AND id = p_id;
    END IF;
END
$$;


-- Takes back the jobs of workers whose lease has expired.  A job that kills its
-- workers has to end, and one whose workers were restarted must not: the first
-- time it is ready at once, before others of its priority; from the second it
-- is a suspect that waits for five minutes, ten, twenty, and it is dead when
-- max_attempts workers were lost with it. Returns how many jobs: about a
-- thousand at most.

CREATE FUNCTION social_job_lost(p_job jobs) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_lost   integer;
    v_dead   boolean;
    v_error  text;
BEGIN
    v_lost := coalesce(social_integer_of(p_job.failures ->> 'lost'), 0) + 1;
    v_dead := v_lost >= p_job.max_attempts;
    v_error := 'the worker "' || coalesce(p_job.worker, '') || '" was lost'
               || CASE WHEN v_dead THEN ' in the last attempt' ELSE '' END;

    IF v_dead THEN
        v_error := concat_ws('; ', v_error, social_job_bury(p_job,
            'We could not process this file. Please try another one.'));
    END IF;

    UPDATE jobs
        SET state = CASE WHEN v_dead THEN 'dead'
                         WHEN v_lost = 1 THEN 'ready'
                         ELSE 'scheduled' END,
            pos = CASE WHEN v_dead THEN NULL
                       WHEN v_lost = 1 THEN social_job_pos(true)
                       ELSE -1 END,
            fresh = false, fence = fence + 1,
            failures = failures || jsonb_build_object('lost', v_lost),
            suspect = suspect OR v_lost > 1,
            run_at = CASE WHEN v_lost = 1 THEN run_at
                          ELSE social_job_clock() + interval '5 minutes'
                               * (0.5 + random() / 2)
                               * 2.0 ^ least(v_lost - 2, 8) END,
            finished_at = CASE WHEN v_dead THEN now() END,
            died_at = CASE WHEN v_dead THEN now() END,
            last_error = v_error
        WHERE id = p_job.id;

    IF v_dead AND p_job.dedupe_key IS NOT NULL THEN
        DELETE FROM job_keys WHERE key = p_job.dedupe_key AND id = p_job.id;
    END IF;
END
$$;

DROP FUNCTION social_jobs_expire(text);

CREATE FUNCTION social_jobs_expire() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_worker  text;
    v_claim   job_claims%ROWTYPE;
    v_job     jobs%ROWTYPE;
    v_count   integer := 0;
BEGIN
    FOR v_worker IN
        SELECT name FROM job_workers WHERE lease_until < now()
            ORDER BY lease_until LIMIT 10
            FOR UPDATE SKIP LOCKED
    LOOP
        FOR v_claim IN
            SELECT * FROM job_claims WHERE worker = v_worker ORDER BY id
        LOOP
            FOR v_job IN
                SELECT * FROM jobs
                    WHERE id = ANY (v_claim.ids) AND state = 'running'
                        AND worker = v_worker
                    FOR UPDATE SKIP LOCKED
            LOOP
                PERFORM social_job_lost(v_job);
                v_count := v_count + 1;
            END LOOP;

            DELETE FROM job_claims c
                WHERE c.id = v_claim.id AND NOT EXISTS (
                    SELECT FROM jobs
                        WHERE id = ANY (v_claim.ids) AND state = 'running'
                            AND worker = v_worker);

            EXIT WHEN v_count >= 1000;
        END LOOP;

        DELETE FROM job_workers w
            WHERE w.name = v_worker AND NOT EXISTS (
                SELECT FROM job_claims WHERE worker = v_worker);

        EXIT WHEN v_count >= 1000;
    END LOOP;

    RETURN v_count;
END
$$;


-- Makes up to p_n scheduled jobs ready that are due.  Returns how many.

CREATE FUNCTION social_jobs_promote(p_n integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_from  timestamptz := to_timestamp((SELECT last_value FROM job_due) / 1e6);
    v_ids   bigint[];
BEGIN
    v_ids := ARRAY(
        SELECT id FROM jobs
            WHERE pos = -1 AND run_at <= now() AND run_at >= v_from
            ORDER BY run_at, id LIMIT p_n
            FOR UPDATE SKIP LOCKED);

    IF cardinality(v_ids) = 0 THEN
        RETURN 0;
    END IF;

    UPDATE jobs
        SET state = 'ready', pos = social_job_pos_of(queue, group_key)
        WHERE id = ANY (v_ids);

    RETURN cardinality(v_ids);
END
$$;


-- Adds the occurrences of schedules that are due, each once.  What was missed
-- while no worker was there is made up for by one.

CREATE FUNCTION social_jobs_recur() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v        job_schedules%ROWTYPE;
    v_next   timestamptz;
    v_count  integer := 0;
BEGIN
    FOR v IN
        SELECT * FROM job_schedules WHERE next_at <= now()
            ORDER BY next_at LIMIT 100
            FOR UPDATE SKIP LOCKED
    LOOP
        v_next := v.next_at;

        -- in wall-clock time of the zone: three o'clock stays three o'clock

        IF v_next < now() - 1000 * v.every THEN
            v_next := now();
        END IF;

        WHILE v_next <= now() LOOP
            v_next := ((v_next AT TIME ZONE v.zone) + v.every)
                      AT TIME ZONE v.zone;
        END LOOP;

        UPDATE job_schedules
            SET next_at = v_next,
                last_job = social_job_put(v.kind,
                    v.payload || jsonb_build_object('scheduled', v.next_at),
                    v.queue, v.priority, NULL, 'schedule:' || v.name, NULL, 5,
                    NULL)
            WHERE name = v.name;

        v_count := v_count + 1;
    END LOOP;

    RETURN v_count;
END
$$;


-- Lanes of jobs that nobody has claimed from.  Between those that are known
-- there is nothing else in the index. Returns how many were found.

CREATE FUNCTION social_jobs_discover(p_queue text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_count    integer := 0;
    v_suspect  boolean;
    v_from     bigint;
    v_to       bigint;
    v_lane     integer;
BEGIN
    FOREACH v_suspect IN ARRAY ARRAY[false, true] LOOP
        v_from := -2147483648;

        LOOP
            SELECT lane INTO v_to FROM job_lanes
                WHERE queue = p_queue AND suspect = v_suspect AND lane > v_from
                ORDER BY lane LIMIT 1;

            v_to := coalesce(v_to, 2147483647);

            SELECT lane INTO v_lane FROM jobs
                WHERE queue = p_queue AND suspect = v_suspect AND pos >= 0
                    AND lane > v_from AND lane < v_to
                ORDER BY lane LIMIT 1;

            IF FOUND THEN
                INSERT INTO job_lanes (queue, suspect, lane)
                    VALUES (p_queue, v_suspect, v_lane)
                    ON CONFLICT DO NOTHING;

                v_count := v_count + 1;
                v_from := v_lane;

            ELSE
                EXIT WHEN v_to = 2147483647;
                v_from := v_to;
            END IF;
        END LOOP;
    END LOOP;

    RETURN v_count;
END
$$;


-- Moves the heads of lanes behind what was claimed, so that claims need not
-- walk over that again.
--
-- A job that is ready has a place that is not before the arrivals of the time
-- when it was added, which is under its transaction's lock on the table, and
-- after that has got its number.  It may be committed much later, when others
-- behind it are done.  So a mark is set to where arrivals are, and then to the
-- number of this transaction, which is greater than of all that have added jobs
-- before.  Heads move there when none of those is active any more.
--
-- The same is true of scheduled jobs and the time.  It is called by one
-- transaction at a time, first of all: it must not have a number yet.

CREATE FUNCTION social_jobs_heads() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_count  bigint := (SELECT last_value FROM job_pos);
    v_pos    bigint := v_count + (SELECT last_value FROM job_shift);
    v_now    bigint := extract(epoch FROM clock_timestamp()) * 1e6;
    v_mark   bigint := (SELECT last_value FROM job_mark_pos);
    v_time   bigint := (SELECT last_value FROM job_mark_time);
    v_from   bigint := (SELECT last_value FROM job_due);
    v_moved  boolean := v_pos > v_mark;
    v_front  bigint := 0;
    v_due    bigint;
    v_lane   job_lanes%ROWTYPE;
    v_head   bigint;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL
        OR current_setting('transaction_isolation') <> 'read committed'
    THEN
        RETURN;
    END IF;

    FOR v_lane IN
        SELECT * FROM job_lanes
    LOOP
        SELECT pos INTO v_head FROM jobs
            WHERE queue = v_lane.queue AND suspect = v_lane.suspect
                AND lane = v_lane.lane
                AND pos >= v_lane.head AND pos >= 0
            ORDER BY pos LIMIT 1;

        v_front := greatest(v_front, v_head);
        v_moved := v_moved OR v_lane.head > v_pos
                   OR least(v_head, v_mark) >= v_lane.head + 512;
    END LOOP;

    -- all that is left of a lane is beyond the arrivals, of groups that had
    -- more turns than others: who comes now is not before that

    IF v_front > v_pos THEN
        PERFORM setval('job_shift', v_front - v_count);
    END IF;

    IF NOT v_moved THEN
        RETURN;
    END IF;

    PERFORM pg_current_xact_id();

    IF EXISTS (
        WITH held AS MATERIALIZED (SELECT * FROM pg_locks)
        SELECT FROM held w JOIN held x USING (virtualtransaction)
            WHERE w.locktype = 'relation' AND w.relation = 'jobs'::regclass
                AND w.database = (SELECT oid FROM pg_database
                                      WHERE datname = current_database())
                AND w.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock',
                               'ExclusiveLock', 'AccessExclusiveLock')
                AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock'
                AND age(x.transactionid)
                    > age(((SELECT last_value FROM job_mark_xact)
                           % 4294967296)::text::xid))
    THEN
        RETURN;
    END IF;

    -- all that were added before the mark are visible, from now on

    FOR v_lane IN
        SELECT * FROM job_lanes
    LOOP
        SELECT pos INTO v_head FROM jobs
            WHERE queue = v_lane.queue AND suspect = v_lane.suspect
                AND lane = v_lane.lane
                AND pos >= v_lane.head AND pos >= 0
            ORDER BY pos LIMIT 1;

        v_head := least(v_mark, v_head);

        -- the sequences are of an older time than the table

        IF v_lane.head > v_pos THEN
            v_head := 0;
        END IF;

        -- an old snapshot keeps the versions of this row, too

        IF v_head >= v_lane.head + 512
            OR v_head = 0 AND v_lane.head > 0
        THEN
            UPDATE job_lanes SET head = v_head
                WHERE queue = v_lane.queue AND suspect = v_lane.suspect
                    AND lane = v_lane.lane;
        END IF;
    END LOOP;

    SELECT extract(epoch FROM run_at) * 1e6 INTO v_due FROM jobs
        WHERE pos = -1 AND run_at >= to_timestamp(v_from / 1e6)
        ORDER BY run_at LIMIT 1;

    PERFORM setval('job_due', CASE WHEN v_from > v_now THEN 0
                                   ELSE greatest(v_from, least(v_time, v_due)
                                                         - 1000) END),
            setval('job_mark_pos', v_pos),
            setval('job_mark_time', v_now),
            setval('job_mark_xact', pg_current_xact_id()::text::bigint);
END
$$;


-- What makes jobs ready: lost workers, the time, schedules; and lanes that are
-- new, of p_queue and of those that are known.  Returns whether there is
-- something.

CREATE FUNCTION social_jobs_upkeep(p_queue text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_count  integer := 0;
    v_queue  text;
BEGIN
    -- claims without a worker: it was taken for lost while it claimed

    INSERT INTO job_workers (name, lease_until)
        SELECT DISTINCT worker, now() + interval '1 minute'
            FROM job_claims c
            WHERE at < now() - interval '1 minute' AND NOT EXISTS (
                SELECT FROM job_workers WHERE name = c.worker)
        ON CONFLICT DO NOTHING;

    IF EXISTS (SELECT FROM job_workers WHERE lease_until < now()) THEN
        v_count := social_jobs_expire();
    END IF;

    v_count := v_count + social_jobs_recur() + social_jobs_promote(200);

    FOR v_queue IN
        SELECT queue FROM job_lanes UNION SELECT p_queue
    LOOP
        v_count := v_count + social_jobs_discover(v_queue);
    END LOOP;

    RETURN v_count > 0;
END
$$;


-- Ten times a second at most, by one of those that claim, first of all.

CREATE FUNCTION social_jobs_tick(p_queue text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_now   bigint := extract(epoch FROM clock_timestamp()) * 1000;
    v_last  bigint := (SELECT last_value FROM job_ticked);
BEGIN
    IF v_now >= v_last AND v_now < v_last + 100
        OR NOT pg_try_advisory_xact_lock(736003)
    THEN
        RETURN;
    END IF;

    PERFORM social_jobs_heads();
    PERFORM social_jobs_upkeep(p_queue);

    -- where nothing was written, nothing has to be

    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        PERFORM setval('job_ticked', v_now);
    END IF;
END
$$;


-- Up to p_n jobs of lanes, with their heads, the first of each first, but for
-- p_but, which this transaction has taken already.  With p_aged only what has
-- waited for five minutes, of the first hundred of each lane.

CREATE FUNCTION social_jobs_pick(p_queue text, p_suspect boolean,
    p_lanes integer[], p_heads bigint[], p_n integer, p_aged boolean,
    p_but bigint[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    v_ids  bigint[] := '{}';
BEGIN
    FOR i IN 1 .. coalesce(array_length(p_lanes, 1), 0) LOOP
        EXIT WHEN cardinality(v_ids) >= p_n;

        IF p_aged THEN
            v_ids := v_ids || ARRAY(
                SELECT id FROM jobs
                    WHERE id = ANY (ARRAY(
                            SELECT id FROM jobs
                                WHERE queue = p_queue AND suspect = p_suspect
                                    AND lane = p_lanes[i]
                                    AND pos >= p_heads[i] AND pos >= 0
                                ORDER BY pos, id LIMIT 100))
                        AND pos >= 0 AND id <> ALL (p_but)
                        AND run_at <= now() - interval '5 minutes'
                    ORDER BY pos, id LIMIT p_n - cardinality(v_ids)
                    FOR UPDATE SKIP LOCKED);
        ELSE
            v_ids := v_ids || ARRAY(
                SELECT id FROM jobs
                    WHERE queue = p_queue AND suspect = p_suspect
                        AND lane = p_lanes[i]
                        AND pos >= p_heads[i] AND pos >= 0
                        AND id <> ALL (p_but)
                    ORDER BY pos, id LIMIT p_n - cardinality(v_ids)
                    FOR UPDATE SKIP LOCKED);
        END IF;
    END LOOP;

    RETURN v_ids;
END
$$;


-- Takes up to p_n jobs, a thousand at most, of which p_suspects may be
-- suspects: those come after all others, unless they have waited for five
-- minutes, so that files that take a decoder's whole time limit neither delay
-- the others nor wait for ever. The attempt is counted now.
--
-- The lease is the worker's: it has it from its first claim, for p_lease, and
-- extends it with social_worker_beat().  A claim waits for no row of a job or
-- of an upload.

DROP FUNCTION social_jobs_claim(text, text, interval, integer, integer);
DROP FUNCTION social_jobs_take(text, text, interval, integer, boolean,
    timestamptz);

CREATE FUNCTION social_jobs_claim(p_queue text, p_worker text,
    p_lease interval, p_n integer, p_suspects integer DEFAULT NULL)
    RETURNS SETOF jobs
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_n         integer := least(greatest(p_n, 0), 1000);
    v_suspects  integer := least(greatest(coalesce(p_suspects, v_n), 0), v_n);
    v_ids       bigint[] := '{}';
    v_more      bigint[];
    v_claim     bigint;

    v_lanes       integer[];
    v_heads       bigint[];
    v_slow        integer[];
    v_slow_heads  bigint[];
BEGIN
    IF v_n = 0 THEN
        RETURN;
    END IF;

    PERFORM social_jobs_tick(p_queue);

    LOOP
        SELECT array_agg(lane ORDER BY lane) FILTER (WHERE NOT suspect),
               array_agg(head ORDER BY lane) FILTER (WHERE NOT suspect),
               array_agg(lane ORDER BY lane) FILTER (WHERE suspect),
               array_agg(head ORDER BY lane) FILTER (WHERE suspect)
            INTO v_lanes, v_heads, v_slow, v_slow_heads
            FROM job_lanes WHERE queue = p_queue;

        IF v_suspects > 0 AND v_slow IS NOT NULL THEN
            v_more := social_jobs_pick(p_queue, true, v_slow, v_slow_heads,
                least(v_n - cardinality(v_ids), v_suspects), true, v_ids);
            v_suspects := v_suspects - cardinality(v_more);
            v_ids := v_ids || v_more;
        END IF;

        v_ids := v_ids || social_jobs_pick(p_queue, false, v_lanes, v_heads,
            v_n - cardinality(v_ids), false, v_ids);

        IF v_suspects > 0 AND v_slow IS NOT NULL THEN
            v_more := social_jobs_pick(p_queue, true, v_slow, v_slow_heads,
                least(v_n - cardinality(v_ids), v_suspects), false, v_ids);
            v_suspects := v_suspects - cardinality(v_more);
            v_ids := v_ids || v_more;
        END IF;

        EXIT WHEN cardinality(v_ids) >= v_n
            OR NOT social_jobs_upkeep(p_queue);
    END LOOP;

    IF cardinality(v_ids) = 0 THEN
        RETURN;
    END IF;

    IF NOT EXISTS (SELECT FROM job_workers
                   WHERE name = p_worker
                       AND lease_until > now() + interval '1 second')
    THEN
        INSERT INTO job_workers AS w (name, lease_until)
            VALUES (p_worker, now() + p_lease)
            ON CONFLICT (name) DO UPDATE
                SET lease_until = greatest(w.lease_until, excluded.lease_until);
    END IF;

    INSERT INTO job_claims (worker, ids) VALUES (p_worker, v_ids)
        RETURNING id INTO v_claim;

    RETURN QUERY
        UPDATE jobs
            SET state = 'running', pos = NULL, attempt = attempt + 1,
                fence = fence + 1, worker = p_worker, claim = v_claim
            FROM unnest(v_ids) AS taken (id)
            WHERE jobs.id = taken.id
            RETURNING jobs.*;
END
$$;


-- A worker lives: its lease is extended.  Returns those of its jobs that are
-- not its own with that fence any more: they were taken from it, canceled, or
-- have ended.  It waits for no row of a job.

CREATE FUNCTION social_worker_beat(p_worker text, p_lease interval,
    p_ids bigint[], p_fences bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql
SET lock_timeout = '250ms' SET enable_seqscan = off SET jit = off AS $$
BEGIN
    INSERT INTO job_workers AS w (name, lease_until)
        VALUES (p_worker, now() + p_lease)
        ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until;

    -- what is left of claims that were not finished as a whole

    DELETE FROM job_claims
        WHERE id = ANY (ARRAY(
            SELECT c.id FROM job_claims c
                WHERE c.worker = p_worker AND c.at < now() - p_lease / 3
                    AND NOT EXISTS (
                        SELECT FROM jobs
                            WHERE jobs.id = ANY (c.ids)
                                AND jobs.worker = p_worker
                                AND jobs.state = 'running')
                ORDER BY c.id LIMIT 1000
                FOR UPDATE SKIP LOCKED));

    RETURN QUERY
        SELECT a.id FROM unnest(p_ids, p_fences) AS a (id, fence)
            WHERE NOT EXISTS (
                SELECT FROM jobs
                    WHERE jobs.id = a.id AND jobs.fence = a.fence
                        AND jobs.worker = p_worker
                        AND jobs.state = 'running');
END
$$;


-- What is running under the name of a worker.

CREATE FUNCTION social_worker_held(p_worker text)
    RETURNS TABLE (id bigint, fence bigint)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT j.id, j.fence
        FROM job_claims c JOIN jobs j ON j.id = ANY (c.ids)
        WHERE c.worker = p_worker AND j.worker = p_worker
            AND j.state = 'running'
$$;


-- A worker exits: what it holds is taken from it now.

CREATE FUNCTION social_worker_leave(p_worker text) RETURNS void
LANGUAGE plpgsql
SET lock_timeout = '1s' SET enable_seqscan = off SET jit = off AS $$
BEGIN
    UPDATE job_workers SET lease_until = '-infinity' WHERE name = p_worker;
    PERFORM social_jobs_expire();
END
$$;


-- One of those that have something of their own to do, by itself.

CREATE FUNCTION social_job_finish_one(p_id bigint, p_fence bigint,
    p_worker text, p_result jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_job    jobs%ROWTYPE;
    v_class  text;
    v_error  text;
BEGIN
    SELECT * INTO v_job FROM jobs
        WHERE id = p_id AND fence = p_fence AND worker = p_worker
            AND state = 'running'
        FOR NO KEY UPDATE;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    BEGIN
        PERFORM social_job_handle(v_job, 'done', p_result, NULL);

    EXCEPTION
        WHEN lock_not_available OR deadlock_detected OR serialization_failure
        THEN
            v_class := 'unavailable';
            v_error := 'the result was not recorded: ' || SQLERRM;

        WHEN OTHERS THEN
            v_class := 'permanent';
            v_error := 'the result was refused: ' || SQLERRM;
    END;

    IF v_class IS NOT NULL THEN
        RETURN social_job_fail(p_id, p_fence, p_worker, v_class, v_error,
            'Something went wrong on our side. Please try again later.', NULL);
    END IF;

    UPDATE jobs
        SET state = 'done', finished_at = now(), last_error = NULL
        WHERE id = p_id;

    PERFORM social_job_let_go(p_id, p_fence, v_job.dedupe_key, true);

    RETURN 'done';
END
$$;


-- The end of jobs of one worker, many at a time.
--
-- Returns those that were recorded, now or by an earlier call whose answer was
-- lost, and what they are: "done"; "dead" where what belongs to the job's end
-- could not be done with this payload or result; "scheduled" where a lock was
-- in the way, and the job is done once more.  Jobs that are not the worker's
-- with that fence are not among them, and are not changed.
--
-- The rows of a job's own are locked after the job's: nobody who has one of
-- those waits for a job.

CREATE FUNCTION social_jobs_finish(p_worker text, p_ids bigint[],
    p_fences bigint[], p_results jsonb[])
    RETURNS TABLE (id bigint, state text)
LANGUAGE plpgsql
SET lock_timeout = '1s' SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_row    record;
    v_count  integer;
BEGIN
    RETURN QUERY
        WITH ended AS MATERIALIZED (
            UPDATE jobs j
                SET state = 'done', finished_at = now(), last_error = NULL,
                    result = a.result
                FROM unnest(p_ids, p_fences, p_results) AS a (id, fence, result)
                WHERE j.id = a.id AND j.fence = a.fence AND j.worker = p_worker
                    AND j.state = 'running' AND j.handler IS NULL
                RETURNING j.id, j.fence, j.claim, j.dedupe_key),
        locks AS (
            DELETE FROM job_locks l USING ended e
                WHERE l.job = e.id AND l.fence = e.fence),
        keys AS (
            DELETE FROM job_keys k USING ended e
                WHERE k.key = e.dedupe_key AND k.id = e.id),
        claims AS (
            DELETE FROM job_claims c
                WHERE c.id = ANY (ARRAY(SELECT DISTINCT e.claim FROM ended e))
                    AND c.ids <@ ARRAY(SELECT e.id FROM ended e))
        SELECT e.id, 'done'::text FROM ended e;

    GET DIAGNOSTICS v_count = ROW_COUNT;

    IF v_count = cardinality(p_ids) THEN
        RETURN;
    END IF;

    -- those with something of their own to do, in an order by owners, so that
    -- two calls do not wait for each other

    FOR v_row IN
        SELECT j.id AS job, j.fence AS number, a.result AS got
            FROM unnest(p_ids, p_fences, p_results) AS a (id, fence, result)
            JOIN jobs j ON j.id = a.id AND j.fence = a.fence
            WHERE j.worker = p_worker AND j.state = 'running'
            ORDER BY j.group_key, j.id
    LOOP
        PERFORM social_job_finish_one(v_row.job, v_row.number, p_worker,
                                      v_row.got);
    END LOOP;

    RETURN QUERY
        SELECT j.id, j.state
            FROM unnest(p_ids, p_fences) AS a (id, fence)
            JOIN jobs j ON j.id = a.id AND j.fence = a.fence
            WHERE j.worker = p_worker
                AND (j.state IN ('dead', 'scheduled')
                     OR j.state = 'done'
                        AND (j.handler IS NOT NULL OR j.finished_at < now()));
END
$$;


-- How often a job may fail in a class: "transient" as often as max_attempts
-- says.

CREATE OR REPLACE FUNCTION social_job_tries(p_class text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_class
        WHEN 'timeout' THEN 2       -- the first of them with a part of the time
        WHEN 'died' THEN 3          -- the decoder
        WHEN 'missing' THEN 4       -- the object: deleted, or late
        WHEN 'transient' THEN 2147483647
        ELSE 1
    END
$$;


-- p_class is the class of the failure: "unavailable", "transient", "timeout",
-- "died" (the decoder), "missing", and anything else is permanent.  p_error is
-- for operators, p_reason for the user whose job it is.  Retries come after a
-- random part of a time that doubles with each failure of that class, from two
-- seconds to five minutes, and not before p_after, a day at most.
--
-- Returns the job's new state, "scheduled" or "dead", the same for the same
-- call again, and NULL when the job is not the caller's.

CREATE FUNCTION social_job_fail(p_id bigint, p_fence bigint,
    p_worker text, p_class text, p_error text, p_reason text,
    p_after interval) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_job    jobs%ROWTYPE;
    v_count  integer;
    v_dead   boolean;
    v_error  text := p_error;
BEGIN
    SELECT * INTO v_job FROM jobs
        WHERE id = p_id AND fence = p_fence AND worker = p_worker
        FOR NO KEY UPDATE;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    IF v_job.state <> 'running' THEN
        RETURN CASE WHEN v_job.state IN ('scheduled', 'dead')
                    THEN v_job.state END;
    END IF;

    v_count := coalesce(social_integer_of(v_job.failures ->> p_class), 0) + 1;

    v_dead := CASE WHEN p_class = 'unavailable'
                   THEN now() >= v_job.retry_until
                   ELSE v_count >= least(v_job.max_attempts,
                                         social_job_tries(p_class)) END;

    IF v_dead THEN
        v_error := concat_ws('; ', v_error, social_job_bury(v_job, p_reason));
    END IF;

    UPDATE jobs
        SET state = CASE WHEN v_dead THEN 'dead' ELSE 'scheduled' END,
            pos = CASE WHEN NOT v_dead THEN -1 END,
            failures = failures || jsonb_build_object(p_class, v_count),
            suspect = suspect OR p_class IN ('timeout', 'died'),
            run_at = social_job_clock() + greatest(
                CASE WHEN p_after IS NOT NULL
                     THEN least(p_after, interval '1 day') END,
                random() * least(interval '5 minutes',
                                 CASE WHEN p_class = 'missing'
                                      THEN interval '0.5 seconds'
                                      ELSE interval '2 seconds' END
                                 * 2.0 ^ least(v_count - 1, 20))),
            finished_at = CASE WHEN v_dead THEN now() END,
            died_at = CASE WHEN v_dead THEN now() END,
            last_error = v_error
        WHERE id = p_id;

    PERFORM social_job_let_go(p_id, p_fence, v_job.dedupe_key, v_dead);

    RETURN CASE WHEN v_dead THEN 'dead' ELSE 'scheduled' END;
END
$$;

ALTER FUNCTION social_job_fail(bigint, bigint, text, text, text, text, interval)
    SET lock_timeout = '1s';


-- A worker that exits releases the jobs that it has not started, or gave up:
-- the attempt is not counted, and they go before others of their priority.
-- Returns those that were released.

CREATE FUNCTION social_jobs_release(p_worker text, p_ids bigint[],
    p_fences bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    v_job  jobs%ROWTYPE;
BEGIN
    FOR v_job IN
        UPDATE jobs j
            SET state = 'ready', pos = social_job_pos(true), fresh = false,
                attempt = j.attempt - 1, fence = j.fence + 1, run_at = now()
            FROM unnest(p_ids, p_fences) AS a (id, fence)
            WHERE j.id = a.id AND j.fence = a.fence AND j.worker = p_worker
                AND j.state = 'running'
            RETURNING j.*
    LOOP
        PERFORM social_job_let_go(v_job.id, v_job.fence - 1, NULL, false);
        PERFORM pg_notify('social_jobs', v_job.queue);
        RETURN NEXT v_job.id;
    END LOOP;
END
$$;


-- Whether somebody has the lock.

CREATE FUNCTION social_job_lock_held(p_lock job_locks) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM jobs
               WHERE id = p_lock.job AND fence = p_lock.fence
                   AND state = 'running')
    THEN
        RETURN true;
    END IF;

    IF p_lock.until < clock_timestamp() OR p_lock.backend IS NULL THEN
        RETURN p_lock.until >= clock_timestamp();
    END IF;

    PERFORM pg_stat_clear_snapshot();

    RETURN EXISTS (SELECT FROM pg_stat_activity WHERE pid = p_lock.backend);
END
$$;


-- Takes a lock for a job, until it ends, fails or is released, or for thirty
-- seconds after it was taken from its worker, which may not know yet.
-- "locked"; "busy": another job has it, ask again; "lost": the job is not the
-- caller's.

CREATE FUNCTION social_job_lock(p_name text, p_id bigint, p_fence bigint,
    p_worker text) RETURNS text
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM jobs
            WHERE id = p_id AND fence = p_fence AND worker = p_worker
                AND state = 'running')
    THEN
        RETURN 'lost';
    END IF;

    -- who asks again and again locks nothing meanwhile

    IF EXISTS (
        SELECT FROM job_locks l
            WHERE l.name = p_name AND (l.job, l.fence) <> (p_id, p_fence)
                AND social_job_lock_held(l))
    THEN
        RETURN 'busy';
    END IF;

    INSERT INTO job_locks AS l (name, job, fence, worker, until)
        VALUES (p_name, p_id, p_fence, p_worker, now() + interval '30 seconds')
        ON CONFLICT (name) DO UPDATE
            SET job = excluded.job, fence = excluded.fence,
                worker = excluded.worker, until = excluded.until,
                backend = NULL
            WHERE (l.job, l.fence) = (excluded.job, excluded.fence)
                OR NOT social_job_lock_held(l);

    RETURN CASE WHEN FOUND THEN 'locked' ELSE 'busy' END;
END
$$;


-- For the alias of an avatar: "newest": the object of this job is the newest
-- one, and the alias is the job's, as social_job_lock() says; "older": another
-- is; "busy"; "lost".

CREATE FUNCTION social_avatar_lock(p_upload uuid, p_generation integer,
    p_worker text, p_job bigint, p_fence bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_user  uuid;
    v_lock  text;
BEGIN
    SELECT user_id INTO v_user FROM uploads WHERE id = p_upload;

    IF NOT FOUND THEN
        RETURN 'older';
    END IF;

    v_lock := social_job_lock('avatar:' || v_user, p_job, p_fence, p_worker);

    IF v_lock <> 'locked' THEN
        RETURN v_lock;
    END IF;

    RETURN CASE WHEN EXISTS (
            SELECT FROM uploads JOIN users ON users.id = uploads.user_id
                WHERE uploads.id = p_upload AND generation = p_generation
                    AND (avatar_at IS NULL OR avatar_at <= uploads.created_at))
        THEN 'newest' ELSE 'older' END;
END
$$;


-- The same lock for "social-worker clean", which has no job: for five minutes,
-- or until it is released, or its connection is gone.

CREATE OR REPLACE FUNCTION social_clean_lock(p_user uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        IF NOT EXISTS (
            SELECT FROM job_locks l
                WHERE l.name = 'avatar:' || p_user AND social_job_lock_held(l))
        THEN
            INSERT INTO job_locks AS l (name, job, fence, worker, until,
                                        backend)
                VALUES ('avatar:' || p_user, 0, 0, 'clean',
                        clock_timestamp() + interval '5 minutes',
                        pg_backend_pid())
                ON CONFLICT (name) DO UPDATE
                    SET job = 0, fence = 0, worker = 'clean',
                        until = excluded.until, backend = excluded.backend
                    WHERE NOT social_job_lock_held(l);

            IF FOUND THEN
                RETURN;
            END IF;
        END IF;

        PERFORM pg_sleep(0.1);
    END LOOP;

    RAISE EXCEPTION 'the picture of the user is locked'
        USING ERRCODE = 'lock_not_available';
END
$$;

CREATE OR REPLACE FUNCTION social_clean_unlock(p_user uuid) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM job_locks WHERE name = 'avatar:' || p_user AND job = 0
$$;


-- What an earlier worker calls.  It knows a job by its attempt, which no retry
-- sets back any more, and extends each by itself: that is its lease.

DROP FUNCTION social_job_extend(bigint, integer, text, interval);

CREATE FUNCTION social_job_extend(p_id bigint, p_attempt integer,
    p_worker text, p_lease interval) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_fence  bigint;
BEGIN
    SELECT fence INTO v_fence FROM jobs
        WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
            AND state = 'running';

    RETURN FOUND AND NOT EXISTS (
        SELECT FROM social_worker_beat(p_worker, p_lease, ARRAY[p_id],
                                       ARRAY[v_fence]));
END
$$;

CREATE OR REPLACE FUNCTION social_job_finish(p_id bigint, p_attempt integer,
    p_worker text, p_variants jsonb, p_placeholder text, p_avatar_key text)
    RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_fence  bigint;
BEGIN
    SELECT fence INTO v_fence FROM jobs
        WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
            AND state = 'running';

    RETURN FOUND AND EXISTS (
        SELECT FROM social_jobs_finish(p_worker, ARRAY[p_id], ARRAY[v_fence],
                ARRAY[jsonb_build_object('variants', p_variants,
                                         'placeholder', p_placeholder,
                                         'avatar', p_avatar_key)])
            WHERE state = 'done');
END
$$;

CREATE OR REPLACE FUNCTION social_job_fail(p_id bigint, p_attempt integer,
    p_worker text, p_class text, p_error text, p_reason text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_fence  bigint;
BEGIN
    SELECT fence INTO v_fence FROM jobs
        WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
            AND state = 'running';

    RETURN replace(social_job_fail(p_id, v_fence, p_worker, p_class, p_error,
                                   p_reason, NULL), 'scheduled', 'ready');
END
$$;

CREATE OR REPLACE FUNCTION social_job_release(p_id bigint, p_attempt integer,
    p_worker text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_fence  bigint;
BEGIN
    SELECT fence INTO v_fence FROM jobs
        WHERE id = p_id AND attempt = p_attempt AND worker = p_worker
            AND state = 'running';

    RETURN FOUND AND EXISTS (
        SELECT FROM social_jobs_release(p_worker, ARRAY[p_id],
                                        ARRAY[v_fence]));
END
$$;

CREATE OR REPLACE FUNCTION social_avatar_lock(p_upload uuid,
    p_generation integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_job   jobs%ROWTYPE;
    v_lock  text;
BEGIN
    SELECT jobs.* INTO v_job FROM job_keys k JOIN jobs USING (id)
        WHERE k.key = 'upload:' || p_upload || ':' || p_generation
            AND state = 'running';

    FOR i IN 1 .. 100 LOOP
        v_lock := social_avatar_lock(p_upload, p_generation, v_job.worker,
                                     v_job.id, v_job.fence);

        EXIT WHEN v_lock <> 'busy';
        PERFORM pg_sleep(0.1);
    END LOOP;

    IF v_lock = 'busy' THEN
        RAISE EXCEPTION 'the picture of the user is locked'
            USING ERRCODE = 'lock_not_available';
    END IF;

    RETURN v_lock = 'newest';
END
$$;


-- For operators: tries a dead job as if it were new, and a scheduled one now.
-- The attempts are counted on, and the fence is another one: what its earlier
-- workers say is refused.

CREATE OR REPLACE FUNCTION social_job_retry(p_id bigint) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    v_job  jobs%ROWTYPE;
BEGIN
    SELECT * INTO v_job FROM jobs
        WHERE id = p_id AND state IN ('dead', 'scheduled')
        FOR NO KEY UPDATE;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    IF v_job.state = 'dead' AND v_job.dedupe_key IS NOT NULL THEN
        INSERT INTO job_keys AS k (key, id) VALUES (v_job.dedupe_key, p_id)
            ON CONFLICT (key) DO UPDATE SET id = excluded.id
                WHERE NOT EXISTS (
                    SELECT FROM jobs
                        WHERE jobs.id = k.id
                            AND state IN ('ready', 'scheduled', 'running'));

        -- another job took its place

        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;

    BEGIN
        IF v_job.state = 'dead' THEN
            PERFORM social_job_handle(v_job, 'waiting', NULL, NULL);
        END IF;

    EXCEPTION
        WHEN lock_not_available OR deadlock_detected OR serialization_failure
        THEN
            RAISE;

        WHEN OTHERS THEN
            NULL;
    END;

    UPDATE jobs
        SET state = 'ready', pos = social_job_pos_of(queue, group_key),
            fresh = true, fence = fence + 1, run_at = now(),
            finished_at = NULL, died_at = NULL, failures = '{}',
            suspect = false, retry_until = now() + interval '24 hours'
        WHERE id = p_id;

    PERFORM social_jobs_wake(v_job.queue, v_job.priority, p_id);

    RETURN true;
END
$$;


-- For operators: a job that waits, or runs, is dead.  A worker that runs it
-- learns that from its next heartbeat, or at once, where it listens.

CREATE FUNCTION social_job_end(p_id bigint, p_states text[], p_error text,
    p_reason text) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    v_job    jobs%ROWTYPE;
    v_error  text;
BEGIN
    SELECT * INTO v_job FROM jobs
        WHERE id = p_id AND state = ANY (p_states)
        FOR NO KEY UPDATE;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    v_error := concat_ws('; ', p_error, social_job_bury(v_job, p_reason));

    UPDATE jobs
        SET state = 'dead', pos = NULL, fence = fence + 1,
            finished_at = coalesce(finished_at, now()),
            died_at = coalesce(died_at, now()), last_error = v_error
        WHERE id = p_id;

    IF v_job.dedupe_key IS NOT NULL THEN
        DELETE FROM job_keys WHERE key = v_job.dedupe_key AND id = p_id;
    END IF;

    IF v_job.state = 'running' THEN
        PERFORM pg_notify('social_jobs', 'cancel');
    END IF;

    RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION social_job_discard(p_id bigint) RETURNS boolean
LANGUAGE sql AS $$
    SELECT social_job_end(p_id, ARRAY['ready', 'scheduled', 'dead'],
        'discarded', 'We could not process this file. Please try another one.')
$$;

CREATE FUNCTION social_job_cancel(p_id bigint) RETURNS boolean
LANGUAGE sql AS $$
    SELECT social_job_end(p_id, ARRAY['ready', 'scheduled', 'running'],
        'canceled', 'This file is not processed any more.')
$$;


-- Dead jobs of a queue, of a kind, whose last error matches a regular
-- expression, that died since then, the latest first: NULL is any.  Up to
-- p_limit of them: called again while it returns that many.

CREATE FUNCTION social_jobs_dead(p_queue text, p_kind text, p_error text,
    p_since timestamptz, p_limit integer) RETURNS bigint[]
LANGUAGE sql STABLE AS $$
    SELECT ARRAY(
        SELECT id FROM jobs
            WHERE died_at IS NOT NULL
                AND died_at >= coalesce(p_since, '-infinity')
                AND (p_queue IS NULL OR queue = p_queue)
                AND (p_kind IS NULL OR kind = p_kind)
                AND (p_error IS NULL OR last_error ~ p_error)
            ORDER BY died_at DESC, id DESC
            LIMIT least(greatest(coalesce(p_limit, 1000), 0), 10000))
$$;

CREATE FUNCTION social_jobs_retry(p_queue text, p_kind text, p_error text,
    p_since timestamptz, p_limit integer) RETURNS bigint
LANGUAGE sql AS $$
    SELECT count(*)
        FROM unnest(social_jobs_dead(p_queue, p_kind, p_error, p_since,
                                     p_limit)) AS t (id)
        WHERE social_job_retry(id)
$$;


-- The same of those that were not discarded yet: they stay, and are dead.

CREATE FUNCTION social_jobs_discard(p_queue text, p_kind text, p_error text,
    p_since timestamptz, p_limit integer) RETURNS bigint
LANGUAGE sql AS $$
    SELECT count(*)
        FROM unnest(social_jobs_dead(p_queue, p_kind,
                        '^(?!discarded)' || coalesce('.*(' || p_error || ')',
                                                     ''),
                        p_since, p_limit)) AS t (id)
        WHERE social_job_discard(id)
$$;


-- Jobs that come again and again: the first time at p_start, then after each
-- p_every, in the wall-clock time of p_zone.  While an occurrence waits or runs
-- the next one is not added.

CREATE FUNCTION social_schedule_set(p_name text, p_kind text,
    p_every interval, p_payload jsonb DEFAULT '{}',
    p_queue text DEFAULT 'default', p_priority integer DEFAULT 100,
    p_start timestamptz DEFAULT now(), p_zone text DEFAULT 'UTC')
    RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(p_name, '') = '' OR length(p_name) > 64
        OR coalesce(p_kind, '') = '' OR length(p_kind) > 64
        OR coalesce(p_queue, '') = '' OR length(p_queue) > 64
        OR coalesce(p_every < interval '1 second', true)
        OR jsonb_typeof(p_payload) IS DISTINCT FROM 'object'
    THEN
        RAISE EXCEPTION 'a schedule needs a name, a kind and a queue of up to'
            ' 64 characters, a second or more, and an object as its payload'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    PERFORM now() AT TIME ZONE p_zone;

    INSERT INTO job_schedules AS s (name, queue, kind, payload, priority, every,
                                    zone, next_at)
        VALUES (p_name, p_queue, p_kind, p_payload, p_priority, p_every, p_zone,
                p_start)
        ON CONFLICT (name) DO UPDATE
            SET queue = excluded.queue, kind = excluded.kind,
                payload = excluded.payload, priority = excluded.priority,
                every = excluded.every, zone = excluded.zone,
                next_at = CASE WHEN (s.every, s.zone)
                                    = (excluded.every, excluded.zone)
                               THEN s.next_at ELSE excluded.next_at END;
END
$$;

CREATE FUNCTION social_schedule_drop(p_name text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM job_schedules WHERE name = p_name;
    RETURN FOUND;
END
$$;


-- What belongs to the end of an upload's job, unless another object has come
-- since.  The user is locked before the upload, as by all others.

CREATE FUNCTION social_upload_ended(p_payload jsonb, p_state text,
    p_result jsonb, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_id          uuid := social_uuid_of(p_payload ->> 'upload');
    v_generation  integer := social_integer_of(p_payload ->> 'generation');
    v_upload      uploads%ROWTYPE;
    v_avatar      text := p_result ->> 'avatar';
BEGIN
    IF p_state <> 'done' THEN
        PERFORM social_job_upload(p_payload,
            CASE p_state WHEN 'dead' THEN 'failed' ELSE 'stored' END,
            CASE p_state WHEN 'dead' THEN p_reason END);
        RETURN;
    END IF;

    IF jsonb_typeof(p_result -> 'variants') IS DISTINCT FROM 'object'
        OR jsonb_path_exists(p_result, '$.variants.* ? (@.type() != "object")')
    THEN
        RAISE EXCEPTION 'the result has no usable "variants"'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    IF v_avatar IS NOT NULL THEN
        PERFORM FROM users
            WHERE id = (SELECT user_id FROM uploads WHERE id = v_id)
            FOR NO KEY UPDATE;
    END IF;

    UPDATE uploads
        SET state = 'ready', reason = NULL, variants = p_result -> 'variants',
            placeholder = p_result ->> 'placeholder'
        WHERE id = v_id AND generation = v_generation
        RETURNING * INTO v_upload;

    -- not over the picture of a later upload that was quicker

    IF v_upload.kind = 'avatar' AND v_avatar IS NOT NULL THEN
        UPDATE users
            SET avatar_key = v_avatar,
                avatar_placeholder = p_result ->> 'placeholder',
                avatar_at = v_upload.created_at
            WHERE id = v_upload.user_id
                AND (avatar_at IS NULL OR avatar_at <= v_upload.created_at);
    END IF;
END
$$;


-- An upload that is "processing" has a job that runs.

CREATE OR REPLACE FUNCTION social_upload_get(p_id uuid, p_issuer text,
    p_sub text, p_assets text DEFAULT '') RETURNS json
LANGUAGE sql STABLE SET lock_timeout = '250ms' AS $$
    SELECT json_strip_nulls(json_build_object(
        'id', u.id,
        'kind', u.kind,
        'state', CASE WHEN u.state = 'stored' AND EXISTS (
                          SELECT FROM job_keys k JOIN jobs j ON j.id = k.id
                              WHERE k.key = 'upload:' || u.id || ':'
                                            || u.generation
                                  AND j.state = 'running')
                      THEN 'processing' ELSE u.state END,
        'reason', u.reason,
        'variants', (
            SELECT json_object_agg(v.key, (v.value - 'key')
                       || jsonb_build_object('url', coalesce(p_assets, '')
                                             || '/' || (v.value ->> 'key')))
            FROM jsonb_each(CASE jsonb_typeof(u.variants)
                            WHEN 'object' THEN u.variants END) v
            WHERE jsonb_typeof(v.value) = 'object'),
        'placeholder', u.placeholder))
    FROM uploads u JOIN users ON users.id = u.user_id
    WHERE u.id = p_id AND users.issuer = p_issuer AND users.sub = p_sub
$$;


-- As before, but that announcements of objects that belong to no upload, as
-- those of the variants that workers put, leave no row; and no job is waited
-- for while the upload is locked.

CREATE OR REPLACE FUNCTION social_object_created(p_source text,
    p_event_id text, p_bucket text, p_key text, p_size bigint, p_etag text)
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

    IF v_upload.etag = v_etag AND v_upload.state <> 'failed' THEN
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
            generation = generation + 1
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


-- Heads that a job is before, which should not be: the rows, or the sequences,
-- were changed by hand.  It looks at all that an old snapshot keeps, so it is
-- for once in minutes.

CREATE FUNCTION social_jobs_mend() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_lane   job_lanes%ROWTYPE;
    v_pos    bigint;
    v_due    timestamptz;
    v_count  bigint := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(736003) THEN
        RETURN 0;
    END IF;

    FOR v_lane IN
        SELECT * FROM job_lanes
    LOOP
        SELECT pos INTO v_pos FROM jobs
            WHERE queue = v_lane.queue AND suspect = v_lane.suspect
                AND lane = v_lane.lane
                AND pos >= 0 AND pos < v_lane.head
            ORDER BY pos LIMIT 1;

        IF FOUND THEN
            v_count := v_count + 1;

            UPDATE job_lanes SET head = v_pos
                WHERE queue = v_lane.queue AND suspect = v_lane.suspect
                    AND lane = v_lane.lane;
        END IF;
    END LOOP;

    SELECT run_at INTO v_due FROM jobs
        WHERE pos = -1
            AND run_at < to_timestamp((SELECT last_value FROM job_due) / 1e6)
        ORDER BY run_at LIMIT 1;

    IF FOUND THEN
        v_count := v_count + 1;
        PERFORM setval('job_due', greatest(0,
            (extract(epoch FROM v_due) * 1e6)::bigint - 1000));
    END IF;

    RETURN v_count;
END
$$;


-- Deletes what is long over, a batch of each kind at a time: jobs, events,
-- revocations, and uploads whose object never came. Returns how many rows:
-- called again, other statements in between, until that is 0.  It waits for no
-- lock, and holds none for longer than a batch takes.
--
-- Jobs are looked at in the order in which they were added, so that no index
-- changes when one ends. Those that came later than what may be deleted end
-- the round.

DROP FUNCTION social_prune(interval, interval, interval, integer);

CREATE FUNCTION social_prune(p_done interval DEFAULT '1 day',
    p_dead interval DEFAULT '30 days', p_events interval DEFAULT '30 days',
    p_batch integer DEFAULT 1000, p_uploads interval DEFAULT '30 days')
    RETURNS bigint
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
    v_total  bigint := 0;
    v_count  bigint;
    v_after  bigint;
    v_last   bigint;
    v_ids    bigint[];
    v_young  boolean;
BEGIN
    SELECT after INTO v_after FROM job_pruning FOR UPDATE SKIP LOCKED;

    IF FOUND THEN
        IF v_after = 0 THEN
            PERFORM social_jobs_mend();
        END IF;

        FOR i IN 1 .. 100 LOOP
            SELECT max(id),
                   array_agg(id) FILTER (WHERE
                       state = 'done' AND finished_at < now() - p_done
                       OR state = 'dead' AND finished_at < now() - p_dead),
                   count(*) < p_batch
                   OR max(created_at) >= now() - least(p_done, p_dead)
                INTO v_last, v_ids, v_young
                FROM (SELECT id, state, finished_at, created_at FROM jobs
                          WHERE id > v_after ORDER BY id LIMIT p_batch) t;

            v_after := CASE WHEN v_young THEN 0 ELSE v_last END;

            WITH gone AS (
                DELETE FROM jobs
                    WHERE id = ANY (ARRAY(
                        SELECT id FROM jobs
                            WHERE id = ANY (v_ids) AND state IN ('done', 'dead')
                            FOR UPDATE SKIP LOCKED))
                    RETURNING id, dedupe_key),
            keys AS (
                DELETE FROM job_keys k USING gone
                    WHERE k.key = gone.dedupe_key AND k.id = gone.id)
            SELECT count(*) INTO v_count FROM gone;

            v_total := v_total + v_count;

            EXIT WHEN v_young OR v_count > 0;
        END LOOP;

        UPDATE job_pruning SET after = v_after WHERE after <> v_after;
    END IF;

    DELETE FROM events WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM events WHERE received_at < now() - p_events
            ORDER BY received_at LIMIT p_batch
            FOR UPDATE SKIP LOCKED));

    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_total := v_total + v_count;

    DELETE FROM revocations WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM revocations WHERE until < now()
            LIMIT p_batch FOR UPDATE SKIP LOCKED));

    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_total := v_total + v_count;

    DELETE FROM uploads WHERE id = ANY (ARRAY(
        SELECT id FROM uploads
            WHERE state = 'pending' AND expires_at < now() - p_uploads
            ORDER BY expires_at LIMIT p_batch
            FOR UPDATE SKIP LOCKED));

    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_total := v_total + v_count;

    DELETE FROM job_locks WHERE name = ANY (ARRAY(
        SELECT name FROM job_locks
            WHERE until < now() - interval '1 hour' AND NOT EXISTS (
                SELECT FROM jobs
                    WHERE jobs.id = job AND jobs.fence = job_locks.fence
                        AND state = 'running')
            LIMIT p_batch FOR UPDATE SKIP LOCKED));

    RETURN v_total;
END
$$;

CREATE INDEX uploads_pending ON uploads (expires_at) WHERE state = 'pending';


-- For people.  Payloads, which may be private, are only in the table.

CREATE VIEW social_jobs AS
    SELECT j.id, j.queue, j.kind, j.state, j.priority, j.group_key, j.attempt,
           j.max_attempts, j.suspect, j.failures, j.created_at, j.run_at,
           j.finished_at, j.worker, w.lease_until, j.last_error
        FROM jobs j
        LEFT JOIN job_workers w ON j.state = 'running' AND w.name = j.worker;

CREATE VIEW social_queue_stats AS
    SELECT queue, 'ready' AS state, count(*) AS jobs,
           count(*) FILTER (WHERE suspect) AS suspects,
           extract(epoch FROM now() - min(run_at))::bigint AS oldest_seconds
        FROM jobs WHERE pos >= 0 GROUP BY queue
    UNION ALL
    SELECT queue, 'scheduled', count(*), count(*) FILTER (WHERE suspect),
           extract(epoch FROM now() - min(run_at))::bigint
        FROM jobs WHERE pos = -1 GROUP BY queue
    UNION ALL
    SELECT j.queue, 'running', count(*), count(*) FILTER (WHERE j.suspect),
           extract(epoch FROM now() - min(c.at))::bigint
        FROM job_claims c
        JOIN jobs j ON j.id = ANY (c.ids) AND j.claim = c.id
        WHERE j.state = 'running' GROUP BY j.queue
    UNION ALL
    SELECT queue, 'dead', count(*), count(*) FILTER (WHERE suspect),
           extract(epoch FROM now() - min(died_at))::bigint
        FROM jobs WHERE died_at IS NOT NULL GROUP BY queue;

CREATE VIEW social_workers AS
    SELECT w.name, w.started_at, w.lease_until, w.lease_until > now() AS alive,
           (SELECT count(*) FROM job_claims c
                JOIN jobs j ON j.id = ANY (c.ids) AND j.claim = c.id
                WHERE c.worker = w.name AND j.state = 'running') AS jobs
        FROM job_workers w;


-- Rights: functions as before, and what is read as rows by a table, too.

INSERT INTO social_callers (role, function) VALUES
    ('social_worker', 'social\_worker\_beat'),
    ('social_worker', 'social\_worker\_held'),
    ('social_worker', 'social\_worker\_leave'),
    ('social_worker', 'social\_jobs\_finish'),
    ('social_worker', 'social\_jobs\_release'),
    ('social_worker', 'social\_jobs\_retry'),
    ('social_worker', 'social\_jobs\_discard'),
    ('social_worker', 'social\_job\_cancel'),
    ('social_worker', 'social\_job\_lock'),
    ('social_worker', 'social\_job\_add'),
    ('social_worker', 'social\_schedule\_%'),
    ('social_backend', 'social\_job\_add');


CREATE TABLE social_readers (
    role      text NOT NULL,
    relation  text NOT NULL,

    PRIMARY KEY (role, relation)
);

INSERT INTO social_readers (role, relation) VALUES
    ('social_worker', 'social_jobs'),
    ('social_worker', 'social_queue_stats'),
    ('social_worker', 'social_workers'),
    ('social_worker', 'schema_migrations'),
    ('social_gateway', 'schema_migrations');

CREATE OR REPLACE FUNCTION social_grants() RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_roles  CONSTANT text := 'social_gateway, social_worker, social_backend';
    v        record;
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT USAGE, CREATE ON SCHEMA public TO social_owner;

        FOR v IN
            SELECT c.oid::regclass AS name FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace
                    AND c.relkind IN ('r', 'p', 'v')
                    AND c.relowner <> 'social_owner'::regrole
                    AND NOT EXISTS (SELECT FROM pg_depend d
                                    WHERE d.objid = c.oid
                                        AND d.deptype = 'e')
        LOOP
            EXECUTE format('ALTER TABLE %s OWNER TO social_owner', v.name);
        END LOOP;

        FOR v IN
            SELECT p.oid::regprocedure AS name FROM pg_proc p
                WHERE p.pronamespace = 'public'::regnamespace
                    AND p.proname LIKE 'social\_%'
                    AND p.proowner <> 'social_owner'::regrole
        LOOP
            EXECUTE format('ALTER FUNCTION %s OWNER TO social_owner', v.name);
        END LOOP;
    END IF;

    -- tables: nothing, but for what is read row by row

    FOR v IN
        SELECT c.oid::regclass AS name FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace
                AND c.relkind IN ('r', 'p', 'v')
                AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC, %s', v.name,
                       v_roles);
    END LOOP;

    GRANT SELECT ON revocations TO social_gateway;
    GRANT SELECT ON jobs TO social_worker;
    GRANT SELECT ON users, activities TO social_backend;
    GRANT UPDATE (handle, display_name, bio) ON users TO social_backend;
    GRANT INSERT ON activities TO social_backend;

    FOR v IN
        SELECT c.oid::regclass AS name, r.role
            FROM social_readers r
            JOIN pg_class c ON c.relname = r.relation
                AND c.relnamespace = 'public'::regnamespace
            WHERE pg_has_role(c.relowner, 'USAGE')
    LOOP
        EXECUTE format('GRANT SELECT ON TABLE %s TO %s', v.name, v.role);
    END LOOP;

    -- functions: those that are named in social_callers

    FOR v IN
        SELECT p.oid::regprocedure AS name,
               string_agg(DISTINCT c.role, ', ') AS callers
            FROM pg_proc p
            LEFT JOIN social_callers c ON p.proname LIKE c.function
            WHERE p.pronamespace = 'public'::regnamespace
                AND p.proname LIKE 'social\_%'
                AND pg_has_role(p.proowner, 'USAGE')
            GROUP BY p.oid
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, %s', v.name,
                       v_roles);

        IF v.callers IS NOT NULL THEN
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER'
                           ' SET search_path = public, pg_temp', v.name);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', v.name,
                           v.callers);
        END IF;
    END LOOP;
END
$$;
