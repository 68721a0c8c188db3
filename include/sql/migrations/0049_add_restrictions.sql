-- What a person forbids to buy, until a day or until further notice; and what each sale was decided for.

-- Latest row per (book, symbol) wins. `until_on` is the last day on which it holds.
CREATE TABLE ops.restrictions (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book text NOT NULL,
    symbol text NOT NULL,
    is_restricted boolean NOT NULL,
    until_on date,
    reason text NOT NULL CHECK (length(trim(reason)) > 0),
    actor text NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (is_restricted OR until_on IS NULL)
);
CREATE INDEX ops_restrictions_book ON ops.restrictions (book, symbol, event_id DESC);
CREATE TRIGGER restrictions_append_only BEFORE UPDATE OR DELETE ON ops.restrictions
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();

-- The exit rule or the guard that a sale follows from; empty for entries, protection, and what was sold before this.
ALTER TABLE desk.orders ADD COLUMN cause text;
