-- Handles are public, so that none is made of what a user signs in with, or of
-- their identity elsewhere: users without anything else have a generated handle
-- until they choose one.


-- The handle that was generated without a name. Handle and display name are
-- generated while they are this one: statements that change them need not set
-- it.

ALTER TABLE users ADD COLUMN made_up text;


-- A handle that reveals nothing about its user, not even to those who know the
-- subject.

CREATE FUNCTION social_handle_make_up() RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT 'user-' || left(md5(gen_random_uuid()::text), 16)
$$;


-- Whether a text looks like an identifier rather than a name: an
-- e-mail address, "DOMAIN\name", "auth0|ID", a telephone number or another long
-- one, a UUID, or the username that Cognito gives to users of another identity
-- provider, "PROVIDER_ID" (AWS: Amazon Cognito, "Adding user pool sign-in
-- through a third party").  The operator of the pool names providers, so that
-- the id is checked, unless the name is Cognito's own.  Other spellings of the
-- same characters (full-width, percent-encoded, "(at)") count.  NULL for NULL.

CREATE FUNCTION social_identifier(p_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT p_text ~* '\S([@|\\]|%40|%7c|\s*[[({]\s*at\s*[])}]\s*)\S'
        OR p_text ~ '^[A-Za-z0-9_.-]+:\S*[0-9]{3}'
        OR p_text ~ '[+][0-9]{5}'
        OR p_text ~ '^[-+()./_\s]*[0-9][-+()./_0-9\s]*$'
        OR p_text ~ '[0-9]([-. ]?[0-9]){8}'
        OR p_text ~* '[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}'
        OR p_text ~* '^(google|facebook|loginwithamazon|signinwithapple)_'
        OR p_text ~ '_[0-9]{5}'

        -- an id of digits and letters, and any that is long

        OR p_text ~ '_.*(?=[A-Za-z]{0,13}[0-9])[A-Za-z0-9]{14}'
        OR p_text ~ '_.*[A-Za-z0-9]{20}'
        OR p_text ~ '(?=[A-Za-z]{0,19}[0-9])[A-Za-z0-9]{20}'

    FROM normalize(p_name, NFKC) AS t (p_text)
$$;


-- A name as a handle: letters, digits, "_", "." and "-" of ASCII, since
-- handles are in URLs and must not look like one another.  NULL when it is an
-- identifier, or the subject, as in Cognito pools where people sign in by
-- e-mail, or when no letter is left of it.

CREATE OR REPLACE FUNCTION social_handle_of(p_username text, p_sub text)
    RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN lower(p_username) = lower(p_sub)
            OR normalize(p_username, NFKC) ~ '[@|\\:%]'
            OR social_identifier(p_username)
            OR social_identifier(plain)
            OR plain !~ '[A-Za-z]'
        THEN NULL
        ELSE nullif(trim(BOTH '.-' FROM left(plain, 32)), '')
    END
    FROM (SELECT regexp_replace(p_username, '[^A-Za-z0-9_.-]', '', 'g'))
        AS t (plain)
$$;


-- The row of a user, created or updated by what their issuer says.
-- p_username is the name by which others may know them.  Returns the row's id,
-- or NULL for one who was deleted.
--
-- The e-mail address is that of the issuer.  Handle and display name are the
-- user's from the moment there is one: only what was generated here, without a
-- name, is replaced, and never by an identifier.  A handle that is taken gets a
-- suffix.

CREATE OR REPLACE FUNCTION social_user_sync(p_issuer text, p_sub text,
    p_username text, p_email text, p_name text) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    v_user    users%ROWTYPE;
    v_wanted  text := social_handle_of(p_username, p_sub);
    v_name    text := nullif(btrim(p_name), '');
    v_email   text := nullif(btrim(p_email), '');
    v_base    text;
    v_handle  text;
    v_id      uuid;
BEGIN
    IF coalesce(p_issuer, '') = '' OR coalesce(p_sub, '') = '' THEN
        RAISE EXCEPTION 'a user needs an issuer and a sub'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    IF social_identifier(v_name) OR lower(v_name) = lower(p_sub) THEN
        v_name := NULL;
    END IF;

    v_name := coalesce(v_name, v_wanted);

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

    IF v_user.id IS NOT NULL
        AND (v_wanted IS NULL
             OR v_user.handle IS DISTINCT FROM v_user.made_up)
    THEN
        UPDATE users
            SET email = coalesce(v_email, email),
                display_name = CASE WHEN display_name = made_up
                                    THEN coalesce(v_name, display_name)
                                    ELSE display_name END
            WHERE id = v_user.id
                AND (v_email IS DISTINCT FROM email AND v_email IS NOT NULL
                     OR display_name = made_up AND v_name IS NOT NULL);

        RETURN v_user.id;
    END IF;

    v_base := coalesce(v_wanted, social_handle_make_up());
    v_handle := v_base;

    FOR i IN 2 .. 40 LOOP

        IF v_user.id IS NULL THEN
            INSERT INTO users (issuer, sub, handle, email, display_name,
                               made_up)
                VALUES (p_issuer, p_sub, v_handle, v_email,
                        coalesce(v_name, v_handle),
                        CASE WHEN v_wanted IS NULL THEN v_handle END)
                ON CONFLICT DO NOTHING
                RETURNING id INTO v_id;

        ELSE
            BEGIN
                -- the user may have chosen one since we looked

                UPDATE users
                    SET handle = CASE WHEN handle = made_up
                                      THEN v_handle
                                      ELSE handle END,
                        email = coalesce(v_email, email),
                        display_name = CASE WHEN display_name = made_up
                                            THEN coalesce(v_name, v_handle)
                                            ELSE display_name END
                    WHERE id = v_user.id
                    RETURNING id INTO v_id;

                -- gone since we looked

                IF NOT FOUND THEN
                    RETURN NULL;
                END IF;

            EXCEPTION WHEN unique_violation THEN
                v_id := NULL;
            END;
        END IF;

        IF v_id IS NOT NULL THEN
            RETURN v_id;
        END IF;

        -- "andrew-2" reads well; after a few, random numbers

        v_handle := left(v_base, 24) || '-'
            || CASE WHEN i <= 6 THEN i::text
                    ELSE left(md5(gen_random_uuid()::text), 6) END;
    END LOOP;

    RAISE EXCEPTION 'no free handle was found'
        USING ERRCODE = 'unique_violation';
END
$$;


-- The same from a token, which does not say whose choice its username was:
-- "Corp_jane" may be of a Jane Corp, or of "jane" at a company's identity
-- provider.  Names of that form wait until the issuer, or the user, says that
-- they are handles.

CREATE FUNCTION social_user_seen(p_issuer text, p_sub text, p_username text)
    RETURNS uuid
LANGUAGE sql AS $$
    SELECT social_user_sync(p_issuer, p_sub,
                            CASE WHEN p_username !~ '._' THEN p_username END,
                            NULL, NULL)
$$;


CREATE OR REPLACE FUNCTION social_upload_create(p_id uuid, p_issuer text,
    p_sub text, p_username text, p_kind text, p_bucket text, p_key text,
    p_content_type text, p_bytes bigint, p_sha256 text, p_expires interval)
    RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    v_user  uuid;
    v_id    uuid;
BEGIN
    v_user := social_user_seen(p_issuer, p_sub, p_username);

    IF v_user IS NULL THEN
        RETURN NULL;
    END IF;

    INSERT INTO uploads AS u (id, user_id, kind, bucket, object_key,
                              content_type, bytes, sha256, expires_at)
        VALUES (p_id, v_user, p_kind, p_bucket, p_key, p_content_type, p_bytes,
                p_sha256, now() + p_expires)
        ON CONFLICT (bucket, object_key) DO UPDATE
            SET id = excluded.id, kind = excluded.kind,
                content_type = excluded.content_type, bytes = excluded.bytes,
                sha256 = excluded.sha256, state = 'pending', reason = NULL,
                etag = NULL, generation = 0, variants = NULL,
                placeholder = NULL, created_at = now(),
                expires_at = excluded.expires_at
            WHERE u.user_id = excluded.user_id
        RETURNING id INTO v_id;

    IF v_id IS NULL THEN
        RAISE EXCEPTION 'the key is another user''s'
            USING ERRCODE = 'unique_violation';
    END IF;

    RETURN v_id;
END
$$;


-- The handles and display names that exist.  What the issuer said of their
-- users is not known any more, so that the form decides, and whether they were
-- made of the e-mail address or the subject.  A handle was cut at 32
-- characters, and at 24 before a suffix.

WITH old AS MATERIALIZED (
    SELECT users.id, handle, display_name,
        social_handle_make_up() AS made_up,
        social_handle_made_up(issuer, sub) AS old_made_up,
        regexp_replace(handle, '-([2-6]|[0-9a-f]{6})$', '') AS base,
        trim(BOTH '.-' FROM
             left(regexp_replace(split_part(email, '@', 1),
                                 '[^A-Za-z0-9_.-]', '', 'g'), 32)) AS local,
        regexp_replace(sub, '[^A-Za-z0-9_.-]', '', 'g') AS sub,
        email
    FROM users),
private AS MATERIALIZED (
    SELECT id, made_up, handle, display_name, base,
        coalesce(handle = old_made_up
                 OR social_identifier(handle)
                 OR social_identifier(base)
                 OR handle !~ '[A-Za-z]'
                 OR handle ~ '^(?=.+_)[A-Za-z0-9_.-]{32}$'
                 OR handle ~ '^(?=.+_).{24}-([2-6]|[0-9a-f]{6})$'
                 OR lower(handle) IN (lower(sub), lower(local))
                 OR lower(base) = lower(left(local, 24)), false) AS handle_is,
        coalesce(display_name IN (old_made_up, local, email)
                 OR social_identifier(display_name)
                 OR display_name ~ '^(?=.+_)[A-Za-z0-9_.-]{32}$'
                 OR lower(display_name) = lower(sub), false) AS name_is
    FROM old),
decided AS (
    SELECT id, made_up, display_name,
        CASE WHEN handle_is OR name_is AND base = left(display_name, 24)
             THEN made_up ELSE handle END AS handle,
        name_is OR display_name = handle AS name_is
    FROM private)
UPDATE users
    SET handle = d.handle,
        display_name = CASE WHEN d.name_is THEN d.handle
                            ELSE d.display_name END,
        made_up = CASE WHEN d.handle = d.made_up THEN d.made_up END
    FROM decided d
    WHERE users.id = d.id
        AND (users.handle <> d.handle
             OR d.name_is AND users.display_name <> d.handle);


DROP FUNCTION social_handle_made_up(text, text);
