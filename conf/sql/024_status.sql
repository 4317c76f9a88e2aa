-- What the status of a gateway says of jobs, and traces.


-- What workers have counted since each of them started: the totals of those
-- that have not been heard of for a day are in the row ''.

CREATE TABLE job_worker_counts (
    worker  text PRIMARY KEY,
    counts  jsonb NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);


-- Sets what a worker has counted so far: numbers by name.

CREATE FUNCTION social_worker_counts(p_worker text, p_counts jsonb)
    RETURNS void
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_gone  jsonb;
BEGIN
    INSERT INTO job_worker_counts AS w (worker, counts)
        VALUES (p_worker, p_counts)
        ON CONFLICT (worker) DO UPDATE
            SET counts = excluded.counts, at = now();

    IF NOT EXISTS (SELECT FROM job_worker_counts
                   WHERE worker <> '' AND at < now() - interval '1 day')
        OR NOT pg_try_advisory_xact_lock(736024)
    THEN
        RETURN;
    END IF;

    WITH gone AS (
        DELETE FROM job_worker_counts
            WHERE worker <> '' AND at < now() - interval '1 day'
            RETURNING counts
    ), summed AS (
        SELECT c.key, sum(c.value::bigint) AS value
            FROM (SELECT counts FROM gone
                  UNION ALL
                  SELECT counts FROM job_worker_counts WHERE worker = '') t,
                 jsonb_each_text(t.counts) c
            GROUP BY c.key
    )
    SELECT jsonb_object_agg(key, value) INTO v_gone FROM summed;

    INSERT INTO job_worker_counts AS w (worker, counts)
        VALUES ('', coalesce(v_gone, '{}'))
        ON CONFLICT (worker) DO UPDATE
            SET counts = excluded.counts, at = now();
END
$$;


-- Jobs by state, of which at most 100000 are counted; for how many milliseconds
-- the oldest of those that are next has waited, of each lane the first, whether
-- or not a worker knows its queue; the workers that have a lease; and what
-- workers have counted.

CREATE FUNCTION social_jobs_status() RETURNS TABLE (name text, value bigint)
LANGUAGE sql STABLE SET lock_timeout = '250ms' SET enable_seqscan = off
SET jit = off AS $$
    WITH RECURSIVE firsts AS (
        (SELECT queue, suspect, lane, run_at FROM jobs WHERE pos >= 0
             ORDER BY queue, suspect, lane, pos, id LIMIT 1)
        UNION ALL
        SELECT n.* FROM firsts f, LATERAL (
            SELECT queue, suspect, lane, run_at FROM jobs
                WHERE pos >= 0 AND (queue, suspect, lane)
                                   > (f.queue, f.suspect, f.lane)
                ORDER BY queue, suspect, lane, pos, id LIMIT 1) n
    )
    SELECT 'ready', count(*)
        FROM (SELECT FROM jobs WHERE pos >= 0 LIMIT 100000) t
    UNION ALL
    SELECT 'scheduled', count(*)
        FROM (SELECT FROM jobs WHERE pos = -1 LIMIT 100000) t
    UNION ALL
    SELECT 'running', count(*)
        FROM (SELECT FROM job_claims c JOIN jobs j ON j.id = ANY (c.ids)
                  WHERE j.state = 'running' LIMIT 100000) t
    UNION ALL
    SELECT 'dead', count(*)
        FROM (SELECT FROM jobs WHERE died_at IS NOT NULL LIMIT 100000) t
    UNION ALL
    SELECT 'oldest', coalesce(greatest(extract(epoch FROM now() - min(run_at)),
                                       0) * 1000, 0)::bigint
        FROM (SELECT run_at FROM firsts LIMIT 1000) t
    UNION ALL
    SELECT 'workers', count(*) FROM job_workers WHERE lease_until > now()
    UNION ALL
    SELECT c.key, sum(c.value::bigint)::bigint
        FROM job_worker_counts w, jsonb_each_text(w.counts) c
        GROUP BY c.key
$$;


-- The trace that an upload was asked for in: a traceparent (W3C Trace Context,
-- 3.2).

ALTER TABLE uploads ADD COLUMN trace text;


CREATE FUNCTION social_upload_create(p_id uuid, p_issuer text,
    p_sub text, p_username text, p_kind text, p_bucket text, p_key text,
    p_content_type text, p_bytes bigint, p_sha256 text, p_expires interval,
    p_trace text) RETURNS uuid
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_id  uuid;
BEGIN
    v_id := social_upload_create(p_id, p_issuer, p_sub, p_username, p_kind,
        p_bucket, p_key, p_content_type, p_bytes, p_sha256, p_expires);

    IF p_trace IS NOT NULL THEN
        UPDATE uploads SET trace = p_trace
            WHERE id = v_id AND trace IS DISTINCT FROM p_trace;
    END IF;

    RETURN v_id;
END
$$;


-- The same for many, which are those of social_uploads_create(): each by its
-- id, since a join would read the whole table.

CREATE FUNCTION social_uploads_create(p_id uuid[], p_issuer text[],
    p_sub text[], p_username text[], p_kind text[], p_bucket text[],
    p_key text[], p_content_type text[], p_bytes bigint[], p_sha256 text[],
    p_expires interval[], p_trace text[])
    RETURNS TABLE (outcome text, id uuid)
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT * FROM social_uploads_create(p_id, p_issuer, p_sub,
        p_username, p_kind, p_bucket, p_key, p_content_type, p_bytes, p_sha256,
        p_expires);

    FOR i IN 1 .. cardinality(p_id) LOOP
        IF p_trace[i] IS NOT NULL THEN
            UPDATE uploads SET trace = p_trace[i]
                WHERE uploads.id = p_id[i]
                    AND uploads.trace IS DISTINCT FROM p_trace[i];
        END IF;
    END LOOP;
END
$$;


-- A job for an upload has its trace in the payload, for the worker's log and
-- for endpoints.

CREATE FUNCTION social_job_trace() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_trace  text;
BEGIN
    SELECT trace INTO v_trace FROM uploads
        WHERE id = (NEW.payload ->> 'upload')::uuid;

    IF v_trace IS NOT NULL THEN
        NEW.payload := NEW.payload || jsonb_build_object('traceparent',
                                                         v_trace);
    END IF;

    RETURN NEW;
END
$$;

CREATE TRIGGER jobs_trace BEFORE INSERT ON jobs
    FOR EACH ROW WHEN (NEW.handler = 'upload')
    EXECUTE FUNCTION social_job_trace();


INSERT INTO social_callers (role, function) VALUES
    ('social_gateway', 'social\_jobs\_status'),
    ('social_worker', 'social\_worker\_counts');
