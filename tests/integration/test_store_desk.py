"""Decisions, orders, ledger, switches: each stored once, and the money ties."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import psycopg2
import pytest
from trading.accounting.lots import book_fill
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import OrderPurpose, OrderStatus, Side
from trading.domain.panel import Why, columns, panel_of
from trading.domain.portfolio import TradingState
from trading.domain.signals import Outcome, Targets
from trading.errors import InvariantBroken, PermanentError, TransientError

from tests.builders import AS_OF, BOOK, a_decision, a_fill, a_nav_row, a_reason, an_event, an_order

HOUR = timedelta(hours=1)
REPLAY = BookId(BookKind.REPLAY, "r1")
TARGETS = Targets(AS_OF, 100_000.0, {"NVDA": 0.1})


@pytest.fixture
def desk(store):
    """A store with the open book of the builders and a replay book."""
    with store.transaction() as tx:
        for book in (BOOK, REPLAY):
            open_book(tx, book)
    return store


def open_book(tx, book) -> None:
    tx.ledger.open_book(book, strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=Decimal(100_000))


def decide(tx, *orders, book=BOOK) -> None:
    tx.decisions.add(a_decision(book=book), [a_reason()], TARGETS, orders or [an_order(book=book)])


def book(tx, fill) -> bool:
    return tx.ledger.add_booking(book_fill(fill, tx.ledger.lots(fill.book, fill.symbol)))


def count(url: str, table: str) -> int:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


# --- features and decisions ---------------------------------------------------------------------


def test_a_panel_comes_back_as_it_was_written(store) -> None:
    numbers = np.arange(2.0).reshape(1, 2)
    instants = np.array([["2019-06-03T14:00", "NaT"]], dtype="datetime64[us]")
    times = np.array(["2019-06-03T14:30"], dtype="datetime64[us]")
    known = {
        name: instants if name.endswith(("_at", "_through")) else numbers + 0.1
        for name in columns()
        if not name.startswith("why_") and name not in {"model_probability", "model_at", "price_at"}
    }
    for name in ("vix", "vix_change_frac", "cpi_yoy_frac", "cpi_yoy_3m_ago_frac", "gpr", "gpr_mean_12m"):
        known[name] = np.array([[np.nan if name == "gpr" else 0.5]])
    known["vix_at"] = known["macro_at"] = instants[:, :1]
    known["why_sentiment"] = np.array([[Why.KNOWN, Why.TOO_FEW_STORIES]], dtype=np.int8)
    panel = panel_of(times, ("NVDA", "GLD"), **known)
    with store.transaction() as tx:
        for _ in range(2):
            written = [tx.analysis.write(g, panel, AS_OF) for g in ("technicals", "sentiment", "valuation", "risk")]
        assert written == [2, 2, 2, 1]
        back = tx.analysis.read(("GLD", "NVDA", "SLV"), AS_OF, AS_OF)
        for name in columns():
            column, expected = getattr(back, name), getattr(panel, name)
            np.testing.assert_array_equal(column if column.shape == (1, 1) else column[:, [1, 0]], expected, name)
        assert back.why_technicals[0, 2] == Why.NO_DATA
        assert np.isnan(tx.analysis.read(("NVDA",), AS_OF, AS_OF + HOUR).price).all()


def test_a_decision_is_stored_once_with_all_it_says(desk, database_url) -> None:
    decision, order = a_decision(), an_order()
    stop = an_order(
        purpose=OrderPurpose.STOP, leg=1, parent_id=order.order_id, side=Side.SELL, limit_price=None, trail_frac=0.12
    )
    unknown = a_reason(rule="model_agrees", outcome=Outcome.ABSTAIN, observed=None, input_at=None, why="no model")
    with desk.transaction() as tx:
        assert tx.decisions.add(decision, [a_reason(), unknown], TARGETS, [order, stop])
    with desk.transaction() as tx:
        assert not tx.decisions.add(replace(decision, note="again"), [a_reason()], TARGETS, [order])
        assert tx.decisions.find(BOOK, DecisionKind.HOURLY, AS_OF) == decision
        assert tx.decisions.newest(BOOK, DecisionKind.HOURLY) == decision
        assert tx.decisions.newest(BOOK, DecisionKind.REBALANCE) is None
        assert set(tx.decisions.reasons(decision.decision_id, "NVDA")) == {a_reason(), unknown}
        assert tx.decisions.reasons(decision.decision_id, "GLD") == ()
        assert set(tx.orders.of_decision(decision.decision_id)) == {order, stop}
    assert [count(database_url, f"desk.{t}") for t in ("decisions", "reasons", "targets", "orders")] == [1, 2, 1, 2]


def test_a_transaction_that_fails_leaves_nothing(desk, database_url) -> None:
    with pytest.raises(InvariantBroken, match="nothing was stored"), desk.transaction() as tx:
        decide(tx, an_order(quantity=Decimal(0)))
    assert count(database_url, "desk.decisions") == 0


# --- orders -------------------------------------------------------------------------------------


def test_events_move_the_stored_order_and_late_news_stores_nothing(desk, database_url) -> None:
    order = an_order()
    with desk.transaction() as tx:
        decide(tx, order)
        assert tx.orders.working(BOOK) == ()
        tx.orders.record(order, an_event(order, OrderStatus.RESERVED))
        tx.orders.record(order, an_event(order, OrderStatus.SUBMITTED, broker_order_id=9))
        partial = an_event(order, OrderStatus.PARTIALLY_FILLED, filled_quantity=Decimal(4))
        moved = tx.orders.record(order, partial)
        assert (moved.status, moved.filled_quantity, moved.broker_order_id) == (partial.status, 4, 9)
        assert tx.orders.record(order, partial) == moved
        assert tx.orders.record(order, an_event(order, OrderStatus.SUBMITTED)) == moved
        assert tx.orders.working(BOOK) == tx.orders.recent(BOOK, 1) == (moved,)
        assert tx.orders.get(order.order_id) == moved
    assert count(database_url, "desk.order_events") == 3


def test_only_one_writer_at_a_time_holds_a_book(desk) -> None:
    with desk.order_writer(BOOK) as first, desk.order_writer(REPLAY):
        second = desk.order_writer(BOOK)
        with pytest.raises(TransientError, match="another order writer"):
            second.__enter__()
    with desk.order_writer(BOOK) as second:
        assert second > first


def test_a_writer_that_loses_its_session_leaves_no_lock_and_is_fenced(desk, database_url) -> None:
    order = an_order()
    with desk.transaction() as tx:
        decide(tx, order)
    with desk.order_writer(BOOK) as stale:
        with closing(connect(database_url)) as other, other, other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname ="
                " current_database())"
            )
        with desk.order_writer(BOOK) as fresh:
            assert fresh > stale
            with pytest.raises(TransientError, match="not the newest"), desk.transaction() as tx:
                tx.orders.reserve([order.order_id], client_id=11, first_id=1, epoch=stale)
            with desk.transaction() as tx:
                tx.orders.reserve([order.order_id], client_id=11, first_id=1, epoch=fresh)
            with pytest.raises(TransientError, match="not the newest"), desk.transaction() as tx:
                tx.orders.settle_intent(order.order_id, state="ACKED", perm_id=1, epoch=stale)


def test_a_writer_waits_for_the_one_before_it(desk, database_url) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with desk.order_writer(BOOK):
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    threading.Timer(0.3, release.set).start()
    with PostgresStore(database_url, writer_wait_seconds=10).order_writer(BOOK) as epoch:
        assert epoch == 2
    holder.join(10)


def test_ids_are_reserved_once_and_never_below_an_earlier_one(desk) -> None:
    orders = [an_order(leg=leg) for leg in range(3)]
    ids = [order.order_id for order in orders]
    with desk.order_writer(BOOK) as epoch, desk.transaction() as tx:
        decide(tx, *orders)
        given = tx.orders.reserve(ids[:2], client_id=11, first_id=50, epoch=epoch)
        assert [(i.order_id, i.reserved_id, i.state) for i in given] == [
            (ids[0], 50, "RESERVED"),
            (ids[1], 51, "RESERVED"),
        ]
        again = tx.orders.reserve(ids, client_id=11, first_id=7, epoch=epoch)
        assert [intent.reserved_id for intent in again] == [50, 51, 52]
        tx.orders.settle_intent(ids[0], state="ACKED", perm_id=99, epoch=epoch)
        tx.orders.settle_intent(ids[0], state="DONE", perm_id=None, epoch=epoch)
        settled = tx.orders.intents(ids)[ids[0]]
        assert (settled.state, settled.perm_id) == ("DONE", 99)


# --- ledger -------------------------------------------------------------------------------------


def test_opening_a_book_twice_deposits_once(desk) -> None:
    with desk.transaction() as tx:
        open_book(tx, BOOK)
        assert tx.ledger.portfolio(BOOK, AS_OF).cash_usd == 100_000
        assert set(tx.ledger.books()) == {BOOK, REPLAY}


def test_cash_and_lots_tie_after_buys_sales_and_a_late_commission(desk, database_url) -> None:
    later = AS_OF + HOUR
    buys = [a_fill(), a_fill(fill_id="f2", price=Decimal("110.00"), executed_at=later, commission_usd=None)]
    sale = a_fill(fill_id="f3", side=Side.SELL, quantity=Decimal(12), price=Decimal("120.00"), executed_at=later + HOUR)
    with desk.transaction() as tx:
        assert all(book(tx, fill) for fill in (*buys, sale))
        assert tx.ledger.add_commission(BOOK, "f2", Decimal("1.50"))
        assert not tx.ledger.add_commission(BOOK, "f2", Decimal("2.50"))
    with desk.transaction() as tx:
        portfolio = tx.ledger.portfolio(BOOK, later)
        assert portfolio.cash_usd == Decimal(100_000) - 1000 - 1100 + 1440 - 1 - Decimal("1.50") - 1
        assert portfolio.positions["NVDA"].quantity == 8
        assert [d.quantity for d in tx.ledger.disposals(BOOK)] == [10, 2]
        assert [f.fill_id for f in tx.ledger.fills(BOOK)] == ["f1", "f2", "f3"]
        assert [f.fill_id for f in tx.ledger.fills(BOOK, 2)] == ["f2", "f3"]
        assert tx.ledger.fills(BOOK)[1].commission_usd == Decimal("1.50")
    assert count(database_url, "desk.lots WHERE closed_at IS NOT NULL AND quantity = 10") == 1


def test_a_fill_booked_twice_changes_nothing(desk, database_url) -> None:
    with desk.transaction() as tx:
        booking = book_fill(a_fill(), ())
        assert tx.ledger.add_booking(booking)
        assert not tx.ledger.add_booking(booking)
        assert tx.ledger.portfolio(BOOK, AS_OF).cash_usd == Decimal("98999")
    assert count(database_url, "desk.cash_entries WHERE book = 'demo:test'") == 3


def test_a_booking_against_other_lots_than_stored_is_refused(desk) -> None:
    with desk.transaction() as tx:
        book(tx, a_fill())
    with pytest.raises(InvariantBroken, match="do not make"), desk.transaction() as tx:
        tx.ledger.add_booking(book_fill(a_fill(fill_id="f2"), ()))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM desk.fills",
        "UPDATE desk.fills SET price = 1",
        "UPDATE desk.fills SET commission_usd = 5",
        "DELETE FROM desk.cash_entries",
        "UPDATE desk.cash_entries SET amount_usd = 1",
        "DELETE FROM desk.disposals",
        "UPDATE desk.disposals SET basis_usd = 1",
    ],
)
def test_the_ledger_only_grows(desk, database_url, statement: str) -> None:
    with desk.transaction() as tx:
        book(tx, a_fill())
        book(tx, a_fill(fill_id="f2", side=Side.SELL, quantity=Decimal(4), executed_at=AS_OF + HOUR))
    with (
        closing(connect(database_url)) as connection,
        pytest.raises(psycopg2.errors.RaiseException, match="append-only"),
    ):
        connection.cursor().execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE desk.lots SET quantity = 'NaN'",
        "UPDATE desk.lots SET cost_per_share = 'NaN'",
        "INSERT INTO desk.cash_entries VALUES ('x', 'demo:test', 'fee', 'NaN', now())",
        "INSERT INTO desk.fills VALUES ('x', 'demo:test', NULL, 'NVDA', 'BUY', 1, 'NaN', 0, now())",
        "INSERT INTO desk.fills VALUES ('x', 'demo:test', NULL, 'NVDA', 'BUY', 0, 1, 0, now())",
        "INSERT INTO desk.marks VALUES ('demo:test', now(), 'NVDA', 1, 'NaN', 1)",
        "INSERT INTO desk.marks VALUES ('demo:test', now(), 'NVDA', 1, 1, 'Infinity')",
        "INSERT INTO desk.nav VALUES ('demo:test', now(), now(), false, 0, 0, 'NaN', 0, 0, NULL, 0)",
    ],
)
def test_money_has_walls_against_what_is_no_number(desk, database_url, statement: str) -> None:
    with desk.transaction() as tx:
        book(tx, a_fill())
    with closing(connect(database_url)) as connection, pytest.raises(psycopg2.errors.CheckViolation):
        connection.cursor().execute(statement)


def test_the_high_water_price_is_remembered_only_while_the_position_is_open(desk) -> None:
    with desk.transaction() as tx:
        book(tx, a_fill())
        assert tx.ledger.portfolio(BOOK, AS_OF).positions["NVDA"].high_water_price == 100.1
        tx.ledger.add_nav(BOOK, a_nav_row(as_of=AS_OF + HOUR), {"NVDA": (Decimal(10), 120.0, 130.0)})
        assert tx.ledger.portfolio(BOOK, AS_OF).positions["NVDA"].high_water_price == 130.0
        book(tx, a_fill(fill_id="f2", side=Side.SELL, executed_at=AS_OF + 2 * HOUR))
        book(tx, a_fill(fill_id="f3", price=Decimal(90), executed_at=AS_OF + 3 * HOUR))
        assert tx.ledger.portfolio(BOOK, AS_OF).positions["NVDA"].high_water_price == 90.1


def test_a_split_moves_lots_orders_and_the_high_water_price_together(desk) -> None:
    order = an_order(purpose=OrderPurpose.STOP, side=Side.SELL, limit_price=None, stop_price=Decimal(88))
    with desk.transaction() as tx:
        book(tx, a_fill())
        decide(tx, order)
        tx.orders.record(order, an_event(order, OrderStatus.RESERVED))
        tx.ledger.add_nav(BOOK, a_nav_row(as_of=AS_OF + HOUR), {"NVDA": (Decimal(10), 120.0, 130.0)})
        tx.ledger.split(BOOK, "NVDA", Decimal(4))
        position = tx.ledger.portfolio(BOOK, AS_OF).positions["NVDA"]
        assert (position.quantity, position.cost_usd, position.high_water_price) == (40, 1001, 32.5)
        moved = tx.orders.get(order.order_id)
        assert (moved.quantity, moved.stop_price) == (40, 22)


def test_the_first_nav_of_a_slot_stands(desk) -> None:
    row, later = a_nav_row(), a_nav_row(as_of=AS_OF + HOUR, nav_usd=99_000.0)
    with desk.transaction() as tx:
        assert tx.ledger.last_nav(BOOK) is None
        tx.ledger.add_nav(BOOK, row, {})
        tx.ledger.add_nav(BOOK, a_nav_row(nav_usd=1.0), {})
        tx.ledger.add_nav(BOOK, later, {})
        assert tx.ledger.navs(BOOK) == (row, later)
        assert tx.ledger.last_nav(BOOK) == later


# --- switches and replays -----------------------------------------------------------------------


def test_the_latest_state_counts_and_a_book_that_does_not_exist_is_halted(desk) -> None:
    with desk.transaction() as tx:
        assert tx.controls.trading_state(BOOK) is TradingState.ACTIVE
        assert tx.controls.trading_state(BookId(BookKind.PAPER, "none")) is TradingState.HALTED
        tx.controls.set_state(BOOK, TradingState.REDUCE_ONLY, reason="drawdown", actor="breaker")
        tx.controls.set_state(BOOK, TradingState.HALTED, reason="asked", actor="operator")
        assert tx.controls.trading_state(BOOK) is TradingState.HALTED
        assert tx.controls.state_reason(BOOK) == "operator: asked"


def test_a_book_that_never_left_active_has_no_reason(desk) -> None:
    with desk.transaction() as tx:
        assert tx.controls.state_reason(BOOK) is None


def test_an_unreadable_switch_is_halted_and_the_transaction_goes_on(desk, database_url) -> None:
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ops.controls RENAME TO lost")
    with desk.transaction() as tx:
        assert tx.controls.trading_state(BOOK) is TradingState.HALTED
        assert tx.ledger.portfolio(BOOK, AS_OF).cash_usd == 100_000


def test_what_a_person_did_is_kept(desk, database_url) -> None:
    with desk.transaction() as tx:
        tx.controls.audit(actor="operator", action="halt", detail={"why": "test"})
    assert count(database_url, "ops.audit") == 1


def test_a_replay_book_goes_as_a_whole_and_no_other_book_ever(desk, database_url) -> None:
    with desk.transaction() as tx:
        for one in (BOOK, REPLAY):
            order = an_order(book=one)
            decide(tx, order, book=one)
            tx.orders.record(order, an_event(order, OrderStatus.RESERVED))
            book(tx, a_fill(book=one, order_id=order.order_id))
            book(tx, a_fill(book=one, fill_id="f2", side=Side.SELL, executed_at=AS_OF + HOUR))
            tx.ledger.add_nav(one, a_nav_row(), {"NVDA": (Decimal(10), 120.0, 130.0)})
            tx.controls.set_state(one, TradingState.HALTED, reason="r", actor="a")
            tx.replays.save(one, AS_OF.date(), {"cash": "1"})
        tx.replays.save(REPLAY, AS_OF.date(), {"cash": "2"})
        assert tx.replays.load(REPLAY, AS_OF.date()) == {"cash": "2"}
        assert tx.replays.load(REPLAY, (AS_OF + 24 * HOUR).date()) is None
        tx.replays.delete(REPLAY)
    with desk.transaction() as tx:
        assert tx.ledger.books() == (BOOK,)
        assert len(tx.ledger.fills(BOOK)) == 2
        open_book(tx, REPLAY)
        assert tx.controls.trading_state(REPLAY) is TradingState.ACTIVE
    with pytest.raises(PermanentError, match="not a replay book"), desk.transaction() as tx:
        tx.replays.delete(BOOK)
    assert [count(database_url, f"desk.{t}") for t in ("orders", "order_events", "lots", "marks")] == [1, 1, 1, 1]
