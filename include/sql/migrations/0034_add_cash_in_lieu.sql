-- A split that leaves part of a share pays it out in cash: an entry of its own kind.

ALTER TABLE desk.cash_entries DROP CONSTRAINT cash_entries_kind_check;
ALTER TABLE desk.cash_entries ADD CONSTRAINT cash_entries_kind_check
    CHECK (kind IN ('deposit', 'fill', 'commission', 'dividend', 'cash_in_lieu', 'fee', 'interest'));
