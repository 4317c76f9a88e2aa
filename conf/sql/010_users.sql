-- Users by every event and token that says something of them: names in all
-- letters, the state of addresses and telephone numbers, roles, and who may
-- sign up.


-- A text without the characters that nobody sees: controls, soft hyphens,
-- joiners and other zero-width characters, marks of direction, fillers,
-- variation selectors and tags.  Other forms of the same characters
-- (full-width, circled, mathematical) are the plain ones.

CREATE FUNCTION social_plain(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN p_text ~ '^[ -~]*$' THEN p_text
        ELSE regexp_replace(normalize(p_text, NFKC),
            '[\u0001-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160'
            '\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f'
            '\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
            '\U000e0000-\U000e0fff]', '', 'g')
    END
$$;


-- The letters of Latin, Greek and Cyrillic that Unicode does not decompose to
-- ASCII, and their transliterations.  They are here, and not in the extension
-- "unaccent": it knows no Cyrillic, a role needs CREATE on the database to add
-- it, and its rules are files of the server, which may change.

CREATE FUNCTION social_letters() RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT '{
        "\u00df": "ss", "\u1e9e": "SS", "\u00e6": "ae", "\u00c6": "Ae",
        "\u0153": "oe", "\u0152": "Oe", "\u00f8": "o", "\u00d8": "O",
        "\u0111": "d", "\u0110": "D", "\u00f0": "d", "\u00d0": "D",
        "\u00fe": "th", "\u00de": "Th", "\u0142": "l", "\u0141": "L",
        "\u0127": "h", "\u0126": "H", "\u0131": "i", "\u014b": "ng",
        "\u014a": "Ng", "\u0138": "k", "\u0167": "t", "\u0166": "T",
        "\u0259": "e", "\u018f": "E", "\u025b": "e", "\u0190": "E",
        "\u0254": "o", "\u0186": "O", "\u0253": "b", "\u0181": "B",
        "\u0257": "d", "\u018a": "D", "\u0199": "k", "\u0198": "K",
        "\u01b4": "y", "\u01b3": "Y", "\u0192": "f", "\u0191": "F",
        "\u0263": "g", "\u0194": "G", "\u028b": "v", "\u01b2": "V",
        "\u0180": "b", "\u0243": "B", "\u0268": "i", "\u0197": "I",
        "\u0289": "u", "\u0244": "U", "\u01dd": "e", "\u018e": "E",

        "\u03b1": "a", "\u0391": "A", "\u03b2": "v", "\u0392": "V",
        "\u03b3": "g", "\u0393": "G", "\u03b4": "d", "\u0394": "D",
        "\u03b5": "e", "\u0395": "E", "\u03b6": "z", "\u0396": "Z",
        "\u03b7": "i", "\u0397": "I", "\u03b9": "i", "\u0399": "I",
        "\u03ba": "k", "\u039a": "K", "\u03bb": "l", "\u039b": "L",
        "\u03bc": "m", "\u039c": "M", "\u03bd": "n", "\u039d": "N",
        "\u03be": "x", "\u039e": "X", "\u03bf": "o", "\u039f": "O",
        "\u03c0": "p", "\u03a0": "P", "\u03c1": "r", "\u03a1": "R",
        "\u03c2": "s", "\u03a3": "S", "\u03c3": "s", "\u03c4": "t",
        "\u03a4": "T", "\u03c5": "y", "\u03a5": "Y", "\u03c6": "f",
        "\u03a6": "F", "\u03c9": "o", "\u03a9": "O", "\u03b8": "th",
        "\u0398": "Th", "\u03c7": "ch", "\u03a7": "Ch", "\u03c8": "ps",
        "\u03a8": "Ps",

        "\u0430": "a", "\u0410": "A", "\u0431": "b", "\u0411": "B",
        "\u0432": "v", "\u0412": "V", "\u0433": "g", "\u0413": "G",
        "\u0434": "d", "\u0414": "D", "\u0435": "e", "\u0415": "E",
        "\u0437": "z", "\u0417": "Z", "\u0438": "i", "\u0418": "I",
        "\u043a": "k", "\u041a": "K", "\u043b": "l", "\u041b": "L",
        "\u043c": "m", "\u041c": "M", "\u043d": "n", "\u041d": "N",
        "\u043e": "o", "\u041e": "O", "\u043f": "p", "\u041f": "P",
        "\u0440": "r", "\u0420": "R", "\u0441": "s", "\u0421": "S",
        "\u0442": "t", "\u0422": "T", "\u0443": "u", "\u0423": "U",
        "\u0444": "f", "\u0424": "F", "\u044b": "y", "\u042b": "Y",
        "\u044d": "e", "\u042d": "E", "\u0436": "zh", "\u0416": "Zh",
        "\u0445": "kh", "\u0425": "Kh", "\u0446": "ts", "\u0426": "Ts",
        "\u0447": "ch", "\u0427": "Ch", "\u0448": "sh", "\u0428": "Sh",
        "\u0449": "shch", "\u0429": "Shch", "\u044a": "", "\u042a": "",
        "\u044c": "", "\u042c": "", "\u044e": "yu", "\u042e": "Yu",
        "\u044f": "ya", "\u042f": "Ya", "\u0454": "ye", "\u0404": "Ye",
        "\u0456": "i", "\u0406": "I", "\u0491": "g", "\u0490": "G",
        "\u0452": "dj", "\u0402": "Dj", "\u0455": "dz", "\u0405": "Dz",
        "\u0458": "j", "\u0408": "J", "\u0459": "lj", "\u0409": "Lj",
        "\u045a": "nj", "\u040a": "Nj", "\u045b": "c", "\u040b": "C",
        "\u045f": "dz", "\u040f": "Dz", "\u04d9": "a", "\u04d8": "A",
        "\u0493": "g", "\u0492": "G", "\u049b": "q", "\u049a": "Q",
        "\u04a3": "ng", "\u04a2": "Ng", "\u04e9": "o", "\u04e8": "O",
        "\u04b1": "u", "\u04b0": "U", "\u04af": "u", "\u04ae": "U",
        "\u04bb": "h", "\u04ba": "H"
    }'::jsonb
$$;


-- A text in ASCII: letters of Latin, Greek and Cyrillic are transliterated,
-- without accents, and punctuation and symbols are left out.  NULL if a letter
-- or digit would be left out as well, since the rest of a name is another name.

CREATE FUNCTION social_latin(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN octet_length(p_text) = length(p_text) THEN p_text
        ELSE (SELECT CASE WHEN t.latin !~ '[^\u0001-\u007f]' THEN t.latin END
              FROM (SELECT regexp_replace(
                        string_agg(coalesce(l.letters ->> c.letter, c.letter),
                                   '' ORDER BY c.n),

                        -- combining marks, punctuation, symbols, emoji; not
                        -- the letters among them

                        '[\u0080-\u00bf\u00d7\u00f7\u02b9-\u02df\u02e5-\u036f'
                        '\u0483-\u0489\u061c\u115f\u1160\u17b4\u17b5'
                        '\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u2000-\u206f'
                        '\u20a0-\u20ff\u2190-\u2800\u2900-\u2bff\u2e00-\u2e7f'
                        '\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f'
                        '\u3164\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\uffa0'
                        '\ufff0-\ufffd\U0001f000-\U0001f14f'
                        '\U0001f18a-\U0001faff\U000e0000-\U000e0fff]',
                        '', 'g')
                    FROM unnest(string_to_array(normalize(p_text, NFKD), NULL))
                             WITH ORDINALITY AS c (letter, n),
                         social_letters() AS l (letters)) AS t (latin))
    END
$$;


-- Whether a text looks like an identifier rather than a name: what it
-- replaces knew these forms too, unless characters that nobody sees were in
-- them.

CREATE OR REPLACE FUNCTION social_identifier(p_name text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    -- digits of Arabic, Persian and Devanagari are dialed like others

    v_text  text := translate(social_plain(p_name),
        U&'\0660\0661\0662\0663\0664\0665\0666\0667\0668\0669'
        '\06f0\06f1\06f2\06f3\06f4\06f5\06f6\06f7\06f8\06f9'
        '\0966\0967\0968\0969\096a\096b\096c\096d\096e\096f',
        '012345678901234567890123456789');
BEGIN
    RETURN v_text ~* '\S([@|\\]|%40|%7c|\s*[[({]\s*at\s*[])}]\s*)\S'
        OR v_text ~ '^[A-Za-z0-9_.-]+:\S*[0-9]{3}'
        OR v_text ~ '[+][0-9]{5}'
        OR v_text ~ '^[-+()./_\s]*[0-9][-+()./_0-9\s]*$'
        OR v_text ~ '[0-9]([-. ]?[0-9]){8}'
        OR v_text ~* '[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}'
        OR v_text ~* '^(google|facebook|loginwithamazon|signinwithapple)_'
        OR v_text ~ '_[0-9]{5}'

        -- an id of digits and letters, and any that is long

        OR v_text ~ '_.*(?=[A-Za-z]{0,13}[0-9])[A-Za-z0-9]{14}'
        OR v_text ~ '_.*[A-Za-z0-9]{20}'
        OR v_text ~ '(?=[A-Za-z]{0,19}[0-9])[A-Za-z0-9]{20}';
END
$$;


-- A name as a handle: letters, digits, "_", "." and "-" of ASCII, since
-- handles are in URLs and must not look like one another.  NULL when it is an
-- identifier, or the subject, as in Cognito pools where people sign in by
-- e-mail, when it has letters that are not transliterated, or none.

CREATE OR REPLACE FUNCTION social_handle_of(p_username text, p_sub text)
    RETURNS text
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


-- What an issuer says of their users besides.  "synced_at" is when it said the
-- newest of what is kept of addresses and numbers, and "synced_events" has the
-- last events that were processed, so that one that is sent again changes
-- nothing.

ALTER TABLE users
    ADD COLUMN email_verified         boolean,
    ADD COLUMN phone_number           text,
    ADD COLUMN phone_number_verified  boolean,
    ADD COLUMN synced_at              timestamptz,
    ADD COLUMN synced_events          bigint[];


-- An event that was processed does not make the row a newer one.

DROP TRIGGER users_touch ON users;

CREATE TRIGGER users_touch BEFORE UPDATE ON users
    FOR EACH ROW
    WHEN (OLD.synced_at IS NOT DISTINCT FROM NEW.synced_at
              AND OLD.synced_events IS NOT DISTINCT FROM NEW.synced_events
          OR (OLD.handle, OLD.display_name, OLD.email, OLD.email_verified,
              OLD.phone_number, OLD.phone_number_verified)
             IS DISTINCT FROM
             (NEW.handle, NEW.display_name, NEW.email, NEW.email_verified,
              NEW.phone_number, NEW.phone_number_verified))
    EXECUTE FUNCTION social_touch();


-- A user's row with what the issuer says in its place; NULL is for what it does
-- not say.  What it said before "synced_at" only takes places that are empty.
-- A new address or number is as verified as is said with it.

CREATE FUNCTION social_user_merge(p_user users, p_email text,
    p_email_verified boolean, p_phone text, p_phone_verified boolean,
    p_name text, p_at timestamptz, p_event bigint) RETURNS users
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_newer  boolean := coalesce(p_at >= p_user.synced_at, true);
BEGIN
    IF p_email IS NOT NULL AND (v_newer OR p_user.email IS NULL) THEN
        p_user.email_verified := coalesce(p_email_verified,
            CASE WHEN p_user.email = p_email THEN p_user.email_verified END);
        p_user.email := p_email;
    END IF;

    IF p_phone IS NOT NULL AND (v_newer OR p_user.phone_number IS NULL) THEN
        p_user.phone_number_verified := coalesce(p_phone_verified,
            CASE WHEN p_user.phone_number = p_phone
                 THEN p_user.phone_number_verified END);
        p_user.phone_number := p_phone;
    END IF;

    IF coalesce(p_email, p_phone) IS NOT NULL THEN
        p_user.synced_at := greatest(p_user.synced_at, p_at);
    END IF;

    IF p_event IS NOT NULL THEN
        p_user.synced_events := (p_event || p_user.synced_events)[1:8];
    END IF;

    IF p_user.display_name = p_user.made_up THEN
        p_user.display_name := coalesce(p_name, p_user.display_name);
    END IF;

    RETURN p_user;
END
$$;


-- The handle to try after i - 1 others that were taken: "andrew-2" reads well;
-- after a few, random numbers.

CREATE FUNCTION social_handle_next(p_base text, p_i integer) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT left(p_base, 24) || '-'
        || CASE WHEN p_i <= 6 THEN p_i::text
                ELSE left(md5(gen_random_uuid()::text), 6) END
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

DROP FUNCTION social_user_sync(text, text, text, text, text);

CREATE FUNCTION social_user_sync(p_issuer text, p_sub text, p_username text,
    p_email text, p_name text, p_email_verified boolean DEFAULT NULL,
    p_phone text DEFAULT NULL, p_phone_verified boolean DEFAULT NULL,
    p_at timestamptz DEFAULT NULL, p_event text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_user    users;
    v_new     users;
    v_wanted  text := social_handle_of(p_username, p_sub);
    v_name    text := nullif(btrim(p_name), '');
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

    -- spaces and marks without a letter under them are not seen, either

    IF social_identifier(v_name) OR lower(v_name) = lower(p_sub)
        OR social_plain(v_name) ~ '^[\s\u0300-\u036f\u1680]*$'
    THEN
        v_name := NULL;
    END IF;

    v_name := coalesce(v_name, v_wanted);

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

    v_base := coalesce(v_wanted, social_handle_make_up());
    v_handle := v_base;

    IF v_user.id IS NULL THEN

        FOR i IN 2 .. 40 LOOP
            INSERT INTO users (issuer, sub, handle, display_name, made_up,
                               email, email_verified, phone_number,
                               phone_number_verified, synced_at, synced_events)
                VALUES (p_issuer, p_sub, v_handle, coalesce(v_name, v_handle),
                        CASE WHEN v_wanted IS NULL THEN v_handle END,
                        v_email,
                        CASE WHEN v_email IS NOT NULL
                             THEN p_email_verified END,
                        v_phone,
                        CASE WHEN v_phone IS NOT NULL
                             THEN p_phone_verified END,
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
    END IF;

    v_new := social_user_merge(v_user, v_email, p_email_verified, v_phone,
                               p_phone_verified, v_name, v_at, v_event);

    IF v_event = ANY (v_user.synced_events)
        OR v_new IS NOT DISTINCT FROM v_user
           AND (v_wanted IS NULL
                OR v_user.handle IS DISTINCT FROM v_user.made_up)
    THEN
        RETURN v_user.id;
    END IF;

    -- the row may have changed since it was read

    SELECT * INTO v_user FROM users WHERE id = v_user.id FOR UPDATE;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    IF v_event = ANY (v_user.synced_events) THEN
        RETURN v_user.id;
    END IF;

    -- a generated handle is replaced, unless the user has chosen one since

    FOR i IN 2 .. 40 LOOP
        EXIT WHEN v_wanted IS NULL
            OR v_user.handle IS DISTINCT FROM v_user.made_up;

        BEGIN
            UPDATE users SET handle = v_handle WHERE id = v_user.id;
            EXIT;

        EXCEPTION WHEN unique_violation THEN
            v_handle := social_handle_next(v_base, i);
        END;
    END LOOP;

    v_new := social_user_merge(v_user, v_email, p_email_verified, v_phone,
                               p_phone_verified, v_name, v_at, v_event);

    UPDATE users
        SET email = v_new.email,
            email_verified = v_new.email_verified,
            phone_number = v_new.phone_number,
            phone_number_verified = v_new.phone_number_verified,
            display_name = v_new.display_name,
            synced_at = v_new.synced_at,
            synced_events = v_new.synced_events
        WHERE id = v_user.id;

    RETURN v_user.id;
END
$$;


-- The same from a token, which does not say whose choice its username was:
-- "Corp_jane" may be of a Jane Corp, or of "jane" at a company's identity
-- provider.  Names of that form wait until the issuer, or the user, says that
-- they are handles.

DROP FUNCTION social_user_seen(text, text, text);

CREATE FUNCTION social_user_seen(p_issuer text, p_sub text, p_username text,
    p_email text DEFAULT NULL, p_name text DEFAULT NULL,
    p_email_verified boolean DEFAULT NULL, p_phone text DEFAULT NULL,
    p_phone_verified boolean DEFAULT NULL, p_at timestamptz DEFAULT NULL)
    RETURNS uuid
LANGUAGE sql SET lock_timeout = '250ms' AS $$
    SELECT social_user_sync(p_issuer, p_sub,
                            CASE WHEN p_username !~ '._' THEN p_username END,
                            p_email, p_name, p_email_verified, p_phone,
                            p_phone_verified, p_at)
$$;


-- Roles of users, given by the operator; tokens carry them.  They are separated
-- by spaces where a claim has to be a string.

CREATE TABLE user_roles (
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role        text NOT NULL CHECK (role ~ '^[A-Za-z0-9_.:/-]{1,64}$'),
    created_at  timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (user_id, role)
);


-- The same as social_user_sync() for one whose token is about to be issued:
-- their id and roles, separated by spaces.  No row for one who was deleted.

CREATE FUNCTION social_user_token(p_issuer text, p_sub text, p_username text,
    p_email text, p_name text, p_email_verified boolean, p_phone text,
    p_phone_verified boolean, p_at timestamptz, p_event text)
    RETURNS TABLE (id uuid, roles text)
LANGUAGE sql SET lock_timeout = '250ms' AS $$
    SELECT u.id, (SELECT coalesce(string_agg(role, ' ' ORDER BY role), '')
                      FROM user_roles WHERE user_id = u.id)
        FROM social_user_sync(p_issuer, p_sub, p_username, p_email, p_name,
                              p_email_verified, p_phone, p_phone_verified,
                              p_at, p_event) AS u (id)
        WHERE u.id IS NOT NULL
$$;


-- Who may sign up.  A rule is of one issuer, or of all where that is NULL.  Who
-- is denied may not; and while there is any rule that allows, only those whom
-- one allows may.  Of a domain, "example.com" is that one, and "*.example.com"
-- all below it.  The message is shown to who is refused.

CREATE TABLE sign_up_rules (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action      text NOT NULL CHECK (action IN ('allow', 'deny')),
    kind        text NOT NULL
                CHECK (kind IN ('domain', 'email', 'phone', 'username')),
    value       text NOT NULL CHECK (value <> '' AND value = lower(value)),
    issuer      text,
    message     text CHECK (length(message) BETWEEN 1 AND 200),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX sign_up_rules_value
    ON sign_up_rules (value, kind, action, coalesce(issuer, ''));

CREATE INDEX sign_up_rules_allow ON sign_up_rules (id) WHERE action = 'allow';


-- What to say to one who may not sign up, or NULL for who may.  An address with
-- a tag, "ann+news@example.com", is denied with the one without it.

CREATE FUNCTION social_sign_up_refused(p_issuer text, p_username text,
    p_email text, p_phone text) RETURNS text
LANGUAGE sql STABLE SET lock_timeout = '250ms' AS $$
    WITH said AS (
        SELECT email, string_to_array(substring(email FROM '@([^@]*)$'), '.')
                   AS labels
            FROM (SELECT rtrim(lower(btrim(social_plain(p_email))), '.'))
                AS t (email)),
    named (kind, value, untagged) AS (
        SELECT 'email', email, false FROM said
        UNION
        SELECT 'email', regexp_replace(email, '\+[^@]*@', '@'), true FROM said
        UNION
        SELECT 'domain', array_to_string(labels, '.'), false FROM said
        UNION
        SELECT 'domain', '*.' || array_to_string(labels[i:], '.'), false
            FROM said, generate_series(greatest(2, cardinality(labels) - 20),
                                       cardinality(labels)) AS i
        UNION
        SELECT 'phone', lower(btrim(social_plain(p_phone))), false
        UNION
        SELECT 'username', lower(btrim(social_plain(p_username))), false),
    rules AS (
        SELECT r.id, r.action, r.message
            FROM sign_up_rules r JOIN named USING (kind, value)
            WHERE (r.issuer IS NULL OR r.issuer = p_issuer)
                AND (r.action = 'deny' OR NOT untagged))
    SELECT CASE
        WHEN EXISTS (SELECT FROM rules WHERE action = 'deny')
            OR NOT EXISTS (SELECT FROM rules WHERE action = 'allow')
               AND EXISTS (SELECT FROM sign_up_rules
                               WHERE action = 'allow'
                                   AND (issuer IS NULL OR issuer = p_issuer))
        THEN coalesce((SELECT message FROM rules
                           WHERE action = 'deny' AND message IS NOT NULL
                           ORDER BY id LIMIT 1),
                      'This account cannot be created.')
    END
$$;


INSERT INTO social_callers (role, function) VALUES
    ('social_gateway', 'social\_user\_token'),
    ('social_gateway', 'social\_sign\_up\_refused');
