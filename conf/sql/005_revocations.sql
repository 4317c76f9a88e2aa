-- How many sessions one subject may have in the table, so that one user cannot
-- fill the memory of every gateway by signing out.
--
-- A row has a digest of its subject: enough for counting, without its name.
-- Rows that an operator wrote have none and are not counted, nor are older
-- ones, which expire as before.


-- The first 16 bytes of SHA-256 over "v1:", the length of the issuer in bytes,
-- ":", the issuer, ":sub:" and the subject.

CREATE FUNCTION social_subject_id(p_issuer text, p_subject text) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(sha256(convert_to('v1:', 'UTF8')
        || convert_to(octet_length(convert_to(p_issuer, 'UTF8'))::text, 'UTF8')
        || convert_to(':' || p_issuer || ':sub:' || p_subject, 'UTF8')), 1, 16)
$$;


ALTER TABLE revocations ADD COLUMN subject bytea
    CHECK (length(subject) = 16);

UPDATE revocations
    SET subject = social_subject_id(issuer,
            regexp_replace(session, '^(iat|exp):[0-9]+:', ''))
    WHERE session ~ '^(iat|exp):[0-9]+:';

CREATE INDEX revocations_subject ON revocations (subject, until)
    WHERE subject IS NOT NULL;


-- Ends a session of a subject until then, or for longer: never for shorter.
--
-- Returns 0: it is ended. Otherwise the subject has p_max of them, and nothing
-- was done: in so many seconds, an hour at most, there may be room.
--
-- Before that, rows of single tokens make room, those first that would be over
-- first; those of a sign-in ("origin_jti") stay, since tokens may be refreshed
-- from it. A row that made room is over at once: gateways see the change, and
-- so their memory has no more of them than the table.
--
-- Logouts of one subject are serialized; one that waits too long for that fails
-- with 55P03.

CREATE FUNCTION social_revoke(p_issuer text, p_session text, p_id bytea,
    p_until timestamptz, p_subject text, p_max integer) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    v_subject  bytea := social_subject_id(p_issuer, p_subject);
    v_rows     bigint;
    v_single   bigint;
    v_first    timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(
        ('x' || encode(substr(v_subject, 1, 8), 'hex'))::bit(64)::bigint);

    SELECT count(*), count(*) FILTER (WHERE session NOT LIKE 'origin\_jti:%'),
           min(until)
        INTO v_rows, v_single, v_first
        FROM revocations
        WHERE subject = v_subject AND until > now() AND id <> p_id;

    IF v_rows - v_single >= p_max THEN
        RETURN ceil(least(greatest(extract(epoch FROM v_first - now()), 1),
                          3600));
    END IF;

    IF v_rows >= p_max THEN
        UPDATE revocations SET until = '-infinity'
            WHERE id = ANY (ARRAY(
                SELECT id FROM revocations
                    WHERE subject = v_subject AND until > now()
                        AND id <> p_id AND session NOT LIKE 'origin\_jti:%'
                    ORDER BY until, id
                    LIMIT v_rows - p_max + 1));
    END IF;

    INSERT INTO revocations AS r (issuer, session, id, until, subject)
        VALUES (p_issuer, p_session, p_id, p_until, v_subject)
        ON CONFLICT (id) DO UPDATE
            SET until = excluded.until, subject = excluded.subject
            WHERE r.until < excluded.until;

    RETURN 0;
END
$$;
