"""`./airdesk halt`, `reduce` and `resume` on a real database."""

from __future__ import annotations

import pytest
from trading.domain.portfolio import TradingState
from trading.entrypoints import cli

from tests.fakes import ACCOUNT, ny
from tests.integration.order_desk import BOOK, SPEC


@pytest.fixture
def state(store, database_url, monkeypatch):
    """Open a book in a state; the commands below find it."""
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "paper")
    monkeypatch.setenv("AIRDESK_BOOK", f"paper:{ACCOUNT}")

    def open_in(word: TradingState, reason: str) -> None:
        with store.transaction() as tx:
            tx.ledger.open_book(
                BOOK, strategy=SPEC.name, spec_hash=SPEC.spec_hash, opened_at=ny("2019-06-03 09:30"), cash_usd=100_000
            )
            tx.controls.set_state(BOOK, word, reason=reason, actor="reconcile")

    return open_in


def now(store) -> TradingState:
    with store.transaction() as tx:
        return tx.controls.trading_state(BOOK)


def test_resuming_a_halted_book_says_what_halted_it(state, store, capsys):
    state(TradingState.HALTED, "cash: ours 1 USD, broker 2 USD")
    assert cli.main(["resume", "--reason", "a fee, booked"]) == 0
    assert "it was halted by reconcile: cash: ours 1 USD, broker 2 USD" in capsys.readouterr().out
    assert now(store) is TradingState.ACTIVE


@pytest.mark.parametrize("command", ["resume", "reduce"])
def test_a_locked_book_is_opened_by_a_halt_only(state, store, capsys, command):
    state(TradingState.LOCKED, "account under review")
    assert cli.main([command, "--reason", "let us go on"]) == 1
    said = capsys.readouterr().err
    assert "is LOCKED (reconcile: account under review)" in said
    assert './airdesk halt --reason "…"' in said
    assert now(store) is TradingState.LOCKED
    assert cli.main(["halt", "--reason", "review is over"]) == 0
    assert cli.main([command, "--reason", "let us go on"]) == 0
