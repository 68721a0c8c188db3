-- What the desk may not do itself, the owner does for it: three functions with the owner's rights, each for one thing.

-- Years of bars are tables, and making a table is the owner's.
ALTER FUNCTION market.ensure_year(int) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION staging.ensure_year(int) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION market.attach_year(regclass, text, int) FROM PUBLIC;
REVOKE ALL ON FUNCTION market.ensure_year(int) FROM PUBLIC;
REVOKE ALL ON FUNCTION staging.ensure_year(int) FROM PUBLIC;

-- A replay book goes as a whole. No other book ever does, and no other row of a book: the desk has no DELETE on them.
CREATE FUNCTION desk.delete_replay(gone text) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF gone NOT LIKE 'replay:%' THEN
        RAISE EXCEPTION 'book % is not a replay and is never deleted', gone;
    END IF;
    WITH states AS (DELETE FROM desk.replay_states WHERE book = gone),
         marks AS (DELETE FROM desk.marks WHERE book = gone),
         navs AS (DELETE FROM desk.nav WHERE book = gone),
         washes AS (DELETE FROM desk.wash_matches WHERE book = gone),
         methods AS (DELETE FROM desk.lot_methods WHERE book = gone),
         disposals AS (DELETE FROM desk.disposals WHERE book = gone),
         lots AS (DELETE FROM desk.lots WHERE book = gone),
         cash AS (DELETE FROM desk.cash_entries WHERE book = gone),
         fills AS (DELETE FROM desk.fills WHERE book = gone),
         intents AS (DELETE FROM desk.intents WHERE order_id IN (SELECT order_id FROM desk.orders WHERE book = gone)),
         events AS (DELETE FROM desk.order_events WHERE order_id IN
                    (SELECT order_id FROM desk.orders WHERE book = gone)),
         orders AS (DELETE FROM desk.orders WHERE book = gone),
         reasons AS (DELETE FROM desk.reasons WHERE decision_id IN
                     (SELECT decision_id FROM desk.decisions WHERE book = gone)),
         targets AS (DELETE FROM desk.targets WHERE decision_id IN
                     (SELECT decision_id FROM desk.decisions WHERE book = gone)),
         risks AS (DELETE FROM desk.risk WHERE book = gone),
         rebalances AS (DELETE FROM desk.rebalances WHERE book = gone),
         decisions AS (DELETE FROM desk.decisions WHERE book = gone),
         states_of_trading AS (DELETE FROM ops.controls WHERE book = gone)
    DELETE FROM desk.books WHERE book = gone;
END $$;
REVOKE ALL ON FUNCTION desk.delete_replay(text) FROM PUBLIC;

-- Which rights were given out, so that `migrate` gives them out again only when they changed. One row.
CREATE TABLE ops.granted_rights (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    checksum text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ops.granted_rights IS 'Which rights the roles were given last. One row.';
COMMENT ON COLUMN ops.granted_rights.is_only IS 'True: there is one row.';
COMMENT ON COLUMN ops.granted_rights.checksum IS 'Digest of the rights and of the migrations that they were given on.';
COMMENT ON COLUMN ops.granted_rights.granted_at IS 'When they were given.';
