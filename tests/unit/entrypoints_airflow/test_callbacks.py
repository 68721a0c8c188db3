"""Failures become messages, broken invariants stop trading, and neither hides the failure itself."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from trading.domain.instruments import BookId
from trading.domain.messages import KINDS
from trading.domain.portfolio import TradingState
from trading.entrypoints.airflow import callbacks
from trading.errors import InvariantBroken, PermanentError
from trading.tasks import failing

PAPER = BookId.parse("paper:DU1")


class Controls:
    """The switches and messages of one book, in memory."""

    def __init__(self, state: TradingState = TradingState.ACTIVE) -> None:
        self.state = state
        self.reasons: list[str] = []
        self.messages: dict[str, tuple[str, str]] = {}

    def trading_state(self, book: BookId, *, for_change: bool = False) -> TradingState:
        return self.state

    def state_event(self, book: BookId):
        return SimpleNamespace(state=self.state)

    def set_state(self, book: BookId, state: TradingState, *, reason: str, actor: str) -> None:
        self.state = state
        self.reasons.append(f"{actor}: {reason}")

    def notify(self, *, dedupe_key, book, kind, body, severity=None, buttons=(), picture=None) -> bool:
        self.messages[dedupe_key] = (severity or KINDS[kind].severity, body)
        return True


class Desk:
    """A store that only has controls."""

    def __init__(self, controls: Controls) -> None:
        self.controls = controls

    @contextmanager
    def close_gate(self, book: BookId, *, wait_seconds: float):
        yield True

    @contextmanager
    def transaction(self):
        yield SimpleNamespace(controls=self.controls)


def break_books(controls: Controls, book: BookId) -> None:
    with failing.halting(Desk(controls), book, actor="hourly_trading.decide"):
        raise InvariantBroken("cash does not balance; run a reconciliation")


def test_a_broken_invariant_halts_trading_and_still_fails_the_task():
    controls = Controls()
    with pytest.raises(InvariantBroken):
        break_books(controls, PAPER)
    assert controls.state is TradingState.HALTED
    assert controls.reasons == ["hourly_trading.decide: cash does not balance; run a reconciliation"]
    ((severity, body),) = controls.messages.values()
    assert severity == "error"
    assert "HALTED" in body


def test_a_replay_has_nothing_to_halt():
    controls = Controls()
    with pytest.raises(InvariantBroken):
        break_books(controls, BookId.parse("replay:june"))
    assert controls.state is TradingState.ACTIVE


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.LOCKED])
def test_a_stopped_book_keeps_its_state(state):
    controls = Controls(state)
    with pytest.raises(InvariantBroken):
        break_books(controls, PAPER)
    assert controls.state is state
    assert not controls.reasons


def test_an_ordinary_failure_does_not_halt():
    controls = Controls()
    with pytest.raises(PermanentError), failing.halting(Desk(controls), PAPER, actor="x"):
        raise PermanentError("bad key; correct it in .env")
    assert controls.state is TradingState.ACTIVE


def test_the_failure_text_names_task_run_and_next_action():
    text = failing.failure_text("hourly_trading", "manual__1", "decide", PermanentError("bad key; fix .env"), None)
    assert text == "hourly_trading.decide failed in manual__1: PermanentError: bad key; fix .env"
    assert failing.failure_text("d", "r", None, None, "timed_out") == "d failed in r: timed_out"


def test_a_failure_links_to_its_run():
    link = callbacks.link_of("http://127.0.0.1:8080", "hourly_trading", "scheduled__2026-11-27T15:30:00+00:00")
    assert link == "http://127.0.0.1:8080/dags/hourly_trading/runs/scheduled__2026-11-27T15%3A30%3A00%2B00%3A00"


def test_a_failure_callback_never_raises(caplog):
    callbacks.on_failure({})
    assert "could not be stored" in caplog.text
