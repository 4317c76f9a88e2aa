-- What an object is needed for is found by its key, and not among all jobs that
-- wait: "social-worker expire" asks that of each object that it would delete.
-- The key's collation is that of raw_objects, which it is compared with.

CREATE INDEX jobs_object ON jobs
    ((payload->>'bucket'), ((payload->>'key') COLLATE "C"))
    WHERE dedupe_key LIKE 'object:%';


DROP VIEW raw_objects_needed;

CREATE VIEW raw_objects_needed AS
    SELECT j.payload->>'bucket' AS bucket,
           (j.payload->>'key') COLLATE "C" AS object_key
        FROM jobs j JOIN job_keys k ON k.key = j.dedupe_key AND k.id = j.id
        WHERE j.dedupe_key LIKE 'object:%';
