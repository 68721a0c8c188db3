"""The lines that people read after each hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.signals import Outcome, Reason, RuleRole
from trading.tasks.desk import decision_lines, decision_text, is_quiet
from trading.tasks.telling import fill_text

BOOK = BookId.parse("demo:x")
AS_OF = datetime(2019, 6, 3, 14, 30, tzinfo=UTC)
DECISION = Decision(
    "d", BOOK, DecisionKind.HOURLY, AS_OF, AS_OF, date(2019, 6, 3), False, "three_sector", "s", "c", "h", 100_000.0
)
TRADED = ("GLD", "SLV", "NVDA", "AMD", "AAPL")


def an_order(symbol: str, purpose: OrderPurpose, status: OrderStatus = OrderStatus.PLANNED) -> Order:
    side = Side.BUY if purpose is OrderPurpose.ENTRY else Side.SELL
    return Order(
        f"{symbol}.{purpose}", BOOK, "d", symbol, side, Decimal(1), OrderType.MARKET, TimeInForce.DAY, purpose, AS_OF,
        status=status,
    )  # fmt: skip


def a_block(symbol: str) -> Reason:
    return Reason(symbol, AS_OF, "vix_above", RuleRole.BLOCK, Outcome.PASS, 34.1, 30.0, AS_OF, None)


def test_an_hour_with_nothing_to_do_says_so():
    assert (
        decision_text(DECISION, TRADED, [], []) == "decision 10:30: 0 entries, 0 exits, 0 blocked, 5 without a signal"
    )


def test_every_traded_symbol_is_counted_once():
    orders = [
        an_order("GLD", OrderPurpose.ENTRY),
        an_order("GLD", OrderPurpose.STOP),
        an_order("GLD", OrderPurpose.TARGET),
        an_order("NVDA", OrderPurpose.EXIT),
        an_order("AMD", OrderPurpose.ENTRY, OrderStatus.DENIED),
    ]
    text = decision_text(DECISION, TRADED, orders, [a_block("AAPL"), a_block("NVDA"), a_block("SPY")])
    assert text == "decision 10:30: 1 entry, 1 exit, 2 blocked, 1 without a signal"


def test_trims_are_named_only_where_there_are_some():
    assert "1 trim," in decision_text(DECISION, TRADED, [an_order("GLD", OrderPurpose.TRIM)], [])


def test_the_decisions_own_note_is_part_of_the_line():
    noted = replace(DECISION, note="entries blocked: VIX 34.1 > 30")
    assert decision_text(noted, TRADED, [], []).endswith(". entries blocked: VIX 34.1 > 30")


def test_the_counts_of_legs_are_left_out_beside_those_of_names():
    noted = replace(DECISION, note="0 entries, 1 sale, 6 legs denied; trading state REDUCE_ONLY")
    assert decision_text(noted, TRADED, [], []).endswith("5 without a signal. trading state REDUCE_ONLY")
    quiet = replace(DECISION, note="0 entries, 0 sales, 0 legs denied")
    assert decision_text(quiet, TRADED, [], []).endswith("5 without a signal")


def test_an_hour_that_only_met_what_was_foreseen_is_no_news():
    denied = an_order("AMD", OrderPurpose.ENTRY, OrderStatus.DENIED)
    closed = replace(denied, detail="MARKET_CLOSED: the market is closed")
    full = replace(denied, detail="SECTOR_CAP: technology would be 61 %")
    assert is_quiet([])
    assert is_quiet([an_order("GLD", OrderPurpose.STOP), closed])
    assert not is_quiet([closed, full])
    assert not is_quiet([closed, an_order("GLD", OrderPurpose.EXIT)])


def test_the_lines_say_what_is_bought_what_is_held_back_which_gates_are_closed_and_nav():
    orders = [
        an_order("GLD", OrderPurpose.ENTRY),
        an_order("GLD", OrderPurpose.STOP),
        replace(an_order("AMD", OrderPurpose.ENTRY, OrderStatus.DENIED), detail="SECTOR_CAP: technology is full"),
    ]
    held = replace(a_block("GLD"), rule="position_open")
    assert decision_lines(DECISION, orders, [a_block("AAPL"), held]) == (
        "BUY 1 GLD, at the market (entry)",
        "held back: BUY 1 AMD, at the market (entry): SECTOR_CAP: technology is full",
        "closed gates: vix_above",
        "NAV 100,000.00 USD",
    )


def test_a_fill_says_its_price_and_an_unknown_commission_is_not_zero():
    fill = Fill("x", "o", BOOK, "NVDA", Side.BUY, Decimal("12.0000"), Decimal("181.0200"), Decimal("1.00"), AS_OF)
    assert fill_text(fill) == "bought 12 NVDA at 181.0200 USD, commission 1.00 USD"
    assert fill_text(replace(fill, side=Side.SELL, commission_usd=None)).endswith("commission not reported yet")
