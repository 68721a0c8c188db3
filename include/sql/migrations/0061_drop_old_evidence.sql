-- The night lets go of the evidence of bars that were fetched years ago; what was believed of them stays in market.bars.

CREATE FUNCTION staging.drop_years(before int) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE old text; dropped int := 0;
BEGIN
    IF before > extract(year FROM clock_timestamp()) - 2 THEN
        RAISE EXCEPTION 'evidence of the last two years stays; % is too late', before;
    END IF;
    FOR old IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'staging.bars'::regclass AND c.relname ~ '^bars_\d{4}$' AND right(c.relname, 4)::int < before
    LOOP
        EXECUTE format('DROP TABLE staging.%I', old);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION staging.drop_years(int) FROM PUBLIC;
