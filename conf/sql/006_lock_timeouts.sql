-- A row or lock that is held delays only the statements that need it.
--
-- The gateway has several statements active on one connection, in order: one
-- that waits for a lock delays those behind it too. So the functions that a
-- gateway calls time out soon, with lock_not_available (55P03), and the request
-- gets 503 with Retry-After.  A transaction that is as short as ours holds a
-- lock for milliseconds.
--
-- It is a setting of the functions and not of the connection, since a pooler
-- in transaction mode keeps none of those.  CREATE OR REPLACE FUNCTION drops
-- it: a later migration that replaces one of them has to set it again.

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
