-- A rule that may only make a finished order smaller has a role of its own.

ALTER TABLE desk.reasons DROP CONSTRAINT reasons_role_check;
ALTER TABLE desk.reasons ADD CONSTRAINT reasons_role_check
    CHECK (role IN ('entry_required', 'entry_optional', 'shrink', 'exit', 'block'));
