-- The rights of each program in the database.
--
--   social_owner    owns everything; scripts/migrate is run as it
--   social_gateway  nginx with the module
--   social_worker   social-worker
--   social_backend  the reference backend
--
-- They are made without a login: give them one (ALTER ROLE social_gateway
-- LOGIN PASSWORD ...), or grant them to the roles that log in.  Roles are of a
-- whole cluster: existing ones are used. Without the right to create them
-- (CREATEROLE) they have to exist before.
--
-- A function that is to be called writes on behalf of its owner (SECURITY
-- DEFINER), so that those who call it need no right to a table.

DO $$
DECLARE
    v_role  text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['social_owner', 'social_gateway',
                                  'social_worker', 'social_backend']
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = v_role);

        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);

        EXCEPTION
            -- another database of the cluster was migrated at the same time
            WHEN duplicate_object OR unique_violation THEN
                NULL;

            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role % is missing, and % may not make it',
                    v_role, current_user
                    USING ERRCODE = 'insufficient_privilege',
                          HINT = format('Have an administrator run: '
                                        'CREATE ROLE %I NOLOGIN', v_role);
        END;
    END LOOP;
END
$$;


-- Which functions a role may call: names, as patterns of LIKE.  A migration
-- that adds one that a program calls adds its row.

CREATE TABLE social_callers (
    role      text NOT NULL,
    function  text NOT NULL,

    PRIMARY KEY (role, function)
);

INSERT INTO social_callers (role, function) VALUES
    ('social_gateway', 'social\_user\_sync'),
    ('social_gateway', 'social\_upload\_create'),
    ('social_gateway', 'social\_upload\_get'),
    ('social_gateway', 'social\_object\_created'),
    ('social_gateway', 'social\_revoke'),
    ('social_gateway', 'social\_revocations\_expire'),
    ('social_worker', 'social\_jobs\_claim'),
    ('social_worker', 'social\_job\_extend'),
    ('social_worker', 'social\_job\_finish'),
    ('social_worker', 'social\_job\_fail'),
    ('social_worker', 'social\_job\_release'),
    ('social_worker', 'social\_job\_retry'),
    ('social_worker', 'social\_job\_discard'),
    ('social_worker', 'social\_avatar\_lock'),
    ('social_worker', 'social\_prune'),
    ('social_worker', 'social\_clean\_%'),
    ('social_backend', 'social\_user\_sync'),
    ('social_backend', 'social\_user\_seen');


-- Grants these rights on everything that exists: scripts/migrate calls it in
-- the transaction of every migration that comes after this one, since CREATE OR
-- REPLACE FUNCTION drops SECURITY DEFINER, and a new function may be called by
-- all roles.
--
-- What a superuser migrated gets the owner social_owner: functions that act for
-- their owner must not act for a superuser.

CREATE FUNCTION social_grants() RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_roles  CONSTANT text := 'social_gateway, social_worker, social_backend';
    v        record;
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT USAGE, CREATE ON SCHEMA public TO social_owner;

        FOR v IN
            SELECT c.oid::regclass AS name FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace
                    AND c.relkind IN ('r', 'p', 'v')
                    AND c.relowner <> 'social_owner'::regrole
                    AND NOT EXISTS (SELECT FROM pg_depend d
                                    WHERE d.objid = c.oid
                                        AND d.deptype = 'e')
        LOOP
            EXECUTE format('ALTER TABLE %s OWNER TO social_owner', v.name);
        END LOOP;

        FOR v IN
            SELECT p.oid::regprocedure AS name FROM pg_proc p
                WHERE p.pronamespace = 'public'::regnamespace
                    AND p.proname LIKE 'social\_%'
                    AND p.proowner <> 'social_owner'::regrole
        LOOP
            EXECUTE format('ALTER FUNCTION %s OWNER TO social_owner', v.name);
        END LOOP;
    END IF;

    -- tables: nothing, but for what is read row by row

    FOR v IN
        SELECT c.oid::regclass AS name FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace
                AND c.relkind IN ('r', 'p', 'v')
                AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC, %s', v.name,
                       v_roles);
    END LOOP;

    GRANT SELECT ON revocations TO social_gateway;
    GRANT SELECT ON jobs TO social_worker;
    GRANT SELECT ON users, activities TO social_backend;
    GRANT UPDATE (handle, display_name, bio) ON users TO social_backend;
    GRANT INSERT ON activities TO social_backend;

    -- functions: those that are named in social_callers

    FOR v IN
        SELECT p.oid::regprocedure AS name,
               string_agg(DISTINCT c.role, ', ') AS callers
            FROM pg_proc p
            LEFT JOIN social_callers c ON p.proname LIKE c.function
            WHERE p.pronamespace = 'public'::regnamespace
                AND p.proname LIKE 'social\_%'
                AND pg_has_role(p.proowner, 'USAGE')
            GROUP BY p.oid
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, %s', v.name,
                       v_roles);

        IF v.callers IS NOT NULL THEN
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER'
                           ' SET search_path = public, pg_temp', v.name);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', v.name,
                           v.callers);
        END IF;
    END LOOP;
END
$$;


-- Functions that are created without a migration, too.

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;


-- And what all roles may do in a new database: connect, create temporary tables
-- and, before PostgreSQL 15, create others. Its owner, or a superuser, can
-- revoke that; other roles that migrate it cannot.

DO $$
BEGIN
    IF pg_has_role((SELECT datdba FROM pg_database
                    WHERE datname = current_database()), 'USAGE')
    THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC',
                       current_database());
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO social_owner,'
                       ' social_gateway, social_worker, social_backend',
                       current_database());
    END IF;

    IF pg_has_role((SELECT nspowner FROM pg_namespace
                    WHERE nspname = 'public'), 'USAGE')
    THEN
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA public TO PUBLIC;
    END IF;
END
$$;

SELECT social_grants();
