-- What a gateway has many of at a time, by one call: sign-ups, and uploads.
--
-- A call does what is plain, for all of them together, and leaves out what is
-- not: those whose row or lock another transaction has, so that nobody waits
-- for them, and those whose handle or key is taken.  The gateway calls the
-- function of one for these, in a transaction of their own.  So a call waits
-- for nothing but handles and keys that others insert at the same moment, and
-- all insert them in the same order.


-- What most names are like, which have no form of an identifier: letters, at
-- most eight digits behind them, and no more than 19 characters.

CREATE OR REPLACE FUNCTION social_handle_of(p_username text, p_sub text)
    RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF octet_length(p_username) < 20
        AND p_username ~ '^[A-Za-z][A-Za-z.-]*[0-9]{0,8}$'
    THEN
        RETURN CASE WHEN lower(p_username) = lower(p_sub) THEN NULL
                    ELSE trim(TRAILING '.-' FROM p_username) END;
    END IF;

    RETURN social_handle_of_any(p_username, p_sub);
END
$$;


-- A name as a handle: letters, digits, "_", "." and "-" of ASCII, since
-- handles are in URLs and must not look like one another.  NULL when it is an
-- identifier, or the subject, as in Cognito pools where people sign in by
-- e-mail, when it has letters that are not transliterated, or none.

CREATE FUNCTION social_handle_of_any(p_username text, p_sub text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_plain  text := regexp_replace(social_latin(p_username),
                                    '[^A-Za-z0-9_.-]', '', 'g');
BEGIN
    IF lower(p_sub) IN (lower(p_username), lower(v_plain))
        OR coalesce(v_plain, '') !~ '[A-Za-z]'
        OR normalize(p_username, NFKC) ~ '[@|\\:%]'
        OR social_identifier(p_username)
        OR social_identifier(v_plain)
    THEN
        RETURN NULL;
    END IF;

    RETURN nullif(trim(BOTH '.-' FROM left(v_plain, 32)), '');
END
$$;


-- A name as a display name, NULL when it is an identifier, or the subject, or
-- when nobody would see it.  Spaces and marks without a letter under them are
-- not seen, either.

CREATE FUNCTION social_display_name(p_name text, p_sub text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_name  text := nullif(btrim(p_name), '');
BEGIN
    IF lower(v_name) = lower(p_sub)
        OR v_name !~ '^[A-Za-z][A-Za-z ''.-]*$'
           AND (social_identifier(v_name)
                OR social_plain(v_name) ~ '^[\s\u0300-\u036f\u1680]*$')
    THEN
        RETURN NULL;
    END IF;

    RETURN v_name;
END
$$;


-- What the issuer says of a user who has a row, as it was read, goes into it.
-- p_wanted is the handle that a generated one is replaced by.  Returns 'done',
-- 'gone' when there is no row any more, and without p_wait 'locked' when it
-- would have to wait for the row, or 'alone' for a handle.

CREATE FUNCTION social_user_update(p_user users, p_wanted text, p_email text,
    p_email_verified boolean, p_phone text, p_phone_verified boolean,
    p_name text, p_at timestamptz, p_event bigint, p_wait boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_user      users;
    v_new       users;
    v_handle    text := p_wanted;
    v_replaces  boolean := p_wanted IS NOT NULL
                           AND p_user.handle IS NOT DISTINCT FROM p_user.made_up;
BEGIN
    IF p_event = ANY (p_user.synced_events) THEN
        RETURN 'done';
    END IF;

    v_new := social_user_merge(p_user, p_email, p_email_verified, p_phone,
                               p_phone_verified, p_name, p_at, p_event);

    IF NOT v_replaces AND v_new IS NOT DISTINCT FROM p_user THEN
        RETURN 'done';
    END IF;

    -- the row may have changed since it was read

    IF p_wait THEN
        SELECT * INTO v_user FROM users WHERE id = p_user.id FOR UPDATE;

        IF NOT FOUND THEN
            RETURN 'gone';
        END IF;

    ELSIF v_replaces THEN
        RETURN 'alone';

    ELSE
        SELECT * INTO v_user FROM users WHERE id = p_user.id
            FOR UPDATE SKIP LOCKED;

        IF NOT FOUND THEN
            RETURN 'locked';
        END IF;
    END IF;

    IF p_event = ANY (v_user.synced_events) THEN
        RETURN 'done';
    END IF;

    -- a generated handle is replaced, unless the user has chosen one since

    FOR i IN 2 .. 40 LOOP
        EXIT WHEN NOT v_replaces
            OR v_user.handle IS DISTINCT FROM v_user.made_up;

        BEGIN
            UPDATE users SET handle = v_handle WHERE id = v_user.id;
            EXIT;

        EXCEPTION WHEN unique_violation THEN
            v_handle := social_handle_next(p_wanted, i);
        END;
    END LOOP;

    v_new := social_user_merge(v_user, p_email, p_email_verified, p_phone,
                               p_phone_verified, p_name, p_at, p_event);

    UPDATE users
        SET email = v_new.email,
            email_verified = v_new.email_verified,
            phone_number = v_new.phone_number,
            phone_number_verified = v_new.phone_number_verified,
            display_name = v_new.display_name,
            synced_at = v_new.synced_at,
            synced_events = v_new.synced_events
        WHERE id = v_user.id;

    RETURN 'done';
END
$$;


-- The row of a user, created or updated by what their issuer says: in an event
-- of whichever kind, or in a token.  p_username is the name by which others may
-- know them, p_at when it was said, and p_event the identity of the event;
-- both may be NULL.  Returns the row's id, or NULL for one who was deleted.
-- The same call again returns the same.
--
-- E-mail address and telephone number are those of the issuer.  Handle and
-- display name are the user's from the moment there is one: only what was
-- generated here, without a name, is replaced, and never by an identifier.  A
-- handle that is taken gets a suffix.
--
-- Earlier versions of the module and the backend call it with the first five.

CREATE OR REPLACE FUNCTION social_user_sync(p_issuer text, p_sub text,
    p_username text, p_email text, p_name text,
    p_email_verified boolean DEFAULT NULL, p_phone text DEFAULT NULL,
    p_phone_verified boolean DEFAULT NULL, p_at timestamptz DEFAULT NULL,
    p_event text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_user    users;
    v_wanted  text := social_handle_of(p_username, p_sub);
    v_name    text := coalesce(social_display_name(p_name, p_sub), v_wanted);
    v_email   text := nullif(btrim(p_email), '');
    v_phone   text := nullif(btrim(p_phone), '');
    v_event   bigint := hashtextextended(p_event, 736010);
    v_at      timestamptz := p_at;
    v_base    text;
    v_handle  text;
    v_id      uuid;
BEGIN
    IF coalesce(p_issuer, '') = '' OR coalesce(p_sub, '') = '' THEN
        RAISE EXCEPTION 'a user needs an issuer and a sub'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- clocks differ: a time to come would keep what is said until then out

    IF v_at > now() THEN
        v_at := now();
    END IF;

    SELECT * INTO v_user FROM users WHERE issuer = p_issuer AND sub = p_sub;

    IF NOT FOUND THEN
        PERFORM social_user_lock(p_issuer, p_sub);

        IF EXISTS (SELECT FROM deleted_users
                   WHERE issuer = p_issuer AND sub = p_sub)
        THEN
            RETURN NULL;
        END IF;

        -- another may have held the lock before us

        SELECT * INTO v_user FROM users
            WHERE issuer = p_issuer AND sub = p_sub;
    END IF;

    IF v_user.id IS NOT NULL THEN
        RETURN CASE social_user_update(v_user, v_wanted, v_email,
                                       p_email_verified, v_phone,
                                       p_phone_verified, v_name, v_at, v_event,
                                       true)
               WHEN 'done' THEN v_user.id END;
    END IF;

    v_base := coalesce(v_wanted, social_handle_make_up());
    v_handle := v_base;

    FOR i IN 2 .. 40 LOOP
        INSERT INTO users (issuer, sub, handle, display_name, made_up, email,
                           email_verified, phone_number, phone_number_verified,
                           synced_at, synced_events)
            VALUES (p_issuer, p_sub, v_handle, coalesce(v_name, v_handle),
                    CASE WHEN v_wanted IS NULL THEN v_handle END,
                    v_email,
                    CASE WHEN v_email IS NOT NULL THEN p_email_verified END,
                    v_phone,
                    CASE WHEN v_phone IS NOT NULL THEN p_phone_verified END,
                    CASE WHEN coalesce(v_email, v_phone) IS NOT NULL
                         THEN v_at END,
                    CASE WHEN v_event IS NOT NULL THEN ARRAY[v_event] END)
            ON CONFLICT DO NOTHING
            RETURNING id INTO v_id;

        IF v_id IS NOT NULL THEN
            RETURN v_id;
        END IF;

        v_handle := social_handle_next(v_base, i);
    END LOOP;

    RAISE EXCEPTION 'no free handle was found'
        USING ERRCODE = 'unique_violation';
END
$$;


-- The same for many: a row for each, in their order.  "outcome" is 'done',
-- 'alone' or 'locked', and "id" NULL for all but the first.  p_at are seconds
-- since 1970.
--
-- The plan is made once, since planning takes longer than what is planned, and
-- does not depend on how many users there were then.

CREATE FUNCTION social_users_sync(p_issuer text[], p_sub text[],
    p_username text[], p_email text[], p_name text[],
    p_email_verified boolean[], p_phone text[], p_phone_verified boolean[],
    p_at double precision[], p_event text[])
    RETURNS TABLE (outcome text, id uuid)
LANGUAGE plpgsql SET lock_timeout = '250ms'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_all    integer := cardinality(p_issuer);
    v_known  uuid[];
    v_free   boolean[];
    v_ids    uuid[];
    v_made   uuid[];
    v_user   users;
    v_name   text;
    v_at     timestamptz;
BEGIN
    -- who is new is locked, as social_user_lock() does, unless another has it

    SELECT array_agg(k.id), array_agg(k.free), array_agg(gen_random_uuid())
        INTO v_known, v_free, v_ids
        FROM (SELECT u.id,
                     CASE WHEN u.id IS NULL
                          THEN pg_try_advisory_xact_lock(hashtextextended(
                                   t.issuer || chr(10) || t.sub, 736001))
                          ELSE false END AS free
                  FROM unnest(p_issuer, p_sub) WITH ORDINALITY
                           AS t (issuer, sub, n)
                  LEFT JOIN users u ON u.issuer = t.issuer AND u.sub = t.sub
                  ORDER BY t.n) AS k;

    -- another may have held the lock before us: then it is a conflict

    WITH said AS MATERIALIZED (
        SELECT t.id, t.issuer, t.sub, t.email_verified, t.phone_verified,
               nullif(btrim(t.email), '') AS email,
               nullif(btrim(t.phone), '') AS phone,
               hashtextextended(t.event, 736010) AS event,
               CASE WHEN t.at IS NOT NULL
                    THEN least(to_timestamp(t.at), now()) END AS at,
               social_display_name(t.name, t.sub) AS name,
               social_handle_of(t.username, t.sub) AS wanted
            FROM unnest(v_ids, v_free, p_issuer, p_sub, p_username, p_email,
                        p_name, p_email_verified, p_phone, p_phone_verified,
                        p_at, p_event)
                     AS t (id, free, issuer, sub, username, email, name,
                           email_verified, phone, phone_verified, at, event)
            WHERE t.free AND t.issuer <> '' AND t.sub <> ''
                AND NOT EXISTS (SELECT FROM deleted_users d
                                    WHERE d.issuer = t.issuer
                                        AND d.sub = t.sub)),
    named AS MATERIALIZED (
        SELECT *, coalesce(wanted, social_handle_make_up()) AS handle
            FROM said),
    made AS (
        INSERT INTO users (id, issuer, sub, handle, display_name, made_up,
                           email, email_verified, phone_number,
                           phone_number_verified, synced_at, synced_events)
            SELECT id, issuer, sub, handle, coalesce(name, handle),
                   CASE WHEN wanted IS NULL THEN handle END,
                   email,
                   CASE WHEN email IS NOT NULL THEN email_verified END,
                   phone,
                   CASE WHEN phone IS NOT NULL THEN phone_verified END,
                   CASE WHEN coalesce(email, phone) IS NOT NULL THEN at END,
                   CASE WHEN event IS NOT NULL THEN ARRAY[event] END
                FROM named
                ORDER BY lower(handle), issuer, sub
            ON CONFLICT DO NOTHING
            RETURNING users.id)
    SELECT array_agg(made.id) INTO v_made FROM made;

    IF cardinality(v_made) = v_all THEN
        RETURN QUERY SELECT 'done', t.id FROM unnest(v_ids) AS t (id);
        RETURN;
    END IF;

    FOR i IN 1 .. v_all LOOP
        outcome := 'alone';
        id := NULL;

        IF v_ids[i] = ANY (v_made) THEN
            outcome := 'done';
            id := v_ids[i];

        ELSIF v_known[i] IS NOT NULL THEN
            SELECT * INTO v_user FROM users u WHERE u.id = v_known[i];

            IF FOUND THEN
                v_name := social_handle_of(p_username[i], p_sub[i]);
                v_at := to_timestamp(p_at[i]);

                outcome := social_user_update(v_user, v_name,
                    nullif(btrim(p_email[i]), ''), p_email_verified[i],
                    nullif(btrim(p_phone[i]), ''), p_phone_verified[i],
                    coalesce(social_display_name(p_name[i], p_sub[i]), v_name),
                    CASE WHEN v_at > now() THEN now() ELSE v_at END,
                    hashtextextended(p_event[i], 736010), false);

                IF outcome = 'done' THEN
                    id := v_user.id;
                END IF;
            END IF;

        ELSIF NOT v_free[i] THEN
            outcome := 'locked';
        END IF;

        RETURN NEXT;
    END LOOP;
END
$$;


-- The same as social_user_token() for many, as above.

CREATE FUNCTION social_users_token(p_issuer text[], p_sub text[],
    p_username text[], p_email text[], p_name text[],
    p_email_verified boolean[], p_phone text[], p_phone_verified boolean[],
    p_at double precision[], p_event text[])
    RETURNS TABLE (outcome text, id uuid, roles text)
LANGUAGE sql SET lock_timeout = '250ms' AS $$
    SELECT u.outcome, u.id,
           (SELECT coalesce(string_agg(role, ' ' ORDER BY role), '')
                FROM user_roles WHERE user_id = u.id)
        FROM social_users_sync(p_issuer, p_sub, p_username, p_email, p_name,
                               p_email_verified, p_phone, p_phone_verified,
                               p_at, p_event) AS u (outcome, id)
$$;


-- The same as social_upload_create() for many, as above.  Uploads of users whose
-- generated handle may be replaced by what the token says are left out.

CREATE FUNCTION social_uploads_create(p_id uuid[], p_issuer text[],
    p_sub text[], p_username text[], p_kind text[], p_bucket text[],
    p_key text[], p_content_type text[], p_bytes bigint[], p_sha256 text[],
    p_expires interval[]) RETURNS TABLE (outcome text, id uuid)
LANGUAGE plpgsql SET lock_timeout = '250ms'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_all   integer := cardinality(p_id);
    v_held  bigint[];
    v_made  uuid[];
BEGIN
    -- who has no row yet gets one, as by social_user_seen()

    PERFORM FROM (
        SELECT array_agg(k.issuer), array_agg(k.sub), array_agg(k.username),
               array_agg(NULL::text), array_agg(NULL::boolean),
               array_agg(NULL::double precision)
            FROM (SELECT DISTINCT ON (t.issuer, t.sub) t.issuer, t.sub,
                         CASE WHEN t.username !~ '._' THEN t.username END
                      FROM unnest(p_issuer, p_sub, p_username)
                               AS t (issuer, sub, username)
                      WHERE NOT EXISTS (SELECT FROM users u
                                            WHERE u.issuer = t.issuer
                                                AND u.sub = t.sub))
                AS k (issuer, sub, username)
            HAVING count(*) > 0) AS n (issuer, sub, username, no_text, no_flag,
                                       no_time),
        social_users_sync(n.issuer, n.sub, n.username, n.no_text, n.no_text,
                          n.no_flag, n.no_text, n.no_flag, n.no_time,
                          n.no_text);

    -- who is being deleted is left out, and who is not cannot be until this
    -- commits

    WITH held AS MATERIALIZED (
        SELECT t.n, t.id, t.kind, t.bucket, t.key, t.content_type, t.bytes,
               t.sha256, t.expires, u.id AS user_id
            FROM unnest(p_id, p_issuer, p_sub, p_username, p_kind, p_bucket,
                        p_key, p_content_type, p_bytes, p_sha256, p_expires)
                     WITH ORDINALITY
                     AS t (id, issuer, sub, username, kind, bucket, key,
                           content_type, bytes, sha256, expires, n)
            JOIN users u ON u.issuer = t.issuer AND u.sub = t.sub
            WHERE u.handle IS DISTINCT FROM u.made_up
                OR social_handle_of(CASE WHEN t.username !~ '._'
                                         THEN t.username END, t.sub) IS NULL
            FOR KEY SHARE OF u SKIP LOCKED),
    made AS (
        INSERT INTO uploads (id, user_id, kind, bucket, object_key,
                             content_type, bytes, sha256, expires_at)
            SELECT id, user_id, kind, bucket, key, content_type, bytes, sha256,
                   now() + expires
                FROM held ORDER BY bucket, key
            ON CONFLICT DO NOTHING
            RETURNING uploads.id)
    SELECT (SELECT array_agg(held.n) FROM held),
           (SELECT array_agg(made.id) FROM made)
        INTO v_held, v_made;

    IF cardinality(v_made) = v_all THEN
        RETURN QUERY SELECT 'done', t.id FROM unnest(p_id) AS t (id);
        RETURN;
    END IF;

    FOR i IN 1 .. v_all LOOP
        outcome := 'alone';
        id := NULL;

        IF p_id[i] = ANY (v_made) THEN
            outcome := 'done';
            id := p_id[i];

        ELSIF i = ANY (v_held) THEN

            -- another upload has the key, as an avatar's has

            PERFORM FROM uploads u
                WHERE u.bucket = p_bucket[i] AND u.object_key = p_key[i]
                FOR UPDATE SKIP LOCKED;

            IF FOUND THEN
                id := social_upload_create(p_id[i], p_issuer[i], p_sub[i],
                    p_username[i], p_kind[i], p_bucket[i], p_key[i],
                    p_content_type[i], p_bytes[i], p_sha256[i], p_expires[i]);
                outcome := 'done';

            ELSE
                outcome := 'locked';
            END IF;
        END IF;

        RETURN NEXT;
    END LOOP;
END
$$;


INSERT INTO social_callers (role, function) VALUES
    ('social_gateway', 'social\_users\_sync'),
    ('social_gateway', 'social\_users\_token'),
    ('social_gateway', 'social\_uploads\_create');
