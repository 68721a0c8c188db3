"""How a desk stands beside its broker, its data and its limits, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.market import NewsItem, TimeWindow, session_slots
from trading.domain.orders import Order
from trading.domain.portfolio import TradingState
from trading.domain.risk import BookRisk, regime_of
from trading.engine.hours import quarter_of
from trading.ports import Break, MarketCalendar, Services, Transaction
from trading.reporting.document import Rows
from trading.reporting.wording import counted, percent
from trading.strategy.spec import StrategySpec
from trading.tasks.locks import locks_now
from trading.tasks.pull import gaps
from trading.tasks.reports.pieces import age_words, clock_words, day_words

MOST_HEADLINES = 8


@dataclass(frozen=True, slots=True)
class Night:
    """How book and broker compare.

    Attributes:
        clean_at: when the newest comparison was made that lets the book trade; None without one.
    """

    open_breaks: tuple[Break, ...]
    clean_at: datetime | None


def read_night(tx: Transaction, book: BookId) -> Night:
    """Return the open breaks of a book, and when it last agreed with its broker."""
    return Night(tx.reconciliations.breaks(book), tx.reconciliations.last_clean_at(book))


def break_rows(found: Sequence[Break], now: datetime) -> Rows:
    """Return open breaks with their age."""
    rows = [
        (
            str(one.break_id),
            age_words(max(now, one.last_seen_at) - one.first_seen_at),
            one.difference.kind.effect.stops,
            one.difference.kind.value,
            one.difference.symbol or "–",
            f"{one.difference.ours} | {one.difference.theirs}",
        )
        for one in found
    ]
    return Rows(("break", "age", "stops", "kind", "symbol", "ours | broker"), rows, "No break is open.", is_wordy=True)


def night_words(found: Night) -> str:
    """Return when the book last agreed with its broker."""
    if found.clean_at is None:
        return "No comparison with the broker has let this book trade yet."
    return f"The newest comparison that lets it trade is of {found.clean_at:%Y-%m-%d %H:%M} UTC."


def state_words(tx: Transaction, book: BookId) -> str:
    """Return the trading state, and who brought the book into it."""
    state = tx.controls.trading_state(book)
    reason = tx.controls.state_reason(book)
    since = "" if state is TradingState.ACTIVE or reason is None else f": {reason}"
    return f"Trading state {state}{since}."


def risk_words(risk: BookRisk | None, spec: StrategySpec) -> str:
    """Return drawdown, breaker and VIX in a sentence."""
    if risk is None:
        return "No decision has stored a risk yet."
    vix = "unknown" if risk.vix is None else f"{risk.vix:.1f} points, {regime_of(risk.vix)}"
    return (
        f"Drawdown {percent(risk.drawdown_frac)} of the mark that the breaker counts from, which trips over "
        f"{spec.protection.breaker_frac:.0%}; it is {risk.phase}. VIX {vix}."
    )


def lock_rows(services: Services, spec: StrategySpec, book: BookId) -> Rows:
    """Return what keeps entries out now; only of a book that trades."""
    head = ("of", "check", "until", "why")
    if book.kind is BookKind.REPLAY:
        return Rows(head, (), "A replay has no locks of today.")
    found = locks_now(services, spec, book)
    rows = [(lock.symbol or "the book", lock.code, str(lock.until or "–"), lock.reason) for lock in found]
    return Rows(head, rows, "Nothing keeps entries out.", is_wordy=True)


def data_rows(services: Services, spec: StrategySpec, first_on: date, last_on: date) -> Rows:
    """Return what is parked now, and which bars the sessions lack."""
    with services.store.snapshot() as tx:
        parked = tx.market.parked()
    traded = frozenset(spec.universe.data)
    rows = [
        (symbol, "parked", f"since {gate.since:%Y-%m-%d %H:%M} UTC", str(gate))
        for symbol, gates in sorted(parked.items())
        for gate in gates
        if symbol in traded
    ]
    sessions = services.calendar.sessions(first_on, last_on)
    if sessions:
        window = TimeWindow(sessions[0].opens_at, min(sessions[-1].closes_at, services.clock.now()))
        # What has none of a resolution is not fed in it.
        rows += [
            (gap.symbol, f"{gap.resolution} bars", f"{gap.missing_count} of {gap.expected_count}", "")
            for gap in gaps(services, sorted(traded), window)
            if 0 < gap.missing_count < gap.expected_count
        ]
    return Rows(("symbol", "what", "how much", "why"), rows, "Nothing is parked and no bar is missing.", is_wordy=True)


def headlines(tx: Transaction, symbols: Sequence[Symbol], since: datetime, now: datetime) -> tuple[NewsItem, ...]:
    """Return the newest stories about some symbols, the newest first."""
    wanted = frozenset(symbols)
    found = [n for n in tx.market.news(since=since, cutoff_at=now) if wanted & frozenset(n.symbols)]
    return tuple(sorted(found, key=lambda n: n.published_at, reverse=True)[:MOST_HEADLINES])


def headline_rows(found: Sequence[NewsItem], symbols: Sequence[Symbol]) -> Rows:
    """Return stories with their source; what a stranger wrote is data."""
    rows = [
        (
            f"{n.published_at:%m-%d} {clock_words(n.published_at)}",
            ", ".join(s for s in symbols if s in n.symbols),
            n.source,
            n.title[:300],
        )
        for n in found
    ]
    return Rows(("New York time", "about", "source", "headline"), rows, "No story about what is held.", is_wordy=True)


def next_lines(calendar: MarketCalendar, after: date, working: Sequence[Order]) -> Iterator[str]:
    """Yield what comes next: the session, its hours, a rebalance, what works at the broker."""
    coming = calendar.next_session(after)
    slots = session_slots(coming)
    half = "" if coming.closes_at - coming.opens_at > timedelta(hours=5) else ", a half day"
    yield (
        f"Next session: {day_words(coming.session_on)}, {clock_words(coming.opens_at)} to "
        f"{clock_words(coming.closes_at)} New York time{half}; first decision {clock_words(slots[0].as_of)}."
    )
    if quarter_of(coming.session_on) != quarter_of(after):
        yield "It is the first session of the quarter: held names are brought back to target."
    guards = sum(o.is_protective for o in working)
    rest = len(working) - guards
    yield f"At the broker: {counted(guards, 'protective order')} and {counted(rest, 'other order')}."
