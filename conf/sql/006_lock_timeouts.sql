-- One row or lock that somebody holds stops nobody but those who need it.
--
-- The gateway has several statements under way on one connection, in order:
-- one that waits for a lock has those behind it wait too.  So what a gateway
-- calls gives up soon, with lock_not_available (55P03), and its request is
-- told to try again (503).  A transaction that is as short as ours holds a
-- lock for milliseconds.
--
-- It is a setting of the functions and not of the connection, since a pooler
-- in transaction mode keeps none of those.  CREATE OR REPLACE FUNCTION forgets
-- it: a later migration that replaces one of them says it again.

DO $$
DECLARE
    v_function  regprocedure;
BEGIN
    FOR v_function IN
        SELECT oid FROM pg_proc
            WHERE pronamespace = current_schema()::regnamespace
                AND prokind = 'f'
                AND proname IN ('social_user_sync', 'social_upload_create',
                                'social_upload_get', 'social_object_created',
                                'social_revoke')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET lock_timeout = %L',
                       v_function, '250ms');
    END LOOP;
END
$$;
