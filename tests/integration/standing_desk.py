"""A demo book worked out by hand: 100 NVDA bought on Monday, a dividend and a deposit on Tuesday, sold on Wednesday."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trading.accounting.lots import book_fill
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import Sector
from trading.domain.market import Resolution
from trading.domain.orders import OrderPurpose, OrderType, Side
from trading.domain.portfolio import Balance, Breaker, TradingState
from trading.domain.risk import BookRisk, SectorRisk
from trading.domain.signals import Targets
from trading.strategy.three_sector import three_sector

from tests.builders import (
    AS_OF,
    BOOK,
    a_bar,
    a_decision,
    a_filing,
    a_fill,
    a_nav_row,
    a_news_item,
    a_reason,
    an_order,
    an_origin,
)

CALENDAR, THREE_SECTOR = NyseCalendar(), three_sector()
DAY = timedelta(days=1)
CLOSE = datetime(2019, 6, 3, 20, tzinfo=UTC)
NOW = CLOSE + 30 * DAY


def three_days(store) -> None:
    """Store the book, its marks and the prices of its benchmarks."""
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=Decimal(100_000))
        buy = an_order(quantity=Decimal(100))
        stop = an_order(
            side=Side.SELL, order_type=OrderType.STOP, purpose=OrderPurpose.STOP, quantity=Decimal(100),
            limit_price=None, stop_price=Decimal(98), leg=1, cause=None,
        )  # fmt: skip
        tx.decisions.add(a_decision(), [a_reason()], Targets(AS_OF, 100_000.0, {"NVDA": 0.1}), [buy, stop])
        trade(tx, a_fill(order_id=buy.order_id, quantity=Decimal(100)))
        mark(tx, 0, cash=89_999, price=101.0)
        tx.ledger.add_cash(BOOK, "dividend.NVDA.2019-06-04", "dividend", Decimal(16), AS_OF + DAY, "NVDA")
        tx.ledger.add_cash(BOOK, "more", "deposit", Decimal(5_000), AS_OF + DAY, None)
        mark(tx, 1, cash=95_015, price=103.0)
        sale = a_fill(
            fill_id="f2", order_id=stop.order_id, side=Side.SELL, quantity=Decimal(100), price=Decimal(98),
            commission_usd=Decimal(2), executed_at=AS_OF + 2 * DAY,
        )  # fmt: skip
        trade(tx, sale)
        mark(tx, 2, cash=104_813, price=None)
        prices = zip((-3, 0, 1, 2), (200.0, 202.0, 204.0, 206.0), strict=True)
        tx.market.add_bars([daily("SPY", day, price) for day, price in prices], an_origin())
        tx.market.add_bars([daily("QQQ", day, 100.0) for day in (-3, 0)], an_origin())


def trade(tx, fill) -> None:
    """Book a fill."""
    assert tx.ledger.add_booking(book_fill(fill, tx.ledger.lots(fill.book, fill.symbol)))


def mark(tx, day: int, *, cash: int, price: float | None, is_closing: bool = True, at=CLOSE) -> None:
    """Store what the book was worth at an hour of a day after Monday."""
    worth = 0.0 if price is None else 100 * price
    row = a_nav_row(
        as_of=at + day * DAY, session_on=(at + day * DAY).date(), is_closing=is_closing, cash_usd=Decimal(cash),
        positions_usd=worth, nav_usd=cash + worth, breaker=Breaker(100_000.0, 100_000.0),
    )  # fmt: skip
    tx.ledger.add_nav(BOOK, row, {} if price is None else {"NVDA": (Decimal(100), price, price)})


def daily(symbol: str, day: int, close: float):
    """A daily bar that stood still."""
    ends_at = CLOSE + day * DAY
    prices = {"open": close, "high": close, "low": close, "close": close}
    return a_bar(
        symbol=symbol, resolution=Resolution.DAY, starts_at=ends_at - timedelta(hours=6.5), ends_at=ends_at, **prices
    )


def measured_book(store) -> None:
    """Store a book worth 96,000 USD, a quarter of it NVDA, with bars, stories and filings of several sources."""
    nav = a_nav_row(
        as_of=CLOSE, session_on=CLOSE.date(), is_closing=True, cash_usd=Decimal(72_000), positions_usd=24_000.0,
        nav_usd=96_000.0, breaker=Breaker(100_000.0, 120_000.0),
    )  # fmt: skip
    risk = BookRisk(
        as_of=CLOSE, session_on=CLOSE.date(), kind=DecisionKind.HOURLY, nav_usd=96_000.0, drawdown_frac=0.04,
        lifetime_frac=0.2, breaker=nav.breaker, state=TradingState.ACTIVE, vix=15.0,
        sectors=(SectorRisk(Sector.AI, ("NVDA",), 0.25, 0.25), SectorRisk(Sector.METALS, (), None, None)),
        rebalance_due=None, balance=Balance(),
    )  # fmt: skip
    decision = a_decision(as_of=CLOSE, cutoff_at=CLOSE)
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=Decimal(100_000))
        tx.decisions.add(decision, (), Targets(CLOSE, 96_000.0, {}), [])
        tx.ledger.add_nav(BOOK, nav, {"NVDA": (Decimal(240), 100.0, 100.0)})
        tx.risk.add(decision.decision_id, BOOK, risk)
        bars = [daily("NVDA", -1, 99.0), daily("NVDA", 0, 100.0)]
        tx.market.add_bars([replace(bar, source="polygon") for bar in bars], an_origin(source="polygon"))
        tx.market.add_bars([replace(daily("SPY", -2, 15.0), source="stooq")], an_origin(source="stooq"))
        for days, source in ((4, "polygon"), (3, "polygon"), (1, "newsapi")):
            at = CLOSE - days * DAY
            story = a_news_item(item_id=f"{source}{days}", published_at=at, known_at=at, source=source)
            tx.market.add_news([story], an_origin(source=source))
        tx.market.add_filings([a_filing(known_at=CLOSE - 20 * DAY, source="edgar")], an_origin(source="edgar"))
