-- Wash sales as the nights found them: which shares replaced which that were sold at a loss. Nothing is changed; what is
-- found otherwise later gets a higher revision, with 0 shares if it is no wash sale any more.
CREATE TABLE desk.wash_matches (
    book text NOT NULL REFERENCES desk.books,
    -- The sale, the lot that it closed, and the lot that replaced it, which may be of another book.
    fill_id text NOT NULL,
    loss_lot_id text NOT NULL,
    lot_id text NOT NULL,
    revision int NOT NULL CHECK (revision > 0),
    symbol text NOT NULL,
    quantity numeric(18, 4) NOT NULL CHECK (quantity >= 0 AND quantity < 1e9),
    disallowed_usd numeric(18, 2) NOT NULL CHECK (disallowed_usd >= 0 AND disallowed_usd < 1e12),
    is_permanent boolean NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (book, fill_id, loss_lot_id, lot_id, revision)
);

CREATE VIEW desk.standing_wash_matches AS
    SELECT newest.* FROM (
        SELECT DISTINCT ON (book, fill_id, loss_lot_id, lot_id) *
        FROM desk.wash_matches ORDER BY book, fill_id, loss_lot_id, lot_id, revision DESC
    ) AS newest WHERE newest.quantity > 0;

-- From which day on the sales of a book close lots by which method; before the first row it is fifo.
CREATE TABLE desk.lot_methods (
    book text NOT NULL REFERENCES desk.books,
    since date NOT NULL,
    method text NOT NULL CHECK (method IN ('fifo', 'hifo')),
    chosen_by text NOT NULL,
    PRIMARY KEY (book, since)
);

CREATE TRIGGER wash_matches_append_only BEFORE DELETE ON desk.wash_matches
    FOR EACH ROW EXECUTE FUNCTION desk.guard_ledger();
CREATE TRIGGER wash_matches_no_update BEFORE UPDATE ON desk.wash_matches
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();
CREATE TRIGGER lot_methods_append_only BEFORE DELETE ON desk.lot_methods
    FOR EACH ROW EXECUTE FUNCTION desk.guard_ledger();
CREATE TRIGGER lot_methods_no_update BEFORE UPDATE ON desk.lot_methods
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();
