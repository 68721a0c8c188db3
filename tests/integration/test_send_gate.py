"""The gate before every send: what it reads, who passes, and what a halt waits for."""

from __future__ import annotations

import threading

import pytest
from trading.adapters.halt_flag import HaltFlag
from trading.adapters.postgres_store import PostgresStore
from trading.domain.instruments import BookId, BookKind
from trading.domain.portfolio import TradingState
from trading.errors import TransientError
from trading.tasks.halting import BREAKER, follow_breaker

from tests.fakes import ny

BOOK = BookId(BookKind.PAPER, "DU1")


@pytest.fixture
def desk(store):
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=ny("2019-06-03 09:30"), cash_usd=1)
    return store


def halt(desk) -> None:
    with desk.transaction() as tx:
        tx.controls.set_state(BOOK, TradingState.HALTED, reason="test", actor="test")


def test_a_send_sees_the_state_that_is_committed_when_it_starts(desk):
    with desk.order_writer(BOOK) as epoch:
        with desk.send_gate(BOOK, epoch=epoch) as state:
            assert state is TradingState.ACTIVE
        halt(desk)
        with desk.send_gate(BOOK, epoch=epoch) as state:
            assert state is TradingState.HALTED


def test_s05_a_halt_waits_for_the_send_under_way_and_every_later_send_sees_it(desk):
    sends, seen = [], []
    inside, go_on = threading.Event(), threading.Event()

    def send() -> None:
        with desk.order_writer(BOOK) as epoch:
            with desk.send_gate(BOOK, epoch=epoch):
                inside.set()
                go_on.wait(10)
                sends.append("first")
            with desk.send_gate(BOOK, epoch=epoch) as state:
                seen.append(state)

    sender = threading.Thread(target=send)
    sender.start()
    inside.wait(10)
    threading.Timer(0.2, go_on.set).start()
    with desk.close_gate(BOOK, wait_seconds=10) as is_closed:
        assert (is_closed, sends) == (True, ["first"])
        halt(desk)
    sender.join(10)
    assert seen == [TradingState.HALTED]


def test_a_halt_does_not_wait_for_ever_for_a_sender_that_hangs(desk):
    with (
        desk.order_writer(BOOK) as epoch,
        desk.send_gate(BOOK, epoch=epoch),
        desk.close_gate(BOOK, wait_seconds=0.05) as is_closed,
    ):
        assert not is_closed


def test_nobody_sends_while_the_gate_is_closed(desk, database_url):
    hasty = PostgresStore(database_url, writer_wait_seconds=0.05)
    with (
        desk.order_writer(BOOK) as epoch,
        desk.close_gate(BOOK, wait_seconds=1),
        pytest.raises(TransientError, match="nothing was sent"),
        hasty.send_gate(BOOK, epoch=epoch),
    ):
        pytest.fail("a closed gate let a send through")


def test_a03_a_writer_that_another_one_replaced_does_not_pass(desk):
    with desk.order_writer(BOOK) as stale:
        pass
    with desk.order_writer(BOOK) as fresh:
        with pytest.raises(TransientError, match="took over"), desk.send_gate(BOOK, epoch=stale):
            pytest.fail("a replaced writer passed")
        with desk.send_gate(BOOK, epoch=fresh) as state:
            assert state is TradingState.ACTIVE


def test_the_file_flag_halts_at_once_and_for_as_long_as_it_lies_there(desk, database_url, tmp_path):
    flag = HaltFlag(tmp_path / "HALT")
    flagged = PostgresStore(database_url, writer_wait_seconds=1, halt_flag=flag)
    with flagged.order_writer(BOOK) as epoch:
        flag.path.touch()
        with flagged.send_gate(BOOK, epoch=epoch) as state:
            assert state is TradingState.HALTED
        flag.path.unlink()
        with flagged.send_gate(BOOK, epoch=epoch) as state:
            assert state is TradingState.ACTIVE


def test_a_flag_that_cannot_be_looked_at_counts_as_raised(tmp_path):
    (tmp_path / "a_file").touch()
    assert HaltFlag(tmp_path / "a_file" / "HALT").is_raised()
    assert not HaltFlag(tmp_path / "nothing" / "HALT").is_raised()


def test_a_replay_is_not_touched_by_the_flag_and_a_locked_book_stays_locked(desk, database_url, tmp_path):
    (tmp_path / "HALT").touch()
    flagged = PostgresStore(database_url, halt_flag=HaltFlag(tmp_path / "HALT"))
    replay = BookId(BookKind.REPLAY, "r")
    with flagged.transaction() as tx:
        tx.ledger.open_book(replay, strategy="s", spec_hash="h", opened_at=ny("2019-06-03 09:30"), cash_usd=1)
        tx.controls.set_state(BOOK, TradingState.LOCKED, reason="test", actor="test")
        assert tx.controls.trading_state(replay) is TradingState.ACTIVE
        assert tx.controls.trading_state(BOOK) is TradingState.LOCKED


# --- who may change what ------------------------------------------------------------------------


def state_after(desk, *events, then: TradingState) -> TradingState:
    """Return the state once the breaker asked for `then` after these (state, actor) events."""
    with desk.transaction() as tx:
        for state, actor in events:
            tx.controls.set_state(BOOK, state, reason="test", actor=actor)
        follow_breaker(tx, BOOK, then, reason="test")
        return tx.controls.trading_state(BOOK)


def test_the_breaker_tightens_and_lifts_its_own_state_only(desk):
    trip, active = TradingState.REDUCE_ONLY, TradingState.ACTIVE
    assert state_after(desk, then=trip) is trip
    assert state_after(desk, then=active) is active
    assert state_after(desk, (trip, "cli:vic"), then=active) is trip
    assert state_after(desk, (trip, BREAKER), (TradingState.HALTED, "cli:vic"), then=active) is TradingState.HALTED


def test_a_trip_under_an_operators_reduce_only_leaves_it_the_operators(desk):
    trip = TradingState.REDUCE_ONLY
    assert state_after(desk, (trip, "cli:vic"), then=trip) is trip
    assert state_after(desk, then=TradingState.ACTIVE) is trip
