-- Events of object stores.  They come more than once and in any order, by SNS,
-- EventBridge, a webhook or a queue; what was the last one of each key is noted
-- here, so that one that is older, or the same, has no effect.


-- The last event of a key.  "sequencer" is compared byte by byte, NULL: the
-- store has none; "present": there is an object; "outcome": what came of it,
-- "queued" where there is a job, "ignored" where no upload and no rule is known
-- for the key, "duplicate" where the upload has these bytes already, "removed".
--
-- Rows are needed for as long as an event may be late: a queue keeps messages
-- for 14 days.

CREATE TABLE seen_objects (
    bucket      text NOT NULL,
    object_key  text NOT NULL,
    sequencer   text COLLATE "C",
    etag        text,
    version     text,
    size        bigint,
    present     boolean NOT NULL,
    outcome     text NOT NULL,
    kind        text,
    seen_at     timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (bucket, object_key)
);

CREATE INDEX seen_objects_seen ON seen_objects (seen_at);


-- Notes events, and makes jobs of the objects of uploads, and of those that a
-- rule of the sender has a kind for.  All or none of them; each argument has
-- one value for each event.  Returns how many there were.
--
-- Of several of a key the last one comes first, so that the others have no
-- effect.  Calls at the same time with the same keys wait for each other; all
-- lock keys in the same order.

CREATE FUNCTION social_objects_event(p_bucket text[], p_key text[],
    p_created boolean[], p_size bigint[], p_etag text[], p_version text[],
    p_sequencer text[], p_time text[], p_kind text[], p_queue text[])
    RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
#variable_conflict use_column
DECLARE
    v          record;
    v_id       text;
    v_outcome  text;
BEGIN
    FOR v IN
        SELECT t.bucket, t.key, t.created, t.size, t.etag, t.version,
               t.sequencer, t.at, t.kind, t.queue
            FROM unnest(p_bucket, p_key, p_created, p_size, p_etag, p_version,
                        p_sequencer, p_time, p_kind, p_queue) WITH ORDINALITY
                     AS t (bucket, key, created, size, etag, version,
                           sequencer, at, kind, queue, n)
            ORDER BY t.bucket COLLATE "C", t.key COLLATE "C",
                     t.sequencer COLLATE "C" DESC NULLS LAST, t.n
    LOOP
        INSERT INTO seen_objects AS o (bucket, object_key, sequencer, etag,
                                       version, size, present, outcome, kind)
            VALUES (v.bucket, v.key, v.sequencer, v.etag, v.version, v.size,
                    v.created, CASE WHEN v.created THEN 'queued'
                                    ELSE 'removed' END, v.kind)
            ON CONFLICT (bucket, object_key) DO UPDATE
                SET sequencer = coalesce(excluded.sequencer, o.sequencer),
                    etag = excluded.etag, version = excluded.version,
                    size = excluded.size, present = excluded.present,
                    outcome = excluded.outcome, kind = excluded.kind,
                    seen_at = now()
                WHERE o.sequencer IS NULL OR excluded.sequencer IS NULL
                    OR o.sequencer < excluded.sequencer

                    -- some emulators have the same one for all events

                    OR (o.sequencer = excluded.sequencer
                        AND (o.present <> excluded.present
                             OR o.etag <> excluded.etag));

        CONTINUE WHEN NOT FOUND OR NOT v.created;

        -- what is the same each time that the event is sent

        v_id := encode(sha256(convert_to(
            jsonb_build_array(v.bucket, v.key, v.version, v.etag,
                              coalesce(v.sequencer, v.at))::text, 'UTF8')),
            'hex');

        v_outcome := social_object_created('s3', v_id, v.bucket, v.key,
                                           coalesce(v.size, 0), v.etag,
                                           NULL::bigint);

        IF v_outcome = 'ignored' AND v.kind IS NOT NULL THEN

            INSERT INTO events (source, event_id) VALUES ('s3', v_id)
                ON CONFLICT DO NOTHING;

            v_outcome := 'duplicate';

            IF FOUND THEN
                v_outcome := 'queued';

                -- "upload" is part of the keys of variants; here it follows
                -- from the key, so that the next object replaces them

                PERFORM social_job_put(v.kind,
                    jsonb_build_object(
                        'upload', md5(v.bucket || '/' || v.key)::uuid,
                        'generation', 1,
                        'bucket', v.bucket,
                        'key', v.key,
                        'size', v.size,
                        'etag', v.etag,
                        'version', v.version),
                    coalesce(v.queue, 'images'), 100, NULL, 'object:' || v_id,
                    NULL, 5, NULL);
            END IF;
        END IF;

        UPDATE seen_objects SET outcome = v_outcome
            WHERE bucket = v.bucket AND object_key = v.key
                AND outcome <> v_outcome;
    END LOOP;

    -- what no event can be older than any more, a few rows each time

    DELETE FROM seen_objects WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM seen_objects
            WHERE seen_at < now() - interval '30 days'
            ORDER BY seen_at LIMIT 20 FOR UPDATE SKIP LOCKED));

    RETURN cardinality(p_bucket);
END
$$;


-- Keys of uploads have their users in them: nothing is kept of who has left.

CREATE FUNCTION social_upload_forgotten() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM seen_objects
        WHERE bucket = OLD.bucket AND object_key = OLD.object_key;

    RETURN NULL;
END
$$;

CREATE TRIGGER upload_forgotten AFTER DELETE ON uploads
    FOR EACH ROW EXECUTE FUNCTION social_upload_forgotten();


INSERT INTO social_callers (role, function) VALUES
    ('social_gateway', 'social\_objects\_event'),
    ('social_worker', 'social\_objects\_event');
