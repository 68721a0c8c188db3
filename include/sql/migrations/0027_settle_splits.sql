-- Prices may leave it open whether a split took place; then a person says so, and no later price takes that back.
ALTER TABLE market.action_states DROP CONSTRAINT action_states_state_check;
ALTER TABLE market.action_states ADD CONSTRAINT action_states_state_check
    CHECK (state IN ('confirmed', 'suspect', 'undecided'));
ALTER TABLE market.action_states ADD COLUMN actor text NOT NULL DEFAULT 'prices';
