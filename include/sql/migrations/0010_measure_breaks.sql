-- What a break is about in shares and dollars, so that adopting or resolving it can be shown before it is done.
ALTER TABLE ops.breaks ADD COLUMN reference text NOT NULL DEFAULT '';
ALTER TABLE ops.breaks ADD COLUMN quantity numeric(18, 4) NOT NULL DEFAULT 0
    CHECK (quantity > -1e9 AND quantity < 1e9);
ALTER TABLE ops.breaks ADD COLUMN cash_usd numeric(18, 6) NOT NULL DEFAULT 0
    CHECK (cash_usd > -1e12 AND cash_usd < 1e12);

-- The execution that a break is about: a broker forgets it at midnight, an operator may adopt it days later.
ALTER TABLE ops.breaks ADD COLUMN price numeric(18, 4) CHECK (price > 0 AND price < 1e7);
ALTER TABLE ops.breaks ADD COLUMN commission_usd numeric(18, 6)
    CHECK (commission_usd > -1e12 AND commission_usd < 1e12);
ALTER TABLE ops.breaks ADD COLUMN executed_at timestamptz;

-- A comparison may find foreign activity, which holds one symbol, and still let the book trade.
ALTER TABLE ops.reconciliations ADD COLUMN lets_trade boolean NOT NULL DEFAULT false;
UPDATE ops.reconciliations SET lets_trade = is_clean;

-- A statement tells of the past; it proves nothing about positions and cash of now.
ALTER TABLE ops.reconciliations DROP CONSTRAINT reconciliations_kind_check;
ALTER TABLE ops.reconciliations ADD CONSTRAINT reconciliations_kind_check
    CHECK (kind IN ('hourly', 'nightly', 'operator', 'statement'));
