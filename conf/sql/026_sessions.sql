-- The sessions of a token, each by its own claim, and all sessions of a subject
-- that began before a time.
--
-- A token is refused when any session that it belongs to is in the table:
-- "origin_jti:VALUE", "sid:VALUE" and "jti:VALUE" of those claims that it has;
-- one without "origin_jti" and "jti" by "iat:SECONDS:SUB", or "exp:SECONDS:SUB"
-- where it has no "iat". Rows of earlier versions are among these.
--
-- A row "sub:SUBJECT" ends all sessions of the subject that began no later than
-- "not_before", in seconds since the epoch, and every one where that is NULL.
-- It has the id of the subject, so that there is one.

ALTER TABLE revocations ADD COLUMN not_before bigint
    CHECK (not_before IS NULL OR session LIKE 'sub:%');


-- Gateways see every change of a row, whichever way it is written. What no
-- token could be refused by is an error, and nothing that seems to be done.

CREATE OR REPLACE FUNCTION social_revocation_stamp() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.session !~
        '^((origin_jti|sid|jti|sub):.|(iat|exp):[0-9]+:.)'
    THEN
        RAISE EXCEPTION 'no token has a session "%"',
            left(split_part(NEW.session, ':', 1), 40)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It is one of origin_jti:VALUE, sid:VALUE, '
                         'jti:VALUE, iat:SECONDS:SUB, exp:SECONDS:SUB '
                         'and sub:SUB.';
    END IF;

    NEW.id := coalesce(NEW.id, social_session_id(NEW.issuer, NEW.session));
    NEW.xact := pg_current_xact_id();
    RETURN NEW;
END
$$;


-- Ends a session until then, or for longer: never for shorter. Of a subject it
-- ends all sessions, whenever they began.

CREATE OR REPLACE FUNCTION social_revoke(p_issuer text, p_session text,
    p_id bytea, p_until timestamptz) RETURNS void
LANGUAGE sql SET lock_timeout = '250ms' AS $$
    INSERT INTO revocations AS r (issuer, session, id, until)
        VALUES (p_issuer, p_session, p_id, p_until)
        ON CONFLICT (id) DO UPDATE
            SET until = greatest(r.until, excluded.until), not_before = NULL
            WHERE r.until < excluded.until OR r.not_before IS NOT NULL
$$;


-- Ends all sessions of a subject that began at that time or before: the second
-- in which they began counts, since nothing says more of a token. A later time
-- replaces an earlier one, never the other way round. Where all sessions are
-- ended, whenever they began, that stays so until the later of both is over.

CREATE FUNCTION social_revoke_all(p_issuer text, p_subject text,
    p_not_before timestamptz DEFAULT now(),
    p_until timestamptz DEFAULT now() + interval '30 days') RETURNS void
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_before  bigint;
BEGIN
    IF coalesce(p_issuer, '') = '' OR coalesce(p_subject, '') = ''
        OR p_not_before IS NULL
    THEN
        RAISE EXCEPTION 'a subject needs an issuer, a sub and a time'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    IF isfinite(p_not_before) THEN
        v_before := floor(extract(epoch FROM p_not_before));
    ELSIF p_not_before < now() THEN
        v_before := 0;
    END IF;

    INSERT INTO revocations AS r (issuer, session, id, until, not_before)
        VALUES (p_issuer, 'sub:' || p_subject,
                social_subject_id(p_issuer, p_subject), p_until, v_before)
        ON CONFLICT (id) DO UPDATE
            SET until = greatest(r.until, excluded.until),
                not_before = CASE
                    WHEN r.until <= now() THEN excluded.not_before
                    WHEN r.not_before IS NULL OR excluded.not_before IS NULL
                        THEN NULL
                    ELSE greatest(r.not_before, excluded.not_before)
                END
            WHERE r.until < excluded.until
                OR (r.not_before IS NOT NULL
                    AND (excluded.not_before IS NULL
                         OR r.not_before < excluded.not_before));
END
$$;


-- As in 005_revocations.sql: only rows of single tokens make room, and none of
-- those by which refreshed tokens are refused, "sid" as well as "origin_jti".

CREATE OR REPLACE FUNCTION social_revoke(p_issuer text, p_session text,
    p_id bytea, p_until timestamptz, p_subject text, p_max integer)
    RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_single   CONSTANT text := '^(jti|iat|exp):';
    v_subject  bytea := social_subject_id(p_issuer, p_subject);
    v_rows     bigint;
    v_few      bigint;
    v_first    timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(
        ('x' || encode(substr(v_subject, 1, 8), 'hex'))::bit(64)::bigint);

    SELECT count(*), count(*) FILTER (WHERE session ~ v_single), min(until)
        INTO v_rows, v_few, v_first
        FROM revocations
        WHERE subject = v_subject AND until > now() AND id <> p_id;

    IF v_rows - v_few >= p_max THEN
        RETURN ceil(least(greatest(extract(epoch FROM v_first - now()), 1),
                          3600));
    END IF;

    IF v_rows >= p_max THEN
        UPDATE revocations SET until = '-infinity'
            WHERE id = ANY (ARRAY(
                SELECT id FROM revocations
                    WHERE subject = v_subject AND until > now()
                        AND id <> p_id AND session ~ v_single
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


-- What "social_logout" calls, for the one or two sessions that a token has to
-- be ended by: the second is empty where there is none. With a time, all that
-- the subject has are ended, whatever p_max says: then these are noted as far
-- as there is room, for tokens that say nothing but when they were refreshed.
--
-- Returns 0, or in how many seconds there may be room, as above; then nothing
-- was done.

CREATE FUNCTION social_logout(p_issuer text, p_first text, p_first_id bytea,
    p_second text, p_second_id bytea, p_until timestamptz, p_subject text,
    p_max integer, p_not_before bigint, p_all_until timestamptz)
    RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_wait  integer := 0;
BEGIN
    IF p_not_before IS NOT NULL THEN
        PERFORM social_revoke_all(p_issuer, p_subject,
                                  to_timestamp(p_not_before), p_all_until);
    END IF;

    BEGIN
        IF p_first <> '' THEN
            v_wait := social_revoke(p_issuer, p_first, p_first_id, p_until,
                                    p_subject, p_max);
        END IF;

        IF v_wait = 0 AND p_second <> '' THEN
            v_wait := social_revoke(p_issuer, p_second, p_second_id, p_until,
                                    p_subject, p_max + 1);
        END IF;

        IF v_wait <> 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'UL001';
        END IF;

    EXCEPTION WHEN SQLSTATE 'UL001' THEN
        NULL;
    END;

    RETURN CASE WHEN p_not_before IS NULL THEN v_wait ELSE 0 END;
END
$$;


INSERT INTO social_callers (role, function) VALUES
    ('social_gateway', 'social\_logout'),
    ('social_gateway', 'social\_revocations\_source');


-- Which server this is, for gateways that have loaded revocations from it: the
-- cluster, its timeline, and the database. Empty for a standby, which may not
-- have all. What a server does not say is left out.

CREATE FUNCTION social_revocations_source() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_system    text;
    v_timeline  text;
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN '';
    END IF;

    BEGIN
        SELECT system_identifier INTO v_system FROM pg_control_system();
        v_timeline := substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);

    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;

    RETURN concat_ws('/', 'primary', v_system, v_timeline,
                     (SELECT oid FROM pg_database
                          WHERE datname = current_database()));
END
$$;
