"""A book with a year of hours, its verdicts and NAV written in bulk: as much as a page ever has to show. SYNTHETIC."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from trading.accounting.lots import book_fill
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC, Resolution, Slot, TimeWindow, session_slots
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.execution.checks import Denial
from trading.ports import MarketCalendar, Provenance
from trading.ports.checks import Stage
from trading.strategy.three_sector import three_sector
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource

from tests.builders import a_fill, an_event, an_order

BOOK = BookId(BookKind.DEMO, "year")
SPEC = three_sector()
RULES = (
    ("golden_cross", "entry_required", 100.0, 1.0),
    ("sentiment_above", "entry_required", 0.7, 1.0),
    ("rsi_below", "entry_required", 70.0, -1.0),
    ("cheaper_than_sector", "entry_optional", 28.0, -1.0),
    ("macro_supports_metals", "entry_optional", 0.025, 1.0),
    ("model_agrees", "shrink", 0.5, 1.0),
    ("rsi_above", "exit", 70.0, 1.0),
    ("negative_news", "exit", -0.5, -1.0),
    ("vix_above", "block", 30.0, 1.0),
    ("price_not_fresh", "block", 1.0, 1.0),
)
"""Name, role, threshold, and the side on which it passes."""
HELD = {"NVDA": (25, 171.4), "GLD": (22, 401.2), "NEM": (95, 82.6), "MSFT": (18, 498.1), "AAPL": (34, 241.9)}
"""Shares and last price of what is held at the end."""
LONG_AGO = timedelta(days=400)

_DECISIONS = """
INSERT INTO desk.decisions (decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash,
                            code_version, decision_hash, nav_usd, note)
SELECT 'hourly.' || to_char(g.at, 'YYYYMMDD"T"HH24MI') || '.' || %(book)s, %(book)s, 'hourly', g.at, g.at, g.session_on,
       g.is_closing, %(strategy)s, %(spec_hash)s, '0.1.0+5eed00000000', substr(md5(g.at::text), 1, 16), g.nav, ''
FROM unnest(%(at)s::timestamptz[], %(session_on)s::date[], %(is_closing)s::boolean[], %(nav)s::float8[])
     AS g (at, session_on, is_closing, nav)"""
_REASONS = """
INSERT INTO desk.reasons (decision_id, symbol, rule, role, outcome, observed, threshold, input_at, why)
SELECT decision_id, symbol, rule, role,
       CASE WHEN chance < 0.04 THEN 'ABSTAIN' WHEN (seen > threshold) = (side > 0) THEN 'PASS' ELSE 'FAIL' END,
       CASE WHEN chance < 0.04 THEN NULL ELSE seen END, threshold, as_of,
       CASE WHEN chance < 0.04 THEN 'no value is known' END
FROM (
    SELECT d.decision_id, d.as_of, s.symbol, r.*, hashed / 1000.0 AS chance,
           r.threshold + abs(r.threshold) * (CASE WHEN r.role IN ('exit', 'block') THEN -0.9 * r.side ELSE 0 END
               + (hashed - 460) / 900.0) AS seen
    FROM desk.decisions AS d
    CROSS JOIN unnest(%(symbols)s::text[]) AS s (symbol)
    CROSS JOIN unnest(%(rules)s::text[], %(roles)s::text[], %(thresholds)s::float8[], %(sides)s::float8[])
        AS r (rule, role, threshold, side)
    CROSS JOIN LATERAL (SELECT abs(hashtext(s.symbol || r.rule || (d.session_on - date '2000-01-01') / 3
        || extract(hour FROM d.as_of) / 5)) %% 1000 AS hashed) AS h
    WHERE d.book = %(book)s) AS made"""
_NAVS = """
INSERT INTO desk.nav (book, as_of, session_on, is_closing, cash_usd, positions_usd, nav_usd, peak_nav_usd,
                      lifetime_peak_usd, tripped_on, sessions_since_trip)
SELECT %(book)s, at, session_on, is_closing, cash, nav - cash, nav, nav, nav, NULL, 0
FROM unnest(%(at)s::timestamptz[], %(session_on)s::date[], %(is_closing)s::boolean[], %(nav)s::float8[],
            %(cash)s::numeric[]) AS g (at, session_on, is_closing, nav, cash)"""


def seed_year(
    url: str, calendar: MarketCalendar, *, until: datetime, days: int = 366, book: BookId = BOOK
) -> list[Slot]:
    """Write the hours of `days` until an instant, with what is held at the end; return them."""
    store = PostgresStore(url)
    sessions = calendar.sessions((until - timedelta(days=days)).date(), until.date())
    slots = [slot for session in sessions for slot in session_slots(session) if slot.as_of <= until]
    with store.transaction() as tx:
        tx.ledger.open_book(
            book, strategy=SPEC.name, spec_hash=SPEC.spec_hash, opened_at=slots[0].starts_at, cash_usd=Decimal(100_000)
        )
    steps = np.random.default_rng(7).normal(0.00018, 0.0021, len(slots))
    nav = 100_000.0 * np.exp(np.cumsum(steps))
    bought = float(sum(Decimal(quantity) * Decimal(str(price)) for quantity, price in HELD.values()))
    cash = [Decimal(str(round(value - bought, 2))) for value in nav]
    columns = {
        "book": str(book), "strategy": SPEC.name, "spec_hash": SPEC.spec_hash, "nav": nav.tolist(), "cash": cash,
        "at": [slot.as_of for slot in slots], "session_on": [slot.session_on for slot in slots],
        "is_closing": [slot.is_closing for slot in slots], "symbols": list(SPEC.universe.traded),
        "rules": [rule for rule, *_ in RULES], "roles": [role for _, role, *_ in RULES],
        "thresholds": [threshold for *_, threshold, _ in RULES], "sides": [side for *_, side in RULES],
    }  # fmt: skip
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in (_DECISIONS, _REASONS, _NAVS):
            cursor.execute(statement, columns)
        cursor.execute("ANALYZE")
    _hold(store, book, slots)
    return slots


def plan(url: str, slot: Slot, symbol: str) -> Order:
    """Let an hour plan an entry that nobody has sent yet."""
    order = _order(BOOK, slot, symbol, Decimal(10))
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        _add_order(cursor, order)
    return order


def seed_prices(store: PostgresStore, calendar: MarketCalendar, *, until: datetime, days: int = 366) -> None:
    """Store a year of daily bars of the list, SPY and QQQ."""
    source = SyntheticBarSource(SyntheticMarket(7, calendar))
    window = TimeWindow(until - timedelta(days=days + 10), until)
    names = (*SPEC.universe.traded, "SPY", "QQQ")
    with store.transaction() as tx:
        rows = [bar for symbol in names for bar in source.bars(symbol, window, Resolution.DAY)]
        tx.market.add_bars(rows, Provenance(SYNTHETIC, "test", until, "test"))


def _hold(store: PostgresStore, book: BookId, slots: list[Slot]) -> None:
    """Buy what is held: the first over a year ago, the last in the newest hour, where another name is denied."""
    newest = slots[-1]
    hours = [slots[0], slots[len(slots) // 4], slots[len(slots) // 2], slots[-len(slots) // 5], newest]
    marks = {}
    for (symbol, (quantity, price)), slot in zip(HELD.items(), hours, strict=True):
        _buy(store, book, slot, symbol, Decimal(quantity), Decimal(str(round(price * 0.94, 2))))
        marks[symbol] = (Decimal(quantity), price, round(price * 1.02, 2))
    _make_newest_fit(store, book, newest)
    denied = _order(book, newest, "AMD", Decimal(40), status=OrderStatus.DENIED, detail="stopped out 3 days ago")
    with closing(connect(store._url)) as connection, connection, connection.cursor() as cursor:
        for symbol, (quantity, price, high) in marks.items():
            values = (str(book), newest.as_of, symbol, quantity, price, high)
            cursor.execute("INSERT INTO desk.marks VALUES (%s, %s, %s, %s, %s, %s)", values)
        _add_order(cursor, denied)
    with store.transaction() as tx:
        denial = Denial("COOLDOWN", "stopped out on 22 Nov, entries wait until 29 Nov", 3.0, 7.0)
        tx.checks.add_denials(denied.order_id, [denial], stage=Stage.DECISION, at=newest.as_of)


def _make_newest_fit(store: PostgresStore, book: BookId, newest: Slot) -> None:
    """Let the verdicts of the newest hour say what was done: what is held is held, and two names passed."""
    decision_id = f"hourly.{newest.as_of:%Y%m%dT%H%M}.{book}"
    passing = """
        UPDATE desk.reasons SET outcome = 'PASS', why = NULL, observed = threshold * CASE rule
            WHEN 'rsi_below' THEN 0.83 WHEN 'cheaper_than_sector' THEN 0.9 ELSE 1.08 END
        WHERE decision_id = %s AND role IN ('entry_required', 'entry_optional', 'shrink')
          AND symbol IN ('AAPL', 'AMD')"""
    held = """
        INSERT INTO desk.reasons (decision_id, symbol, rule, role, outcome, observed, threshold, input_at, why)
        SELECT %s, symbol, 'position_open', 'block', CASE WHEN quantity > 0 THEN 'PASS' ELSE 'FAIL' END, quantity, 0,
               NULL, NULL
        FROM unnest(%s::text[], %s::float8[]) AS g (symbol, quantity)"""
    symbols = list(SPEC.universe.traded)
    quantities = [float(HELD[s][0]) if s in HELD and s != "AAPL" else 0.0 for s in symbols]
    with closing(connect(store._url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(passing, (decision_id,))
        cursor.execute(held, (decision_id, symbols, quantities))


def _buy(store: PostgresStore, book: BookId, slot: Slot, symbol: str, quantity: Decimal, price: Decimal) -> None:
    entry = _order(book, slot, symbol, quantity, limit_price=price)
    stop = _order(
        book, slot, symbol, quantity, side=Side.SELL, order_type=OrderType.TRAIL, purpose=OrderPurpose.STOP, leg=1,
        limit_price=None, stop_price=price * Decimal("0.93"), trail_frac=0.12, time_in_force=TimeInForce.GTC,
        expires_at=None,
    )  # fmt: skip
    target = _order(
        book, slot, symbol, quantity, side=Side.SELL, purpose=OrderPurpose.TARGET, leg=2, expires_at=None,
        limit_price=(price * Decimal("1.25")).quantize(Decimal("0.01")), time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    with closing(connect(store._url)) as connection, connection, connection.cursor() as cursor:
        for order in (entry, stop, target):
            _add_order(cursor, order)
    at = slot.as_of + timedelta(minutes=1)
    bought_at = at - LONG_AGO if symbol == next(iter(HELD)) else at
    with store.transaction() as tx:
        sent = (OrderStatus.RESERVED, OrderStatus.SUBMITTED)
        for order, statuses in ((entry, (*sent, OrderStatus.FILLED)), (stop, sent), (target, sent)):
            for status in statuses:
                filled = quantity if status is OrderStatus.FILLED else None
                event = an_event(order, status, happened_at=at, filled_quantity=filled)
                order = tx.orders.record(order, event)
        fill = a_fill(
            fill_id=f"f.{symbol}", order_id=entry.order_id, book=book, symbol=symbol, quantity=quantity, price=price,
            executed_at=bought_at,
        )  # fmt: skip
        tx.ledger.add_booking(book_fill(fill, tx.ledger.lots(book, symbol)))


def _order(book: BookId, slot: Slot, symbol: str, quantity: Decimal, **overrides) -> Order:
    decision_id = f"hourly.{slot.as_of:%Y%m%dT%H%M}.{book}"
    made = an_order(book=book, decision_id=decision_id, symbol=symbol, quantity=quantity, planned_at=slot.as_of)
    changed = replace(made, **({"expires_at": slot.as_of + timedelta(minutes=25)} | overrides))
    return an_order(**{name: getattr(changed, name) for name in changed.__dataclass_fields__ if name != "order_id"})


def _add_order(cursor, order: Order) -> None:
    names = [name for name in order.__dataclass_fields__ if name not in ("book",)]
    values = {name: getattr(order, name) for name in names} | {"book": str(order.book)}
    columns = ", ".join(values)
    cursor.execute(
        f"INSERT INTO desk.orders ({columns}) VALUES ({', '.join(f'%({name})s' for name in values)})", values
    )
