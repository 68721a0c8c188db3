"""What each denial says, to the word and the digit, and the last value that each check lets pass."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.domain.fills import WashOutlook
from trading.domain.orders import OrderPurpose, OrderType, Side
from trading.domain.portfolio import TradingState
from trading.execution.checks import CHECKS
from trading.execution.desk import placement_of

from tests.builders import AS_OF, an_order
from tests.unit.execution.desks import LIMITS, LIVE, a_desk, a_quote, a_stop, an_exit

MINUTE = timedelta(minutes=1)
LATE = AS_OF + 7 * MINUTE
JUDGES = {check.code: check.judge for check in CHECKS}
WASHING = {"sale_outlook": lambda *_: WashOutlook(Decimal(50), Decimal(10), Decimal(50), date(2019, 6, 22))}
"""A desk on which any sale is a washed loss."""
WASHING_BELOW = {"sale_outlook": lambda symbol, shares, price: WASHING["sale_outlook"]() if price < 100 else None}
"""A desk on which it is one only where the fill is worse than the last price."""
DENIED = [
    (
        "LIVE_INTERLOCK",
        {},
        {"missing_for_live": ("no arm row", "clock drift 3 s")},
        "no arm row; clock drift 3 s",
        2,
        0,
    ),
    ("STATE", {}, {"state": TradingState.REDUCE_ONLY}, "trading state is REDUCE_ONLY", None, None),
    ("STATE", an_exit(), {"state": TradingState.HALTED}, "trading state is HALTED", None, None),
    (
        "DUPLICATE",
        {},
        {"placed": frozenset({placement_of(an_order())})},
        "this decision has another entry order in NVDA",
        None,
        None,
    ),
    (
        "DUPLICATE",
        {},
        {"at_broker": frozenset({an_order().order_id})},
        f"the broker lists {an_order().order_id} already",
        None,
        None,
    ),
    ("BAD_QTY", {"quantity": Decimal("1.5")}, {}, "1.5 shares is not a whole number of at least 1", 1.5, 1),
    ("BAD_QTY", {"quantity": Decimal(0)}, {}, "0 shares is not a whole number of at least 1", 0, 1),
    ("BAD_PRICE", {"limit_price": None}, {}, "a limit order without its limit_price", None, None),
    ("BAD_PRICE", {"limit_price": Decimal(0)}, {}, "limit_price is 0", 0, 0),
    ("BAD_PRICE", {"limit_price": Decimal("1.005")}, {}, "limit_price 1.005 is not a multiple of 0.01", 1.005, 0.01),
    (
        "BAD_PRICE",
        {"limit_price": Decimal("0.99995")},
        {},
        "limit_price 0.99995 is not a multiple of 0.0001",
        0.99995,
        0.0001,
    ),
    (
        "BAD_PRICE",
        {"order_type": OrderType.STOP, "limit_price": None, "stop_price": Decimal("95.123"), "side": Side.SELL},
        {},
        "stop_price 95.123 is not a multiple of 0.01",
        95.123,
        0.01,
    ),
    ("BAD_PRICE", {}, {"prices": {}}, "no last price", None, 0),
    ("BAD_PRICE", {}, {"prices": {"NVDA": 0.0}}, "no last price", 0, 0),
    (
        "PRICE_COLLAR",
        {"limit_price": Decimal("103.50")},
        {},
        "the limit is 3.5% from the last price of 100.00, over 3%",
        0.035,
        0.03,
    ),
    (
        "PRICE_COLLAR",
        {"limit_price": Decimal("100.50")},
        {"quotes": {"NVDA": a_quote(bid=Decimal("96.9"), ask=Decimal("97.00"))}},
        "the limit is 3.6% from the quote of 97.00, over 3%",
        0.036082474,
        0.03,
    ),
    (
        "WOULD_SHORT",
        an_exit(quantity=Decimal(11)),
        {"held": {"NVDA": Decimal(10)}},
        "sells 11 of 10 shares that may be sold",
        11,
        10,
    ),
    (
        "DECISION_EXPIRED",
        {"expires_at": AS_OF},
        {"now": AS_OF + 25 * MINUTE},
        "its time ended at 2019-06-03 14:30 UTC",
        25,
        0,
    ),
    (
        "DECISION_EXPIRED",
        {"expires_at": None},
        {"now": LATE, "sendable_until": AS_OF + 4 * MINUTE},
        "its time ended at 2019-06-03 14:34 UTC",
        3,
        0,
    ),
    (
        "VERSION",
        {},
        {"decided_by": "0.1.0+abc", "running": "0.1.0+def"},
        "decided by 0.1.0+abc, running is 0.1.0+def",
        None,
        None,
    ),
    (
        "VERSION",
        {},
        {"decided_by": "", "running": "0.1.0+def"},
        "decided by unknown code, running is 0.1.0+def",
        None,
        None,
    ),
    (
        "VERSION",
        {},
        {"decided_by": "0.1.0+abc", "running": ""},
        "decided by 0.1.0+abc, running is unknown code",
        None,
        None,
    ),
    ("MARKET_CLOSED", {}, {"closes_at": None}, "the market is closed", None, None),
    ("MARKET_CLOSED", {}, {"closes_at": AS_OF}, "the market is closed", None, None),
    ("TOO_LATE", {}, {"closes_at": AS_OF + 4 * MINUTE}, "less than 5 minutes to the close", 4, 5),
    ("NOT_TRADABLE", {"symbol": "SPY"}, {}, "not in the traded universe", None, None),
    ("NOT_TRADABLE", {}, {"untradable": {"NVDA": "foreign order"}}, "held back: foreign order", None, None),
    (
        "REJECTED_TODAY",
        {},
        {"rejected": {"NVDA": "201 no permission"}},
        "the broker refused this entry today: 201 no permission",
        None,
        None,
    ),
    ("STALE_PRICE", {}, {"unfit": {"NVDA": "last value is too old"}}, "last value is too old", None, None),
    ("STALE_QUOTE", {}, {"quotes": {}}, "the broker shows no quote", None, 1200),
    ("STALE_QUOTE", {"book": LIVE}, {"quotes": {}}, "the broker shows no quote", None, 60),
    ("STALE_QUOTE", {}, {"quotes": {"NVDA": a_quote(ask=None, last=None)}}, "the broker shows no quote", None, 1200),
    (
        "STALE_QUOTE",
        {},
        {"quotes": {"NVDA": a_quote()}, "now": AS_OF + 21 * MINUTE},
        "the quote is 1,260 s old, over 1,200",
        1260,
        1200,
    ),
    (
        "STALE_QUOTE",
        {"book": LIVE},
        {"quotes": {"NVDA": a_quote()}, "now": AS_OF + 2 * MINUTE},
        "the quote is 120 s old, over 60",
        120,
        60,
    ),
    (
        "STALE_QUOTE",
        {"book": LIVE},
        {"quotes": {"NVDA": a_quote(is_delayed=True)}, "now": AS_OF + MINUTE},
        "the quote is delayed; subscribe to the market data of this symbol",
        60,
        60,
    ),
    ("HALTED_SYMBOL", {}, {"quotes": {"NVDA": a_quote(is_halted=True)}}, "trading in it is halted", None, None),
    (
        "HALTED_SYMBOL",
        {"book": LIVE},
        {"quotes": {"NVDA": a_quote(is_halted=None)}},
        "the broker does not say whether it is halted",
        None,
        None,
    ),
    ("VIX_UNKNOWN", {}, {"vix": None}, "the VIX is unknown or stale", None, 30),
    ("VIX_UNKNOWN", {}, {"vix": float("nan")}, "the VIX is unknown or stale", None, 30),
    ("VIX_BLOCK", {}, {"vix": 30.1}, "VIX 30.1 is above 30", 30.1, 30),
    ("DD_BREAKER", {}, {"tripped_on": date(2019, 5, 31)}, "the drawdown breaker tripped on 2019-05-31", None, None),
    ("DAILY_LOSS", {}, {"nav_usd": 96_900.0}, "NAV fell 3.10% since the previous close, over 3%", 0.031, 0.03),
    ("DAILY_LOSS", {}, {"nav_usd": None}, "today's loss is unknown", None, 0.03),
    ("DAILY_LOSS", {}, {"previous_nav_usd": 0.0}, "today's loss is unknown", None, 0.03),
    ("RECON_STALE", {}, {"open_break": "cash differs by 12.00 USD"}, "cash differs by 12.00 USD", None, None),
    (
        "RECON_STALE",
        {},
        {"proof_due_at": AS_OF - 5 * MINUTE},
        "the book was never compared with the broker; run ./airdesk reconcile run",
        None,
        5,
    ),
    (
        "RECON_STALE",
        {},
        {"proof_due_at": AS_OF - 5 * MINUTE, "proven_at": AS_OF - 95 * MINUTE},
        "last clean comparison with the broker: 2019-06-03 12:55 UTC, due since 2019-06-03 14:25 UTC; "
        "run ./airdesk reconcile run",
        95,
        5,
    ),
    (
        "RESTRICTED",
        {},
        {"restricted": {"NVDA": "until 2019-06-30"}},
        "on the restricted list: until 2019-06-30",
        None,
        None,
    ),
    (
        "STOP_GUARD",
        {},
        {"guarded_until": date(2019, 6, 7)},
        "too many stops in few days: exits only until 2019-06-07",
        None,
        None,
    ),
    (
        "COOLDOWN",
        {},
        {"resting_until": {"NVDA": date(2019, 6, 3)}},
        "stopped out, it rests until 2019-06-03",
        None,
        None,
    ),
    ("WORKING_ORDER", {}, {"working": frozenset({"NVDA"})}, "an order in this symbol is still working", None, None),
    (
        "NO_KID",
        {},
        {"signal_only": frozenset({"NVDA"})},
        "signal only: there is no key information document (KID) for it, so this client may not buy it",
        None,
        None,
    ),
    (
        "WASH_SALE",
        an_exit(purpose=OrderPurpose.TRIM),
        WASHING,
        "10 shares would be sold at a loss and are replaced by shares of the last 30 days; "
        "it can wait until 2019-06-22",
        50,
        0,
    ),
    (
        "WASH_SALE",
        an_exit(purpose=OrderPurpose.TRIM),
        WASHING_BELOW,
        "10 shares might come to be sold at a loss and are replaced by shares of the last 30 days; "
        "it can wait until 2019-06-22",
        50,
        0,
    ),
    (
        "WASH_FLAG",
        an_exit(),
        WASHING,
        "10 shares sold at a loss to cut risk are replaced by shares bought in the last 30 days; clean from 2019-06-22",
        50,
        0,
    ),
    ("WASH_BLOCK", {}, {"wash_until": {"NVDA": date(2019, 6, 3)}}, "wash-sale window until 2019-06-03", None, None),
    ("MAX_QTY", {"quantity": Decimal(1_000_001)}, {}, "1,000,001 shares are over 1,000,000", 1000001, 1000000),
    ("MAX_NOTIONAL", {"quantity": Decimal(100)}, {}, "costs 10,100.00 USD, over 10,000.00", 10100, 10000),
    ("MAX_NOTIONAL", {}, {"nav_usd": None}, "NAV is unknown: a held symbol has no price", 1010, None),
    ("ASSET_CAP", {}, {"held": {"NVDA": Decimal(95)}}, "NVDA would be 10.51% of NAV, over 10%", 0.1051, 0.1),
    ("ASSET_CAP", {}, {"nav_usd": None}, "NAV is unknown: a held symbol has no price", None, 0.1),
    ("ASSET_CAP", {}, {"nav_usd": 0.0}, "NAV is unknown: a held symbol has no price", None, 0.1),
    ("SECTOR_CAP", {}, {"held": {"AMD": Decimal(395)}}, "ai would be 40.51% of NAV, over 40%", 0.4051, 0.4),
    (
        "GROSS_CAP",
        {},
        {"held": {"GLD": Decimal(390), "AAPL": Decimal(390), "AMD": Decimal(195)}},
        "the book would be 98.51% of NAV, over 98%",
        0.9851,
        0.98,
    ),
    ("NO_CASH", {}, {"cash_usd": Decimal(2_900)}, "would leave 1,890.00 USD, under the buffer of 2,000.00", 1890, 2000),
    ("NO_CASH", {}, {"nav_usd": None}, "NAV is unknown: a held symbol has no price", None, None),
    ("RATE", {}, {"orders_last_minute": 20}, "20 orders in the last minute already", 20, 20),
    ("DAILY_LIMIT", {}, {"orders_today": 20}, "20 orders today already", 20, 20),
    (
        "DAILY_LIMIT",
        {},
        {"traded_today_usd": 39_500.0},
        "today's turnover would be 40.5% of NAV, over 40%",
        0.4051,
        0.4,
    ),
    ("DAILY_LIMIT", {}, {"nav_usd": None}, "NAV is unknown: a held symbol has no price", None, 0.4),
    ("DAILY_LIMIT", {}, {"nav_usd": 0.0}, "NAV is unknown: a held symbol has no price", None, 0.4),
    ("DELAYED", {}, {"quotes": {"NVDA": a_quote(is_delayed=True)}}, "sent on a delayed quote", None, None),
]
"""(code, order, desk, the words, what was seen, what it was held against)."""
PASSES = [
    ("BAD_PRICE", {"limit_price": Decimal("0.9999")}, {}),
    ("BAD_PRICE", {"limit_price": Decimal("1.01"), "quantity": Decimal(5)}, {"prices": {"NVDA": 0.9}}),
    ("TOO_LATE", {}, {"closes_at": AS_OF + 5 * MINUTE}),
    ("STALE_QUOTE", {}, {"quotes": {"NVDA": a_quote()}, "now": AS_OF + 20 * MINUTE}),
    ("STALE_QUOTE", {"book": LIVE}, {"quotes": {"NVDA": a_quote()}, "now": AS_OF + MINUTE}),
    ("STALE_QUOTE", {}, {"quotes": {"NVDA": a_quote(bid=None)}}),
    ("VIX_BLOCK", {}, {"vix": 30.0}),
    ("DAILY_LOSS", {}, {"previous_nav_usd": None}),
    ("RECON_STALE", {}, {"proof_due_at": AS_OF, "proven_at": AS_OF}),
    ("MAX_QTY", {"quantity": Decimal(1_000_000)}, {}),
    ("MAX_NOTIONAL", {"quantity": Decimal(100), "limit_price": Decimal("100.00")}, {}),
    ("ASSET_CAP", {"limit_price": Decimal("100.00")}, {"held": {"NVDA": Decimal(90)}}),
    (
        "GROSS_CAP",
        {"limit_price": Decimal("100.00")},
        {"held": {"GLD": Decimal(390), "AAPL": Decimal(390), "AMD": Decimal(190)}},
    ),
    ("DAILY_LOSS", {}, {"nav_usd": 97_001.0}),
    ("SECTOR_CAP", {"limit_price": Decimal("100.00")}, {"held": {"AMD": Decimal(390)}}),
    ("NO_CASH", {"limit_price": Decimal("100.00")}, {"cash_usd": Decimal(3_000)}),
    ("DAILY_LIMIT", {"limit_price": Decimal("100.00")}, {"traded_today_usd": 39_000.0}),
    ("RATE", {}, {"orders_last_minute": 19}),
    ("DAILY_LIMIT", {}, {"orders_today": 19}),
    ("WASH_BLOCK", {}, {"wash_until": {"NVDA": date(2019, 6, 2)}}),
    ("HALTED_SYMBOL", {}, {"quotes": {"NVDA": a_quote(is_halted=None)}}),
    ("DECISION_EXPIRED", {"expires_at": AS_OF + MINUTE}, {"now": AS_OF}),
    ("COOLDOWN", {}, {"resting_until": {"NVDA": date(2019, 6, 2)}}),
    ("COOLDOWN", {}, {"resting_until": {"AMD": date(2019, 6, 9)}}),
    ("RESTRICTED", {}, {"restricted": {"AMD": "earnings"}}),
    ("HALTED_SYMBOL", {}, {"quotes": {"NVDA": a_quote(is_halted=True)}, "daily_priced": frozenset({"NVDA"})}),
    ("WASH_SALE", an_exit(), WASHING),
    ("WASH_SALE", an_exit(purpose=OrderPurpose.TRIM), WASHING | {"prices": {}}),
    ("WASH_SALE", an_exit(purpose=OrderPurpose.TRIM, quantity=Decimal("NaN")), WASHING),
    ("BAD_QTY", {"quantity": Decimal(1)}, {}),
    ("WASH_FLAG", {}, WASHING),
    ("WASH_FLAG", a_stop(an_order()), WASHING),
    ("WASH_FLAG", an_exit(), WASHING | {"prices": {}}),
    ("WASH_FLAG", an_exit(quantity=Decimal("NaN")), WASHING),
]
"""(code, order, desk): each at the edge of what its check denies."""


def judged(code, order, desk):
    return JUDGES[code](an_order(**order) if isinstance(order, dict) else order, a_desk(**desk), LIMITS)


@pytest.mark.parametrize(("code", "order", "desk", "words", "seen", "limit"), DENIED)
def test_a_denial_says_what_was_seen_and_what_it_was_held_against(code, order, desk, words, seen, limit):
    breach = judged(code, order, desk)
    assert breach.detail == words
    assert breach.observed == (seen if seen is None else pytest.approx(seen))
    assert breach.threshold == (limit if limit is None else pytest.approx(limit))


@pytest.mark.parametrize(("code", "order", "desk"), PASSES)
def test_what_stands_at_the_edge_passes(code, order, desk):
    assert judged(code, order, desk) is None
