"""Everything that a book's standing is worked out from, read once: for ledger books and for stored replays alike."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from trading.accounting.equity import CashMove, Earned, Equity, Mark, equity_of
from trading.accounting.trades import GainCount, closed_trades, gain_count, gains_by_cause
from trading.domain.fills import Disposal, Fill
from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.market import SYNTHETIC
from trading.domain.orders import Side
from trading.domain.portfolio import Portfolio
from trading.domain.replays import ReplayRun, RunTrade
from trading.errors import PermanentError
from trading.ports import MarketCalendar, Transaction
from trading.reporting.wording import first_hour

NEW_YORK = ZoneInfo("America/New_York")
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What only a book with a ledger has; a stored replay has none.

    Attributes:
        portfolio: the book now. marks: (quantity, price, high-water price) at the newest mark.
        causes: why each sale was ordered, by fill.
    """

    fills: tuple[Fill, ...]
    disposals: tuple[Disposal, ...]
    moves: tuple[CashMove, ...]
    portfolio: Portfolio
    marks: Mapping[Symbol, tuple[Decimal, float, float]]
    causes: Mapping[str, str]


@dataclass(frozen=True)
class BookHistory:
    """A book from its beginning, session by session.

    Attributes:
        marks: the last one of each session, ascending.
        trades: closed positions, in the order of their last sales.
        ledger: None for a stored replay. run: that replay; None for a ledger book.
    """

    book: BookId
    is_synthetic: bool
    marks: tuple[Mark, ...]
    trades: tuple[RunTrade, ...]
    ledger: Ledger | None
    run: ReplayRun | None = None

    @property
    def badge(self) -> str:
        """What every picture and page of the book carries, e.g. "PAPER", "REPLAY SYNTHETIC"."""
        is_said = self.book.badge == SYNTHETIC or not self.is_synthetic
        return self.book.badge if is_said else f"{self.book.badge} {SYNTHETIC}"

    @cached_property
    def equity(self) -> Equity:
        """The whole history, from the first deposit."""
        if self.run is not None and self.marks:
            # A run stores what it began with, and nobody pays into it.
            first = self.marks[0]
            base = Mark(first.as_of, self.run.first_on, True, self.run.starting_usd, None)
            return equity_of(self.marks, (), base=base)
        return equity_of(self.marks, () if self.ledger is None else self.ledger.moves, base=None)

    @cached_property
    def earned(self) -> tuple[Earned, ...] | None:
        """What was booked in each session that has a mark; None where the book keeps no such entries."""
        if self.ledger is None:
            return None
        return _earned(self.ledger, self.marks)

    def session_of(self, at: datetime) -> date | None:
        """Return the session that an instant counts in, the next one for a day without; None if it is not marked."""
        return _session_of(at, self._days, self.marks)

    @cached_property
    def _days(self) -> list[date]:
        return [m.session_on for m in self.marks]

    def exits(self) -> tuple[GainCount, ...]:
        """Return what sales brought by what asked for them; of a stored replay its closed trades by their last sale."""
        if self.ledger is not None:
            return gains_by_cause(self.ledger.disposals, self.ledger.causes)
        gains: dict[str, list[float]] = defaultdict(list)
        for trade in self.trades:
            gains[trade.closed_by].append(trade.gain_usd)
        return tuple(sorted((gain_count(name, g) for name, g in gains.items()), key=lambda c: (-c.count, c.name)))


def read_history(tx: Transaction, calendar: MarketCalendar, book: BookId) -> BookHistory:
    """Return the history of a ledger book, or of the stored replay that a replay book's name names.

    Raises:
        PermanentError: there is neither.
    """
    if book in tx.ledger.books():
        return _of_ledger(tx, book)
    run = tx.replays.run(book.name) if book.kind is BookKind.REPLAY else None
    if run is None:
        raise no_such_book(tx, book)
    return _of_run(run, book, calendar)


def badge_of(tx: Transaction, book: BookId) -> str:
    """Return the word beside whatever is said of a book; a replay of an invented market says both."""
    is_invented = book.kind is BookKind.REPLAY and tx.market.has_source(SYNTHETIC)
    return f"{SYNTHETIC} {book.badge}" if is_invented else book.badge


def no_such_book(tx: Transaction, book: BookId) -> PermanentError:
    """Return the error that names the books that there are instead of `book`."""
    known = ", ".join([*map(str, tx.ledger.books()), *(f"replay:{r.name}" for r in tx.replays.runs())])
    return PermanentError(f"there is no book {book}; {f'stored: {known}' if known else first_hour(book)}")


def _of_ledger(tx: Transaction, book: BookId) -> BookHistory:
    marks = tx.standing.marks(book)
    fills, disposals = tx.ledger.fills(book), tx.ledger.disposals(book)
    newest = marks[-1].as_of if marks else None
    portfolio = tx.ledger.portfolio(book, newest or NEVER)
    still_held = {lot.fill_id for p in portfolio.positions.values() for lot in p.lots}
    ledger = Ledger(
        fills=fills,
        disposals=disposals,
        moves=tx.standing.cash_moves(book),
        portfolio=portfolio,
        marks={} if newest is None else tx.ledger.marks_at(book, newest),
        causes=tx.standing.sale_causes(book),
    )
    is_synthetic = book.kind is BookKind.DEMO or tx.market.has_source(SYNTHETIC)
    return BookHistory(book, is_synthetic, marks, closed_trades(fills, disposals, still_held), ledger)


def _of_run(run: ReplayRun, book: BookId, calendar: MarketCalendar) -> BookHistory:
    sessions = {s.session_on: s.closes_at for s in calendar.sessions(run.first_on, run.last_on)}
    rows = (
        () if run.equity is None else zip(run.equity.session_on, run.equity.nav_usd, run.equity.cash_usd, strict=True)
    )
    marks = tuple(Mark(sessions[on], on, True, nav, cash) for on, nav, cash in rows if on in sessions)
    return BookHistory(book, run.is_synthetic, marks, run.trades or (), None, run)


def _earned(ledger: Ledger, marks: Sequence[Mark]) -> tuple[Earned, ...]:
    found: dict[date, dict[str, Decimal]] = {}
    days = [mark.session_on for mark in marks]

    def add(name: str, amount: Decimal, at: datetime) -> None:
        if (on := _session_of(at, days, marks)) is not None:
            sums = found.setdefault(on, {})
            sums[name] = sums.get(name, Decimal(0)) + amount

    executed_at = {f.fill_id: f.executed_at for f in ledger.fills}
    for disposal in ledger.disposals:
        add("realised_usd", disposal.gain_usd, executed_at[disposal.fill_id])
    for fill in ledger.fills:
        add("commissions_usd", fill.commission_usd or Decimal(0), fill.executed_at)
    for move in ledger.moves:
        if move.kind not in ("deposit", "fill", "commission"):
            add("dividends_usd" if move.kind == "dividend" else "other_usd", move.amount_usd, move.happened_at)
    return tuple(Earned(on, **{name: float(amount) for name, amount in sums.items()}) for on, sums in found.items())


def _session_of(at: datetime, days: Sequence[date], marks: Sequence[Mark]) -> date | None:
    """Return the session that an instant counts in, the next one for a day without; None if it is not marked yet."""
    place = bisect_left(days, at.astimezone(NEW_YORK).date())
    if place == len(days):
        return None
    # What came after the newest mark of a session that runs is not in its NAV.
    mark = marks[place]
    return None if not mark.is_closing and at > mark.as_of else mark.session_on


def buys(fills: Sequence[Fill]) -> int:
    """Return how many orders bought something; one that filled in pieces counts once."""
    return len({f.order_id or f.fill_id for f in fills if f.side is Side.BUY})
