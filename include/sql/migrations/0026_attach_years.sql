-- A new year is built by itself and attached: CREATE TABLE … PARTITION OF shuts every reader out of the whole table
-- until its transaction ends, and that of an import takes minutes. Attaching holds up nobody but the next one to attach.
CREATE FUNCTION market.attach_year(parent regclass, child text, year int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass(child) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', child, parent);
    EXECUTE format(
        'ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', parent, child,
        make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC'), make_timestamptz(year + 1, 1, 1, 0, 0, 0, 'UTC'));
END $$;

CREATE OR REPLACE FUNCTION market.ensure_year(year int) RETURNS void LANGUAGE sql AS $$
    SELECT market.attach_year('market.bars', 'market.bars_' || year, year)
$$;

CREATE OR REPLACE FUNCTION staging.ensure_year(year int) RETURNS void LANGUAGE sql AS $$
    SELECT market.attach_year('staging.bars', 'staging.bars_' || year, year)
$$;
