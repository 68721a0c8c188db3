"""Reading: facts known at a decision, and the book before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from trading import __version__
from trading.accounting.tax.records import Split
from trading.accounting.tax.trail import method_on
from trading.accounting.wash_sales import ALONE, WASH_MEMORY, Related
from trading.analysis.facts import Facts
from trading.analysis.sentiment import LOOK_DAYS
from trading.domain.fills import Disposal, Fill
from trading.domain.instruments import BookId, ClientCategory, Symbol
from trading.domain.locks import STOP_MEMORY
from trading.domain.market import SYNTHETIC, Resolution, Session, Slot
from trading.domain.money import ZERO
from trading.domain.orders import Order, OrderStatus, Side
from trading.domain.portfolio import AccountType, Balance, Portfolio
from trading.domain.series import BarSeries
from trading.engine.corporate import split_disposal
from trading.engine.hours import Terms, Timeline
from trading.engine.state import BookState
from trading.errors import PermanentError
from trading.execution.matching import ratchet
from trading.ports import MarketCalendar, Services, Transaction, settlement_day
from trading.ports.tax import Taxpayer
from trading.strategy.spec import StrategySpec
from trading.tasks.halting import set_by_breaker

DAILY_MEMORY = timedelta(days=900)
"""At least 600 daily bars: averages and RSI have long forgotten what lies before."""
INTRADAY_MEMORY = timedelta(days=7)
NEWS_MEMORY = timedelta(days=7)
"""Longer than a story counts. A percentile looks back from there."""
SETTLEMENT_MEMORY = timedelta(days=14)
"""Longer than three sessions ever take."""
RECENT_FILLS = 1_000
"""More than a book fills within that time."""
_INTRADAY = (Resolution.HALF_HOUR, Resolution.HOUR)
_NEVER_SENT = frozenset({OrderStatus.PLANNED, OrderStatus.DENIED})


def news_memory(spec: StrategySpec) -> timedelta:
    """Return how far back of a decision `spec` reads headlines."""
    looks = timedelta(days=LOOK_DAYS) if spec.sentiment.mode == "percentile" else timedelta()
    return NEWS_MEMORY + looks


def terms_of(services: Services) -> Terms:
    """Return how this book reads its sources."""
    return Terms(services.source_delay_minutes, services.daily_pricing, services.account_type, services.client_category)


def code_of(services: Services) -> str:
    """Return what a decision stores as its code, e.g. "0.1.0+3f2a91c07be4"; the version alone without a hash."""
    return f"{__version__}+{services.code_hash[:12]}" if services.code_hash else __version__


def cutoff_of(services: Services, slot: Slot) -> datetime:
    """Return the instant by which a row must be known to count in `slot`."""
    return slot.as_of + timedelta(minutes=services.source_delay_minutes)


def timeline_of(calendar: MarketCalendar, first_on: date, last_on: date) -> Timeline:
    """Return the sessions in [first_on, last_on] with their neighbours."""
    sessions = calendar.sessions(first_on, last_on)
    if not sessions:
        raise PermanentError(f"no session from {first_on} to {last_on}; widen the range")
    return Timeline(sessions, session_before(calendar, sessions[0].session_on), calendar.next_session(last_on))


def past_timeline(services: Services, first_on: date, last_on: date) -> Timeline:
    """Return the sessions in [first_on, last_on]; all of them must have ended.

    Raises:
        PermanentError: there is none, or one has not ended: a replay of it would hold the last price until its end.
    """
    timeline, now = timeline_of(services.calendar, first_on, last_on), services.clock.now()
    last = timeline.sessions[-1]
    if last.closes_at > now:
        recent = services.calendar.sessions(now.date() - timedelta(days=14), now.date())
        ended_on = next(s.session_on for s in reversed(recent) if s.closes_at <= now)
        raise PermanentError(f"{last.session_on} has not ended yet; the newest session that has is {ended_on}")
    return timeline


def session_before(calendar: MarketCalendar, on: date) -> Session:
    """Return the last session earlier than `on`."""
    return calendar.sessions(on - timedelta(days=14), on - timedelta(days=1))[-1]


def load_facts(
    tx: Transaction,
    spec: StrategySpec,
    *,
    first_at: datetime,
    as_of: datetime,
    cutoff_at: datetime,
    is_replay: bool = False,
    daily_since: datetime | None = None,
) -> Facts:
    """Return the facts that decisions from `first_at` to `as_of` may read.

    Args:
        first_at: the earliest decision; history reaches back from there.
        is_replay: leave out what is parked now, and what was revised since the first decision, which say nothing about
            the past.
        daily_since: read daily bars from there on, further back than a decision needs.
    """
    market = tx.market
    # A replay reads once for many decisions: what was corrected after the first of them must not reach back to it.
    revised_by = first_at if is_replay else None

    def bars(resolutions: Sequence[Resolution], since: datetime) -> dict[tuple[Symbol, Resolution], BarSeries]:
        return tx.market.bars(
            spec.universe.data,
            resolutions,
            as_of=as_of,
            cutoff_at=cutoff_at,
            since=since,
            revised_by=revised_by,
        )

    return Facts(
        bars={
            **bars((Resolution.DAY,), daily_since or first_at - DAILY_MEMORY),
            **bars(_INTRADAY, first_at - INTRADAY_MEMORY),
        },
        news=market.news(since=first_at - news_memory(spec), cutoff_at=cutoff_at),
        filings=market.filings(cutoff_at=cutoff_at),
        macro=market.macro(cutoff_at=cutoff_at),
        actions=market.actions(cutoff_at=cutoff_at),
        parked={} if is_replay else market.parked(),
        earnings=market.earnings(cutoff_at=cutoff_at),
    )


def unsettled_of(services: Services, tx: Transaction, book: BookId, slot: Slot) -> dict[date, Decimal] | None:
    """Return the proceeds of sales [USD] that settle after `slot`'s session, by that day; None in a margin account."""
    if services.account_type is AccountType.MARGIN:
        return None
    waiting: dict[date, Decimal] = {}
    for fill in tx.ledger.fills(book, RECENT_FILLS):
        traded_on = fill.executed_at.date()
        if fill.side is Side.SELL and traded_on >= slot.session_on - SETTLEMENT_MEMORY:
            due_on = settlement_day(services.calendar, traded_on)
            if due_on > slot.session_on:
                net_usd = fill.quantity * fill.price - (fill.commission_usd or ZERO)
                waiting[due_on] = waiting.get(due_on, ZERO) + net_usd
    return waiting


def read_history(
    services: Services,
    spec: StrategySpec,
    timeline: Timeline,
    *,
    cutoff_at: datetime | None = None,
    daily_since: datetime | None = None,
) -> tuple[Facts, bool]:
    """Return every fact that the hours of `timeline` may read, and whether any of it is SYNTHETIC.

    Args:
        cutoff_at: rows known by then are read; now, if it is None.
        daily_since: read daily bars from there on, further back than a decision needs.

    Raises:
        PermanentError: nothing is stored for the range.
    """
    first, last = timeline.slots[0], timeline.slots[-1]
    cutoff_at = cutoff_at or services.clock.now()
    with services.store.transaction() as tx:
        facts = load_facts(
            tx,
            spec,
            first_at=first.as_of,
            as_of=last.as_of,
            cutoff_at=cutoff_at,
            is_replay=True,
            daily_since=daily_since,
        )
        is_synthetic = tx.market.has_source(SYNTHETIC)
    if not facts.bars:
        raise PermanentError(f"no bars are stored before {last.session_on}; import some: ./airdesk data import --help")
    return facts, is_synthetic


def state_with_cash(services: Services, tx: Transaction, book: BookId, slot: Slot) -> BookState:
    """Return the book as a decision starts from it: as stored, with the sales that have not settled."""
    return load_state(
        tx,
        book,
        slot,
        unsettled=unsettled_of(services, tx, book, slot),
        client_category=services.client_category,
        taxpayer=services.taxpayer,
    )


def load_state(
    tx: Transaction,
    book: BookId,
    slot: Slot,
    *,
    unsettled: Mapping[date, Decimal] | None = None,
    client_category: ClientCategory,
    taxpayer: Taxpayer,
) -> BookState:
    """Return the book as stored, with what counts for its wash sales of its taxpayer's other books.

    A protection guards exactly what is held, whatever it was placed for, and a trailing stop stands where the
    position's high-water price puts it: neither is a column of the order.
    """
    last = tx.ledger.last_nav(book)
    portfolio = tx.ledger.portfolio(book, slot.as_of)
    found = tx.orders.working(book)
    entering = {order.order_id for order in found}
    working = tuple(order if order.parent_id in entering else _as_it_stands(order, portfolio) for order in found)
    risk = tx.risk.newest(book)
    today = slot.session_on
    sent = [
        o
        for o in tx.orders.recent(book, 100)
        if o.planned_at.date() == today and o.status not in _NEVER_SENT and not o.is_protective
    ]
    state = BookState(
        portfolio=portfolio,
        working=working,
        trading_state=tx.controls.trading_state(book),
        disposals=_disposals(tx, book, today - WASH_MEMORY, tx.ledger.splits(book)),
        related=_related(tx, book, slot, taxpayer),
        session_on=None if last is None else last.session_on,
        orders_today=len(sent),
        breaker_may_lift=set_by_breaker(tx, book),
        traded_usd=tx.checks.traded_usd(book, today),
        traded_on=today,
        newest_nav_usd=None if last is None else last.nav_usd,
        closing_nav_usd=tx.checks.closing_nav(book, today),
        stops=tx.checks.stops(book, today - STOP_MEMORY),
        restricted=tx.controls.restrictions(book),
        untradable=tx.controls.holds(book),
        client_category=client_category,
        unsettled=unsettled,
        lot_method=method_on(today, tx.tax.methods(book)),
        order_of_fill=_orders_of(tx.ledger.fills(book, RECENT_FILLS)),
        balance=Balance() if risk is None else risk.balance,
    )
    return state if last is None else replace(state, breaker=last.breaker)


def _related(tx: Transaction, book: BookId, slot: Slot, taxpayer: Taxpayer) -> Related:
    """Return the other books of the taxpayer as they are booked now."""
    mine = taxpayer.books_with(book)
    others = [b for b in tx.ledger.books() if b in mine and b != book] if len(mine) > 1 else []
    if not others:
        return ALONE if taxpayer.rules == ALONE.rules else Related(rules=taxpayer.rules)
    # A book that had sold all before a split took nothing over; another one may have.
    splits = {(s.symbol, s.at): s for b in (book, *others) for s in tx.ledger.splits(b)}
    since = slot.session_on - WASH_MEMORY
    return Related(
        lots=tuple(
            lot for b in others for p in tx.ledger.portfolio(b, slot.as_of).positions.values() for lot in p.lots
        ),
        disposals=tuple(d for b in others for d in _disposals(tx, b, since, tuple(splits.values()))),
        orders=tuple(pair for b in others for pair in _orders_of(tx.ledger.fills(b, RECENT_FILLS)).items()),
        rules=taxpayer.rules,
    )


def _disposals(tx: Transaction, book: BookId, since: date, splits: Sequence[Split]) -> tuple[Disposal, ...]:
    """Return the disposals since a day, on the share basis of now."""
    found = [d for d in tx.ledger.disposals(book) if d.disposed_on >= since]
    for split in sorted((s for s in splits if s.at.date() >= since), key=lambda s: s.at):
        found = [
            split_disposal(d, split.ratio) if d.symbol == split.symbol and d.disposed_on < split.at.date() else d
            for d in found
        ]
    return tuple(found)


def _orders_of(fills: Sequence[Fill]) -> dict[str, str]:
    """Return the order of each execution of an order that had several."""
    counts = Counter(f.order_id for f in fills)
    return {f.fill_id: f.order_id for f in fills if f.order_id is not None and counts[f.order_id] > 1}


def _as_it_stands(order: Order, portfolio: Portfolio) -> Order:
    position = portfolio.positions.get(order.symbol)
    if not order.is_protective or position is None or not position.lots:
        return order
    return ratchet(replace(order, quantity=position.quantity), position.high_water_price)
