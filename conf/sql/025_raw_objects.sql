-- What "social-worker expire" needs to know of objects that became jobs by a
-- rule ("social_job") and are not uploads: seen_objects has them for as long as
-- an event may be late, and objects may be kept for longer than that.


-- The last object of a key; "noted_at": when its event came.

CREATE TABLE raw_objects (
    bucket      text NOT NULL,
    object_key  text COLLATE "C" NOT NULL,
    etag        text,
    noted_at    timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (bucket, object_key)
);


CREATE FUNCTION social_raw_object_noted() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.present AND NEW.kind IS NOT NULL THEN

        INSERT INTO raw_objects AS o (bucket, object_key, etag)
            VALUES (NEW.bucket, NEW.object_key, NEW.etag)
            ON CONFLICT (bucket, object_key) DO UPDATE
                SET etag = excluded.etag, noted_at = now();

    ELSE
        DELETE FROM raw_objects
            WHERE bucket = NEW.bucket AND object_key = NEW.object_key;
    END IF;

    RETURN NULL;
END
$$;

-- what came of an event is noted later, and changes nothing here

CREATE TRIGGER raw_object_seen AFTER INSERT ON seen_objects
    FOR EACH ROW EXECUTE FUNCTION social_raw_object_noted();

CREATE TRIGGER raw_object_changed AFTER UPDATE OF seen_at ON seen_objects
    FOR EACH ROW EXECUTE FUNCTION social_raw_object_noted();


-- those that are known by now

INSERT INTO raw_objects (bucket, object_key, etag, noted_at)
    SELECT bucket, object_key, etag, seen_at FROM seen_objects
        WHERE present AND kind IS NOT NULL;


-- Keys of uploads have their users in them: nothing is kept of who has left.

CREATE FUNCTION social_raw_object_forgotten() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM raw_objects
        WHERE bucket = OLD.bucket AND object_key = OLD.object_key;

    RETURN NULL;
END
$$;

CREATE TRIGGER raw_object_forgotten AFTER DELETE ON uploads
    FOR EACH ROW EXECUTE FUNCTION social_raw_object_forgotten();


-- The objects that a job needs, which has not ended.

CREATE VIEW raw_objects_needed AS
    SELECT j.payload->>'bucket' AS bucket, j.payload->>'key' AS object_key
        FROM job_keys k JOIN jobs j ON j.id = k.id
        WHERE k.key LIKE 'object:%';


-- Objects of a bucket that came p_age ago, that no job needs any more and that
-- are not uploads, which have their own rules; by key.

CREATE FUNCTION social_clean_object_old(p_bucket text, p_age interval,
    p_after text, p_n integer) RETURNS TABLE (object_key text)
LANGUAGE sql STABLE AS $$
    SELECT o.object_key FROM raw_objects o
        WHERE o.bucket = p_bucket AND o.object_key > p_after COLLATE "C"
            AND o.noted_at < now() - p_age
            AND NOT EXISTS (
                SELECT FROM uploads u
                    WHERE u.bucket = o.bucket
                        AND u.object_key = o.object_key COLLATE "default")
            AND NOT EXISTS (
                SELECT FROM raw_objects_needed n
                    WHERE n.bucket = o.bucket
                        AND n.object_key = o.object_key)
        ORDER BY o.object_key LIMIT p_n
$$;


-- The same of one object, whose row is locked: until the transaction ends no
-- later object of the key is noted.  Its ETag, empty if it has none; NULL: it
-- stays.

CREATE FUNCTION social_clean_object_lock(p_bucket text, p_key text,
    p_age interval) RETURNS text
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_etag  text;
BEGIN
    SELECT coalesce(btrim(etag, '"'), '') INTO v_etag FROM raw_objects
        WHERE bucket = p_bucket AND object_key = p_key
            AND noted_at < now() - p_age
        FOR UPDATE;

    IF NOT FOUND
        OR EXISTS (SELECT FROM uploads
                       WHERE bucket = p_bucket AND object_key = p_key)
        OR EXISTS (SELECT FROM raw_objects_needed
                       WHERE bucket = p_bucket AND object_key = p_key)
    THEN
        RETURN NULL;
    END IF;

    RETURN v_etag;
END
$$;


CREATE FUNCTION social_clean_object_removed(p_bucket text, p_key text)
    RETURNS void
LANGUAGE sql AS $$
    DELETE FROM raw_objects WHERE bucket = p_bucket AND object_key = p_key
$$;
