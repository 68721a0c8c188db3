-- What a break is about in shares and dollars, so that adopting or resolving it can be shown before it is done.
ALTER TABLE ops.breaks ADD COLUMN reference text NOT NULL DEFAULT '';
ALTER TABLE ops.breaks ADD COLUMN quantity numeric(18, 4) NOT NULL DEFAULT 0
    CHECK (quantity > -1e9 AND quantity < 1e9);
ALTER TABLE ops.breaks ADD COLUMN cash_usd numeric(18, 6) NOT NULL DEFAULT 0
    CHECK (cash_usd > -1e12 AND cash_usd < 1e12);

-- A comparison may find foreign activity, which holds one symbol, and still let the book trade.
ALTER TABLE ops.reconciliations ADD COLUMN lets_trade boolean NOT NULL DEFAULT false;
UPDATE ops.reconciliations SET lets_trade = is_clean;
