"""A person's file settles a split that prices leave open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from trading.domain.gates import ActionState
from trading.domain.market import ActionKind, CorporateAction
from trading.ports import Provenance
from trading.tasks.import_data import import_actions

from tests.fakes import ny


def test_no_price_takes_back_a_split_that_a_file_confirmed(store):
    split = CorporateAction("NVDA", ActionKind.SPLIT, date(2026, 11, 18), 2.0, "flat", ny("2026-11-16 12:00"))
    with store.transaction() as tx:
        tx.market.add_actions([split], Provenance("flat", "test", ny("2026-11-16 12:00"), "test"))
        tx.market.judge_action(split, ActionState.UNDECIDED, known_at=ny("2026-11-18 10:30"), detail="seen")
    import_actions(
        store, [replace(split, source="csv")], Provenance("csv", "splits.csv", ny("2026-11-18 11:00"), "import")
    )
    with store.transaction() as tx:
        again = tx.market.judge_action(split, ActionState.UNDECIDED, known_at=ny("2026-11-18 11:30"), detail="seen")
        assert not again
        assert tx.market.suspect_actions(cutoff_at=ny("2026-11-18 12:30")) == ()
