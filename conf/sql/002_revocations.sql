-- Revocations, as every gateway loads them.
--
-- A row is found by its id, the same 16 bytes that a gateway computes from a
-- token, and not by its text, which may be longer than an index takes.  "xact"
-- is the transaction that wrote it last: a gateway selects what its last
-- snapshot did not see, and so misses nothing, in whichever order transactions
-- commit.


-- What names a session: the first 16 bytes of SHA-256 over "v1:", the length
-- of the issuer in bytes, ":", the issuer, ":" and the session, which is
-- "origin_jti:VALUE", "jti:VALUE", "iat:SECONDS:SUB" or "exp:SECONDS:SUB" by
-- the first of these claims that a token has.

CREATE FUNCTION social_session_id(p_issuer text, p_session text) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(sha256(convert_to('v1:', 'UTF8')
        || convert_to(octet_length(convert_to(p_issuer, 'UTF8'))::text, 'UTF8')
        || convert_to(':' || p_issuer || ':' || p_session, 'UTF8')), 1, 16)
$$;


ALTER TABLE revocations ADD COLUMN id bytea, ADD COLUMN xact xid8;

UPDATE revocations
    SET id = social_session_id(issuer, session), xact = pg_current_xact_id();

ALTER TABLE revocations
    DROP CONSTRAINT revocations_pkey,
    ADD PRIMARY KEY (id),
    ADD CHECK (length(id) = 16),
    ALTER COLUMN xact SET NOT NULL;

CREATE INDEX revocations_xact ON revocations (xact, id);


-- Gateways see every change of a row, whichever way it is written.

CREATE FUNCTION social_revocation_stamp() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.id := coalesce(NEW.id, social_session_id(NEW.issuer, NEW.session));
    NEW.xact := pg_current_xact_id();
    RETURN NEW;
END
$$;

CREATE TRIGGER revocations_stamp BEFORE INSERT OR UPDATE ON revocations
    FOR EACH ROW EXECUTE FUNCTION social_revocation_stamp();


CREATE FUNCTION social_revocation_notify() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('social_revocations', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER revocations_notify AFTER INSERT OR UPDATE ON revocations
    FOR EACH STATEMENT EXECUTE FUNCTION social_revocation_notify();


-- Ends a session until then, or for longer: never for shorter.

CREATE FUNCTION social_revoke(p_issuer text, p_session text, p_id bytea,
    p_until timestamptz) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO revocations AS r (issuer, session, id, until)
        VALUES (p_issuer, p_session, p_id, p_until)
        ON CONFLICT (id) DO UPDATE SET until = excluded.until
            WHERE r.until < excluded.until
$$;


-- The same for operators, without the id.

CREATE FUNCTION social_revoke(p_issuer text, p_session text,
    p_until timestamptz) RETURNS void
LANGUAGE sql AS $$
    SELECT social_revoke(p_issuer, p_session,
                         social_session_id(p_issuer, p_session), p_until)
$$;


-- Deletes up to p_n expired ones.  Returns how many: called again while it is
-- p_n.  The worker's social_prune() does so too, where there is one.

CREATE FUNCTION social_revocations_expire(p_n integer) RETURNS bigint
LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM revocations
            WHERE id IN (
                SELECT id FROM revocations
                    WHERE until < now()
                    LIMIT p_n
                    FOR UPDATE SKIP LOCKED)
            RETURNING id)
    SELECT count(*) FROM gone
$$;
