"""Each check denies with its code and its numbers; nothing but a few of them stops a way out."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from trading.domain.fills import WashOutlook
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import OrderPurpose, OrderStatus, OrderType, Side
from trading.domain.portfolio import TradingState
from trading.execution.checks import CHECKS, Applies
from trading.execution.desk import placement_of
from trading.execution.vetoes import vet

from tests.builders import AS_OF, an_order
from tests.unit.execution.desks import LIMITS, LIVE, a_desk, a_quote, a_stop, an_exit

MINUTE = timedelta(minutes=1)
PAPER = BookId(BookKind.PAPER, "DU1")


def codes(order, **desk):
    """Return every code that stands against `order`."""
    return [d.code for v in vet([order], a_desk(**desk), LIMITS)[1] for d in v.denials]


ENTRY_CASES = {
    "LIVE_INTERLOCK": ({"missing_for_live": ("no arm row",)}, {}),
    "STATE": ({"state": TradingState.REDUCE_ONLY}, {}),
    "DUPLICATE": ({"placed": frozenset({placement_of(an_order())})}, {}),
    "BAD_QTY": ({}, {"quantity": Decimal("1.5")}),
    "BAD_PRICE": ({"prices": {}}, {}),
    "PRICE_COLLAR": ({}, {"limit_price": Decimal("103.50")}),
    "WOULD_SHORT": ({}, {"side": Side.SELL}),
    "DECISION_EXPIRED": ({"now": AS_OF + 25 * MINUTE}, {}),
    "VERSION": ({"decided_by": "old", "running": "new"}, {}),
    "MARKET_CLOSED": ({"closes_at": None}, {}),
    "TOO_LATE": ({"closes_at": AS_OF + 4 * MINUTE}, {}),
    "NOT_TRADABLE": ({"untradable": {"NVDA": "foreign order"}}, {}),
    "NO_KID": ({"signal_only": frozenset({"NVDA"})}, {}),
    "RESTRICTED": ({"restricted": {"NVDA": "until 2019-06-30: earnings"}}, {}),
    "REJECTED_TODAY": ({"rejected": {"NVDA": "201 no permission"}}, {}),
    "STALE_PRICE": ({"unfit": {"NVDA": "last value is too old"}}, {}),
    "STALE_QUOTE": ({"quotes": {}}, {}),
    "HALTED_SYMBOL": ({"quotes": {"NVDA": a_quote(is_halted=True)}}, {}),
    "VIX_UNKNOWN": ({"vix": None}, {}),
    "VIX_BLOCK": ({"vix": 30.1}, {}),
    "DD_BREAKER": ({"tripped_on": date(2019, 5, 31)}, {}),
    "STOP_GUARD": ({"guarded_until": date(2019, 6, 10)}, {}),
    "DAILY_LOSS": ({"nav_usd": 96_900.0}, {}),
    "RECON_STALE": ({"open_break": "cash differs by 12.00 USD"}, {}),
    "WORKING_ORDER": ({"working": frozenset({"NVDA"})}, {}),
    "WASH_BLOCK": ({"wash_until": {"NVDA": date(2019, 6, 3)}}, {}),
    "COOLDOWN": ({"resting_until": {"NVDA": date(2019, 6, 3)}}, {}),
    "ASSET_CAP": ({"held": {"NVDA": Decimal(95)}}, {}),
    "SECTOR_CAP": ({"held": {"AMD": Decimal(395)}}, {}),
    "GROSS_CAP": ({"held": {"GLD": Decimal(390), "AAPL": Decimal(390), "AMD": Decimal(195)}}, {}),
    "NO_CASH": ({"cash_usd": Decimal(2_900)}, {}),
    "RATE": ({"orders_last_minute": 20}, {}),
    "DAILY_LIMIT": ({"orders_today": 20}, {}),
}
SEVERAL = {
    "MAX_QTY": ({}, {"quantity": Decimal(1_000_001)}),
    "MAX_NOTIONAL": ({}, {"quantity": Decimal(100)}),
}
"""An order this large breaks a cap, too."""


@pytest.mark.parametrize("code", ENTRY_CASES)
def test_an_entry_is_denied_with_exactly_its_code(code):
    desk, order = ENTRY_CASES[code]
    assert codes(an_order(**order), **desk) == [code]


@pytest.mark.parametrize("code", SEVERAL)
def test_a_giant_order_is_denied_with_its_code_among_others(code):
    desk, order = SEVERAL[code]
    assert code in codes(an_order(**order), **desk)


def test_every_check_has_a_case_here():
    flags = {c.code for c in CHECKS if c.is_flag}
    assert {c.code for c in CHECKS} == {*ENTRY_CASES, *SEVERAL, *flags, "WASH_SALE"}
    assert flags == {"WASH_FLAG", "DELAYED"}


def test_every_code_is_explained_in_the_documentation():
    text = (Path(__file__).resolve().parents[3] / "docs" / "strategy.md").read_text(encoding="utf-8")
    assert [c.code for c in CHECKS if not re.search(rf"`{c.code}`", text)] == []


def test_a_denial_carries_what_was_seen_and_what_it_was_held_against():
    (veto,) = vet([an_order()], a_desk(vix=34.1), LIMITS)[1]
    (denial,) = veto.denials
    assert (denial.code, denial.observed, denial.threshold) == ("VIX_BLOCK", 34.1, 30.0)
    assert (veto.order.status, veto.order.detail) == (OrderStatus.DENIED, "VIX_BLOCK: VIX 34.1 is above 30")


def test_everything_that_stands_against_an_order_is_kept_and_the_first_one_names_it():
    (veto,) = vet([an_order()], a_desk(vix=None, closes_at=None, orders_today=20), LIMITS)[1]
    assert [d.code for d in veto.denials] == ["MARKET_CLOSED", "VIX_UNKNOWN", "DAILY_LIMIT"]
    assert veto.code == "MARKET_CLOSED"


def test_a_way_out_faces_interlock_state_repetition_quantity_and_price_only():
    """And, where it can wait, the tax law: `WASH_SALE` judges no sale that cuts risk."""
    judging = [c.code for c in CHECKS if c.applies is not Applies.ENTRY and not c.is_flag]
    assert judging == [
        "LIVE_INTERLOCK", "STATE", "DUPLICATE", "BAD_QTY", "BAD_PRICE", "PRICE_COLLAR", "WOULD_SHORT", "WASH_SALE",
    ]  # fmt: skip
    wreck = {
        "state": TradingState.REDUCE_ONLY, "closes_at": None, "vix": None, "nav_usd": None, "orders_today": 99,
        "orders_last_minute": 99, "held": {"NVDA": Decimal(10)}, "unfit": {"NVDA": "stale"}, "quotes": {},
        "open_break": "shares differ", "tripped_on": date(2019, 6, 3), "decided_by": "old", "prices": {},
    }  # fmt: skip
    assert codes(an_exit(), **wreck) == []
    assert codes(an_exit(), **(wreck | {"state": TradingState.HALTED})) == ["STATE"]


def test_r02_a_fat_finger_is_denied_before_it_is_sent():
    assert "MAX_NOTIONAL" in codes(an_order(quantity=Decimal(500)))
    assert codes(an_order(limit_price=Decimal("110.00"))) == ["PRICE_COLLAR"]
    assert "BAD_PRICE" in codes(an_order(limit_price=Decimal("100.001")))


def test_one_order_of_a_huge_book_is_held_to_a_fixed_sum():
    huge = {"nav_usd": 1e9, "previous_nav_usd": 1e9, "cash_usd": Decimal(10**9)}
    assert codes(an_order(quantity=Decimal(10_000), limit_price=Decimal("101.00")), **huge) == ["MAX_NOTIONAL"]


def test_r03_turnover_over_forty_percent_of_nav_is_denied_and_exits_count_but_go():
    assert codes(an_order(), traded_today_usd=39_500.0) == ["DAILY_LIMIT"]
    assert codes(an_order(), traded_today_usd=38_900.0) == []
    assert codes(an_exit(), traded_today_usd=95_000.0, orders_today=40, held={"NVDA": Decimal(10)}) == []


def test_r05_a_signal_that_repeats_while_its_order_works_or_is_held_does_not_pyramid():
    assert codes(an_order(), working=frozenset({"NVDA"})) == ["WORKING_ORDER"]
    assert codes(an_order(), held={"NVDA": Decimal(99)}) == ["ASSET_CAP"]
    assert codes(an_order(), on_order_usd={"NVDA": 9_900.0}) == ["ASSET_CAP"]


def test_m01_on_a_half_day_nothing_is_entered_in_the_last_five_minutes_or_after_the_close():
    closes_at = AS_OF.replace(hour=17, minute=0)
    late = an_order(expires_at=closes_at + timedelta(hours=1))
    assert codes(late, now=closes_at - 6 * MINUTE, closes_at=closes_at) == []
    assert codes(late, now=closes_at - 4 * MINUTE, closes_at=closes_at) == ["TOO_LATE"]
    assert "MARKET_CLOSED" in codes(late, now=closes_at, closes_at=closes_at)


def test_m02_without_a_session_nothing_is_entered():
    assert codes(an_order(), closes_at=None) == ["MARKET_CLOSED"]


def test_m05_a_market_that_ran_away_from_the_limit_is_seen_in_the_quote():
    gone = a_quote(bid=Decimal("96.90"), ask=Decimal("97.00"), last=Decimal("97.00"))
    assert codes(an_order(), quotes={"NVDA": gone}) == ["PRICE_COLLAR"]
    assert codes(an_order(), quotes={"NVDA": gone}, daily_priced=frozenset({"NVDA"})) == []


def test_b22_settled_cash_pays_not_cash_that_is_still_on_its_way():
    assert codes(an_order(), settled_cash_usd=Decimal(2_900)) == ["NO_CASH"]
    assert codes(an_order(), settled_cash_usd=Decimal(90_000)) == []


def test_v11_v15_a_stale_price_or_an_unknown_vix_stops_entries_and_no_exit():
    stale = {"unfit": {"NVDA": "last value is too old"}, "vix": None, "held": {"NVDA": Decimal(10)}}
    assert codes(an_order(symbol="AMD"), **(stale | {"vix": 15.0})) == []
    assert codes(an_order(), **stale) == ["STALE_PRICE", "VIX_UNKNOWN"]
    assert codes(an_exit(), **stale) == []


@pytest.mark.parametrize(
    ("book", "quote", "denied"),
    [
        (PAPER, {"quoted_at": AS_OF - 19 * MINUTE}, []),
        (PAPER, {"quoted_at": AS_OF - 21 * MINUTE}, ["STALE_QUOTE"]),
        (LIVE, {"quoted_at": AS_OF - timedelta(seconds=59)}, []),
        (LIVE, {"quoted_at": AS_OF - timedelta(seconds=61)}, ["STALE_QUOTE"]),
        (LIVE, {"is_delayed": True}, ["STALE_QUOTE"]),
        (LIVE, {"bid": None, "ask": None, "last": None}, ["STALE_QUOTE"]),
        (LIVE, {"is_halted": None}, ["HALTED_SYMBOL"]),
        (PAPER, {"is_halted": None}, []),
        (PAPER, {"is_halted": True}, ["HALTED_SYMBOL"]),
    ],
)
def test_a_quote_must_be_young_real_and_not_halted_more_so_with_real_money(book, quote, denied):
    assert codes(an_order(book=book), quotes={"NVDA": a_quote(**quote)}) == denied


def test_a_delayed_quote_is_good_enough_on_paper_and_the_order_says_so():
    (sent,), _ = vet([an_order(book=PAPER)], a_desk(quotes={"NVDA": a_quote(is_delayed=True)}), LIMITS)
    assert sent.detail == "DELAYED: sent on a delayed quote"


def test_books_must_be_proven_young_enough():
    due = {"proof_due_at": AS_OF - 90 * MINUTE}
    assert codes(an_order(), **due) == ["RECON_STALE"]
    assert codes(an_order(), **due, proven_at=AS_OF - 91 * MINUTE) == ["RECON_STALE"]
    assert codes(an_order(), **due, proven_at=AS_OF - 89 * MINUTE) == []


def test_a_decision_that_lost_its_hour_is_not_sent():
    assert codes(an_order(), sendable_until=AS_OF) == ["DECISION_EXPIRED"]
    assert codes(an_order(), sendable_until=AS_OF + MINUTE) == []


def test_what_the_broker_lists_is_not_sent_anew():
    order = an_exit()
    assert codes(order, held={"NVDA": Decimal(10)}, at_broker=frozenset({order.order_id})) == ["DUPLICATE"]


def test_a_protection_that_stands_alone_guards_at_most_what_is_held():
    stop = a_stop(an_order(), parent_id=None)
    assert codes(stop, held={"NVDA": Decimal(10)}, leaving={"NVDA": Decimal(10)}) == []
    assert codes(stop, held={"NVDA": Decimal(9)}) == ["WOULD_SHORT"]


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ({"limit_price": None}, "without its limit_price"),
        ({"limit_price": Decimal(0)}, "limit_price is 0"),
        ({"limit_price": Decimal("NaN")}, "limit_price is NaN"),
        (
            {"order_type": OrderType.TRAIL, "trail_frac": float("nan"), "purpose": OrderPurpose.STOP},
            "trail_frac is nan",
        ),
        ({"limit_price": Decimal("100.015")}, "not a multiple of 0.01"),
    ],
)
def test_a_price_is_there_finite_positive_and_on_a_tick(order, why):
    (veto,) = vet([an_order(**order)], a_desk(), LIMITS)[1]
    assert why in veto.order.detail


def test_r06_a_sale_at_a_loss_goes_through_and_is_flagged_while_a_fresh_purchase_stays():
    some = WashOutlook(Decimal(200), Decimal(10), Decimal(200), date(2019, 6, 22))
    none = WashOutlook(Decimal(200), Decimal(0), Decimal(0), None)
    desk = a_desk(held={"NVDA": Decimal(20)}, sale_outlook=lambda symbol, shares, price: some if shares < 20 else none)
    (sold,), vetoes = vet([an_exit()], desk, LIMITS)
    assert vetoes == ()
    assert sold.detail == (
        "WASH_FLAG: 10 shares sold at a loss to cut risk are replaced by shares bought in the last 30 days; "
        "clean from 2019-06-22"
    )
    assert sold.status is OrderStatus.PLANNED
    for purpose in (OrderPurpose.RULE_EXIT, OrderPurpose.REBALANCE, OrderPurpose.TRIM):
        _, (veto,) = vet([an_exit(purpose=purpose)], desk, LIMITS)
        assert (veto.code, veto.denials[0].observed) == ("WASH_SALE", 200.0)
        assert "2019-06-22" in veto.order.detail
    (everything,), _ = vet([an_exit(quantity=Decimal(20))], desk, LIMITS)
    assert everything.detail is None
