-- What gateways share for "social_limit": how much each of them is asked for,
-- and how much of a quota was used.
--
-- A key is the first 16 bytes of a hash, of a limit and of what it counts. Only
-- the keys that are asked for most have rows.


-- The gateways that there are. "exchange" is the number of the last one that
-- was counted: one that is sent again counts nothing. As durable as what it
-- guards, limit_quotas.

CREATE TABLE limit_gateways (
    id        uuid PRIMARY KEY,
    exchange  bigint NOT NULL,
    until     timestamptz NOT NULL
) WITH (fillfactor = 50);


-- How many requests a gateway has of a key, in thousandths of a request a
-- second. A row is written by its gateway only, each second; what a crash of
-- the server drops comes again with the next one.

CREATE UNLOGGED TABLE limit_demands (
    key      bytea NOT NULL,
    gateway  uuid NOT NULL,
    demand   bigint NOT NULL,
    until    timestamptz NOT NULL,

    PRIMARY KEY (key, gateway)
) WITH (fillfactor = 50);


-- How much of a quota was used by all of them. The period is part of the key.

CREATE TABLE limit_quotas (
    key    bytea PRIMARY KEY,
    used   bigint NOT NULL,
    until  timestamptz NOT NULL
) WITH (fillfactor = 50);


-- Tells what this gateway knows, and returns what the others do: first a row
-- with the number of all gateways that live, this one included, and the time in
-- seconds; then one for each key, in their order: how many others are asked for
-- it, their demand, and what all have used of a quota.
--
-- "p_lease" is in milliseconds: a gateway that says nothing for so long counts
-- no more. "p_used" is added; "p_until" is when a quota's period ends, in
-- seconds, and NULL for a rate.

CREATE FUNCTION social_limits_exchange(p_gateway uuid, p_exchange bigint,
    p_lease bigint, p_keys text[], p_demands bigint[], p_used bigint[],
    p_until bigint[])
    RETURNS TABLE (gateways bigint, demand bigint, used bigint)
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
#variable_conflict use_column
DECLARE
    v_until  CONSTANT timestamptz := now() + p_lease * interval '1 ms';
    v_new    boolean;
BEGIN
    INSERT INTO limit_gateways AS g (id, exchange, until)
        VALUES (p_gateway, p_exchange, v_until)
        ON CONFLICT (id) DO UPDATE
            SET exchange = excluded.exchange, until = excluded.until
            WHERE g.exchange < excluded.exchange;

    v_new := FOUND;

    -- a key may be there twice, where it has lost its slot and got another one

    INSERT INTO limit_demands (key, gateway, demand, until)
        SELECT decode(a.key, 'hex'), p_gateway, max(a.demand), v_until
            FROM unnest(p_keys, p_demands) AS a (key, demand)
            GROUP BY a.key
        ON CONFLICT (key, gateway) DO UPDATE
            SET demand = excluded.demand, until = excluded.until;

    -- in one order, since others wait for these rows

    IF v_new THEN
        INSERT INTO limit_quotas AS q (key, used, until)
            SELECT decode(a.key, 'hex'), sum(a.used)::bigint,
                   to_timestamp(max(a.until)) + interval '1 day'
                FROM unnest(p_keys, p_used, p_until) AS a (key, used, until)
                WHERE a.until IS NOT NULL AND a.used > 0
                GROUP BY a.key
                ORDER BY a.key
            ON CONFLICT (key) DO UPDATE SET used = q.used + excluded.used;
    END IF;

    RETURN QUERY
        SELECT count(*), extract(epoch FROM now())::bigint, NULL::bigint
            FROM limit_gateways WHERE until > now();

    RETURN QUERY
        SELECT o.gateways, o.demand, coalesce(q.used, 0)
            FROM unnest(p_keys) WITH ORDINALITY AS a (key, i)
            CROSS JOIN LATERAL (
                SELECT count(*) AS gateways,
                       coalesce(sum(d.demand), 0)::bigint AS demand
                    FROM limit_demands d
                    WHERE d.key = decode(a.key, 'hex')
                        AND d.gateway <> p_gateway AND d.until > now()
            ) AS o
            LEFT JOIN limit_quotas q ON q.key = decode(a.key, 'hex')
            ORDER BY a.i;
END
$$;


-- Deletes what is over, "p_n" rows of each table at most, and returns how many
-- that were. A gateway is forgotten after a day, when nothing of it can be sent
-- again. Those that do so at the same time do not wait for each other.

CREATE FUNCTION social_limits_expire(p_n integer) RETURNS bigint
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    v_n    bigint;
    v_sum  bigint := 0;
BEGIN
    DELETE FROM limit_demands WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM limit_demands WHERE until < now()
            LIMIT p_n FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_n = ROW_COUNT;
    v_sum := v_sum + v_n;

    DELETE FROM limit_quotas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM limit_quotas WHERE until < now()
            LIMIT p_n FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_n = ROW_COUNT;
    v_sum := v_sum + v_n;

    DELETE FROM limit_gateways WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM limit_gateways
            WHERE until < now() - interval '1 day'
            LIMIT p_n FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_n = ROW_COUNT;

    RETURN v_sum + v_n;
END
$$;


INSERT INTO social_callers (role, function) VALUES
    ('social_gateway', 'social\_limits\_%');
