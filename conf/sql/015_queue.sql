-- Claims and results cost less.
--
-- A claim counts how many of its jobs have not ended: its row goes with the
-- last of them, whatever the order and the number of calls in which they end,
-- and is not left to a heartbeat.

ALTER TABLE job_claims ADD COLUMN left_over integer,
    SET (fillfactor = 50);

UPDATE job_claims c
    SET left_over = (SELECT count(*) FROM jobs
                         WHERE jobs.id = ANY (c.ids) AND jobs.claim = c.id
                             AND jobs.state = 'running');


-- Up to p_n jobs of lanes, with their heads, the first of each first, but for
-- p_but, which this transaction has taken already: their ids, and where their
-- rows are, as long as this transaction has them locked.  With p_aged only what
-- has waited for five minutes, of the first hundred of each lane.

DROP FUNCTION social_jobs_pick(text, boolean, integer[], bigint[], integer,
    boolean, bigint[]);

CREATE FUNCTION social_jobs_pick(p_queue text, p_suspect boolean,
    p_lanes integer[], p_heads bigint[], p_n integer, p_aged boolean,
    p_but bigint[], OUT ids bigint[], OUT places tid[])
LANGUAGE plpgsql AS $$
DECLARE
    v_ids     bigint[];
    v_places  tid[];
BEGIN
    ids := '{}';
    places := '{}';

    FOR i IN 1 .. coalesce(array_length(p_lanes, 1), 0) LOOP
        EXIT WHEN cardinality(ids) >= p_n;

        IF p_aged THEN
            SELECT array_agg(t.id), array_agg(t.place) INTO v_ids, v_places
                FROM (SELECT id, ctid AS place FROM jobs
                          WHERE id = ANY (ARRAY(
                                  SELECT id FROM jobs
                                      WHERE queue = p_queue
                                          AND suspect = p_suspect
                                          AND lane = p_lanes[i]
                                          AND pos >= p_heads[i] AND pos >= 0
                                      ORDER BY pos, id LIMIT 100))
                              AND pos >= 0 AND id <> ALL (p_but)
                              AND run_at <= now() - interval '5 minutes'
                          ORDER BY pos, id LIMIT p_n - cardinality(ids)
                          FOR UPDATE SKIP LOCKED) t;
        ELSE
            SELECT array_agg(t.id), array_agg(t.place) INTO v_ids, v_places
                FROM (SELECT id, ctid AS place FROM jobs
                          WHERE queue = p_queue AND suspect = p_suspect
                              AND lane = p_lanes[i]
                              AND pos >= p_heads[i] AND pos >= 0
                              AND id <> ALL (p_but)
                          ORDER BY pos, id LIMIT p_n - cardinality(ids)
                          FOR UPDATE SKIP LOCKED) t;
        END IF;

        ids := ids || v_ids;
        places := places || v_places;
    END LOOP;
END
$$;


-- As before, but that rows are found by where they are.

CREATE OR REPLACE FUNCTION social_jobs_claim(p_queue text, p_worker text,
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
    v_places    tid[] := '{}';
    v_more      bigint[];
    v_where     tid[];
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

        -- suspects that have waited, then all others, then suspects

        FOR i IN 1 .. 3 LOOP
            IF i = 2 THEN
                SELECT ids, places INTO v_more, v_where
                    FROM social_jobs_pick(p_queue, false, v_lanes, v_heads,
                        v_n - cardinality(v_ids), false, v_ids);

            ELSIF v_suspects > 0 AND v_slow IS NOT NULL THEN
                SELECT ids, places INTO v_more, v_where
                    FROM social_jobs_pick(p_queue, true, v_slow, v_slow_heads,
                        least(v_n - cardinality(v_ids), v_suspects), i = 1,
                        v_ids);

                v_suspects := v_suspects - cardinality(v_more);

            ELSE
                CONTINUE;
            END IF;

            v_ids := v_ids || v_more;
            v_places := v_places || v_where;
        END LOOP;

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

    INSERT INTO job_claims (worker, ids, left_over)
        VALUES (p_worker, v_ids, cardinality(v_ids))
        RETURNING id INTO v_claim;

    RETURN QUERY
        UPDATE jobs
            SET state = 'running', pos = NULL, attempt = attempt + 1,
                fence = fence + 1, worker = p_worker, claim = v_claim
            FROM unnest(v_places) AS taken (place)
            WHERE jobs.ctid = taken.place
            RETURNING jobs.*;
END
$$;


-- Jobs of claims have ended, one for each of the array.

CREATE FUNCTION social_claims_end(p_claims bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_ids     bigint[];
    v_counts  bigint[];
    v_over    integer;
BEGIN
    -- in an order, so that two calls do not wait for each other

    SELECT array_agg(claim ORDER BY claim), array_agg(n ORDER BY claim)
        INTO v_ids, v_counts
        FROM (SELECT claim, count(*) AS n FROM unnest(p_claims) t (claim)
                  GROUP BY claim) t;

    DELETE FROM job_claims c
        USING unnest(v_ids, v_counts) AS e (claim, n)
        WHERE c.id = e.claim AND c.left_over <= e.n;

    GET DIAGNOSTICS v_over = ROW_COUNT;

    IF v_over < cardinality(v_ids) THEN
        UPDATE job_claims c SET left_over = c.left_over - e.n
            FROM unnest(v_ids, v_counts) AS e (claim, n)
            WHERE c.id = e.claim;
    END IF;
END
$$;


-- A job that does not belong to its worker any more: its key where it is over,
-- its locks, and its part of the claim.

CREATE OR REPLACE FUNCTION social_job_let_go(p_id bigint, p_fence bigint,
    p_key text, p_over boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM job_locks WHERE job = p_id AND fence = p_fence;

    IF p_over AND p_key IS NOT NULL THEN
        DELETE FROM job_keys WHERE key = p_key AND id = p_id;
    END IF;

    PERFORM social_claims_end(ARRAY[claim]) FROM jobs
        WHERE id = p_id AND claim IS NOT NULL;
END
$$;


-- As before: see 011_queue.sql.

CREATE OR REPLACE FUNCTION social_jobs_finish(p_worker text, p_ids bigint[],
    p_fences bigint[], p_results jsonb[])
    RETURNS TABLE (id bigint, state text)
LANGUAGE plpgsql
SET lock_timeout = '1s' SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_row     record;
    v_ids     bigint[];
    v_claims  bigint[];
    v_keys    text[];
BEGIN
    WITH ended AS (
        UPDATE jobs j
            SET state = 'done', finished_at = now(), last_error = NULL,
                result = a.result
            FROM unnest(p_ids, p_fences, p_results) AS a (id, fence, result)
            WHERE j.id = a.id AND j.fence = a.fence AND j.worker = p_worker
                AND j.state = 'running' AND j.handler IS NULL
            RETURNING j.id, j.claim, j.dedupe_key)
    SELECT array_agg(e.id), array_agg(e.claim),
           array_agg(e.dedupe_key) FILTER (WHERE e.dedupe_key IS NOT NULL)
        INTO v_ids, v_claims, v_keys
        FROM ended e;

    IF v_ids IS NOT NULL THEN
        DELETE FROM job_locks l
            WHERE l.job = ANY (v_ids) AND EXISTS (
                SELECT FROM jobs j
                    WHERE j.id = l.job AND j.fence = l.fence);

        IF v_keys IS NOT NULL THEN
            DELETE FROM job_keys k
                WHERE k.key = ANY (v_keys) AND k.id = ANY (v_ids);
        END IF;

        PERFORM social_claims_end(v_claims);

        RETURN QUERY SELECT t.id, 'done'::text FROM unnest(v_ids) AS t (id);

        IF cardinality(v_ids) = cardinality(p_ids) THEN
            RETURN;
        END IF;
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


-- Claims that are over stay in the index as long as an old snapshot may see
-- them.  claims_from: those of a worker before that are over.  A claim may be
-- committed some time after it got its number: so what is seen is noted, and
-- believed a minute later.

ALTER TABLE job_workers
    ADD COLUMN claims_from bigint NOT NULL DEFAULT 0,
    ADD COLUMN claims_seen bigint NOT NULL DEFAULT 0,
    ADD COLUMN claims_seen_at timestamptz NOT NULL DEFAULT '-infinity';


CREATE FUNCTION social_worker_claims_from(p_worker text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT claims_from FROM job_workers
                         WHERE name = p_worker), 0)
$$;


-- As before, but for where it begins to look.

CREATE OR REPLACE FUNCTION social_worker_beat(p_worker text, p_lease interval,
    p_ids bigint[], p_fences bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql
SET lock_timeout = '250ms' SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
DECLARE
    v_worker  job_workers%ROWTYPE;
    v_last    bigint := (SELECT last_value FROM job_claims_id_seq);
BEGIN
    INSERT INTO job_workers AS w (name, lease_until)
        VALUES (p_worker, now() + p_lease)
        ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until
        RETURNING * INTO v_worker;

    -- what is left of claims that were not finished as a whole

    DELETE FROM job_claims
        WHERE id = ANY (ARRAY(
            SELECT c.id FROM job_claims c
                WHERE c.worker = p_worker AND c.id >= v_worker.claims_from
                    AND c.at < now() - p_lease / 3
                    AND NOT EXISTS (
                        SELECT FROM jobs
                            WHERE jobs.id = ANY (c.ids)
                                AND jobs.worker = p_worker
                                AND jobs.state = 'running')
                ORDER BY c.id LIMIT 1000
                FOR UPDATE SKIP LOCKED));

    IF v_worker.claims_seen_at < now() - interval '1 minute' THEN
        UPDATE job_workers
            SET claims_from = least(v_worker.claims_seen, (
                    SELECT id FROM job_claims
                        WHERE worker = p_worker
                            AND id >= v_worker.claims_from
                        ORDER BY id LIMIT 1)),
                claims_seen = v_last, claims_seen_at = now()
            WHERE name = p_worker;
    END IF;

    RETURN QUERY
        SELECT a.id FROM unnest(p_ids, p_fences) AS a (id, fence)
            WHERE NOT EXISTS (
                SELECT FROM jobs
                    WHERE jobs.id = a.id AND jobs.fence = a.fence
                        AND jobs.worker = p_worker
                        AND jobs.state = 'running');
END
$$;


CREATE OR REPLACE FUNCTION social_worker_held(p_worker text)
    RETURNS TABLE (id bigint, fence bigint)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT j.id, j.fence
        FROM job_claims c JOIN jobs j ON j.id = ANY (c.ids)
        WHERE c.worker = p_worker AND j.worker = p_worker
            AND c.id >= social_worker_claims_from(p_worker)
            AND j.state = 'running'
$$;


CREATE OR REPLACE FUNCTION social_jobs_expire() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_worker  text;
    v_from    bigint;
    v_claim   job_claims%ROWTYPE;
    v_job     jobs%ROWTYPE;
    v_count   integer := 0;
BEGIN
    FOR v_worker, v_from IN
        SELECT name, claims_from FROM job_workers WHERE lease_until < now()
            ORDER BY lease_until LIMIT 10
            FOR UPDATE SKIP LOCKED
    LOOP
        FOR v_claim IN
            SELECT * FROM job_claims
                WHERE worker = v_worker AND id >= v_from ORDER BY id
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
                SELECT FROM job_claims
                    WHERE worker = v_worker AND id >= v_from);

        EXIT WHEN v_count >= 1000;
    END LOOP;

    RETURN v_count;
END
$$;


-- Claims without a worker: it was taken for lost while it claimed.

CREATE FUNCTION social_claims_adopt() RETURNS void
LANGUAGE sql AS $$
    INSERT INTO job_workers (name, lease_until)
        SELECT DISTINCT worker, now() + interval '1 minute'
            FROM job_claims c
            WHERE at < now() - interval '1 minute' AND NOT EXISTS (
                SELECT FROM job_workers WHERE name = c.worker)
        ON CONFLICT DO NOTHING
$$;


-- As before, but that not all claims are looked at each time.

CREATE OR REPLACE FUNCTION social_jobs_upkeep(p_queue text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_count  integer := 0;
    v_queue  text;
BEGIN
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


-- Ten times a second at most, by one of those that claim, first of all; and
-- what is for once in a minute.

CREATE OR REPLACE FUNCTION social_jobs_tick(p_queue text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_now     bigint := extract(epoch FROM clock_timestamp()) * 1000;
    v_last    bigint := (SELECT last_value FROM job_ticked);
    v_minute  boolean := v_now / 60000 <> v_last / 60000;
BEGIN
    IF v_now >= v_last AND v_now < v_last + 100
        OR NOT pg_try_advisory_xact_lock(736003)
    THEN
        RETURN;
    END IF;

    PERFORM social_jobs_heads();
    PERFORM social_jobs_upkeep(p_queue);

    IF v_minute THEN
        PERFORM social_claims_adopt();
    END IF;

    -- where nothing was written, nothing has to be

    IF v_minute OR pg_current_xact_id_if_assigned() IS NOT NULL THEN
        PERFORM setval('job_ticked', v_now);
    END IF;
END
$$;
