"""The reconciliation report: what book and broker do not agree on, the statement, cash and commissions of a session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from trading.accounting.equity import CashMove
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.errors import PermanentError
from trading.ports import Break, DividendDue, External, Services, Transaction
from trading.ports.standing import Comparison, StatementSpan
from trading.reporting.document import Part, Report, Rows
from trading.reporting.tables import shares
from trading.reporting.wording import UNKNOWN, counted, gain, ratio, whole
from trading.tasks.book_history import BookHistory, read_history
from trading.tasks.reports import state_rows as state
from trading.tasks.reports.pieces import age_words, clock_words, day_words, name_of, usd

CLOSED_SHOWN = 15
DIVIDENDS_SINCE = timedelta(days=60)
_KINDS = ("deposit", "fill", "commission", "dividend", "cash_in_lieu", "interest", "fee")


@dataclass(frozen=True)
class Compared:
    """What the store says of a session's comparisons.

    Attributes:
        moves, fills: of the session. waiting: executions whose commission the broker has not told.
        cash_usd: what every cash entry of the book sums to.
    """

    history: BookHistory
    on: date
    night: state.Night
    closed: tuple[Break, ...]
    comparisons: tuple[Comparison, ...]
    statement: StatementSpan | None
    moves: tuple[CashMove, ...]
    fills: tuple[Fill, ...]
    waiting: tuple[Fill, ...]
    due: tuple[DividendDue, ...]
    externals: tuple[External, ...]
    cash_usd: Decimal


def reconciliation_report(services: Services, book: BookId, session_on: date | None = None) -> Report:
    """Return the report of a session; None for the book's newest one.

    Raises:
        PermanentError: the book is not known, is a stored replay, or has no mark of that session.
    """
    now = services.clock.now()
    with services.store.snapshot() as tx:
        found = _read(tx, services, book, session_on, now)
    open_count = len(found.night.open_breaks)
    return Report(
        name=name_of("reconciliation", found.on, book),
        title=f"Book and broker, {day_words(found.on)}",
        badge=found.history.badge,
        said=f"{book}, comparisons of {found.on}; open breaks as of {now:%Y-%m-%d %H:%M} UTC",
        tiles=_tiles(found),
        parts=tuple(_parts(found, now)),
        beware=tuple(_beware(found)),
        caption=f"Book and broker, {day_words(found.on)}: {counted(open_count, 'open break')}, cash "
        f"{usd(found.cash_usd)}\n{state.night_words(found.night)}",
    )


def _read(tx: Transaction, services: Services, book: BookId, on: date | None, now: datetime) -> Compared:
    history = read_history(tx, services.calendar, book)
    ledger = history.ledger
    if ledger is None:
        raise PermanentError(f"{book} is a stored replay, which has no broker to compare with; name another --book")
    days = [m.session_on for m in history.marks]
    if not days or (on is not None and on not in days):
        raise PermanentError(f"{book} has no mark of {on or 'any session'}; name one of its sessions, or run its hours")
    session_on = on or days[-1]
    return Compared(
        history=history,
        on=session_on,
        night=state.read_night(tx, book),
        closed=tx.reconciliations.breaks(book, is_open=False)[:CLOSED_SHOWN],
        comparisons=tx.standing.comparisons(book, session_on, session_on),
        statement=tx.standing.newest_statement(book),
        moves=tuple(m for m in ledger.moves if history.session_of(m.happened_at) == session_on),
        fills=tuple(f for f in ledger.fills if history.session_of(f.executed_at) == session_on),
        waiting=tuple(f for f in ledger.fills if f.commission_usd is None),
        due=tx.reconciliations.dividends_due(book, since=now - DIVIDENDS_SINCE),
        externals=tx.reconciliations.externals(book),
        cash_usd=sum((m.amount_usd for m in ledger.moves), Decimal(0)),
    )


def _tiles(found: Compared) -> list[tuple[str, str]]:
    nightly = [c for c in found.comparisons if c.kind == "nightly"]
    verdict = UNKNOWN if not nightly else "agree" if nightly[-1].is_clean else "differ"
    commissions = sum((f.commission_usd or Decimal(0) for f in found.fills), Decimal(0))
    return [
        (verdict, "book and broker that night"),
        (str(len(found.night.open_breaks)), "open breaks"),
        (usd(found.cash_usd), "cash of the book"),
        (usd(commissions), "commissions of the session"),
        (str(len(found.waiting)), "commissions not told yet"),
        (f"{found.statement.to_on}" if found.statement else UNKNOWN, "newest statement, to"),
    ]


def _parts(found: Compared, now: datetime) -> Iterator[Part]:
    yield Part(
        "Open breaks", (state.break_rows(found.night.open_breaks, now), state.night_words(found.night)),
        note=_BREAKS, is_pictured=True,
    )  # fmt: skip
    yield Part("Comparisons of the session", (_comparison_rows(found.comparisons),))
    yield Part("Cash of the session", (_cash_rows(found.moves),), note=_CASH, is_pictured=True)
    yield Part("Commissions", (_commission_rows(found.fills),), note=_COMMISSIONS)
    yield Part("Statement", tuple(_statement_lines(found)), is_pictured=True)
    yield Part("Outside the book", (_external_rows(found.externals),), note=_OUTSIDE)
    yield Part("Breaks that ended last", (_closed_rows(found.closed),))


def _comparison_rows(found: Sequence[Comparison]) -> Rows:
    rows = [
        (
            f"{c.happened_at:%Y-%m-%d} {clock_words(c.happened_at)}",
            c.kind,
            "agree" if c.is_clean else "differ",
            "yes" if c.lets_trade else "no",
        )
        for c in found
    ]
    return Rows(("New York time", "kind", "book and broker", "lets it trade"), rows, "Nobody compared in this session.")


def _cash_rows(moves: Sequence[CashMove]) -> Rows:
    rows = []
    for kind in _KINDS:
        inside = [m for m in moves if m.kind == kind]
        if inside:
            amount = float(sum((m.amount_usd for m in inside), Decimal(0)))
            rows.append((kind.replace("_", " "), whole(len(inside)), f"{amount:+,.2f}".replace("-", "\u2212")))
    return Rows(("kind", "entries", "amount, USD"), rows, "No cash moved.")


def _commission_rows(fills: Sequence[Fill]) -> Rows:
    rows = [
        (
            clock_words(f.executed_at),
            f.symbol,
            f"{f.side} {shares(f.quantity)}",
            ratio(float(f.price)),
            "not yet" if f.commission_usd is None else ratio(float(f.commission_usd)),
        )
        for f in fills
    ]
    return Rows(("New York time", "symbol", "fill", "price, USD", "commission, USD"), rows, "Nothing was filled.")


def _statement_lines(found: Compared) -> Iterator[Rows | str]:
    if found.statement is None:
        yield "No statement of the broker is stored; AIRDESK_FLEX_URL and its token bring them."
    else:
        span = found.statement
        yield f"The newest covers {span.from_on} to {span.to_on} and came {span.fetched_at:%Y-%m-%d %H:%M} UTC."
    rows = [(d.symbol, f"{d.happened_at:%Y-%m-%d}", ratio(float(d.amount_usd))) for d in found.due]
    if rows:
        yield Rows(("dividend of", "ex-date", "amount, USD"), rows, "none")
        yield "These dividends were counted on their ex-date and no statement has confirmed them yet."


def _external_rows(found: Sequence[External]) -> Rows:
    rows = [
        (e.symbol, f"{e.quantity:+f}", gain(float(e.cash_usd)), f"{e.counted_at:%Y-%m-%d}", e.reference) for e in found
    ]
    head = ("symbol", "shares", "cash, USD", "counted on", "reference")
    return Rows(head, rows, "Nothing is kept outside the book.", is_wordy=True)


def _closed_rows(found: Sequence[Break]) -> Rows:
    rows = [
        (
            str(one.break_id),
            one.difference.kind.value,
            one.difference.symbol or "–",
            age_words((one.closed_at or one.last_seen_at) - one.first_seen_at),
            f"{one.resolution} ({one.resolved_by})",
        )
        for one in found
    ]
    return Rows(("break", "kind", "symbol", "open for", "how it ended"), rows, "None has ended yet.", is_wordy=True)


def _beware(found: Compared) -> Iterator[str]:
    if not any(c.kind == "nightly" for c in found.comparisons):
        yield "The night has not compared this session: whether book and broker agree is not known."
    if found.waiting:
        yield f"{counted(len(found.waiting), 'commission')} not told yet: costs and cash will still change."


_BREAKS = "With their age. “halt” stops the book, “wait” its entries, “hold” those of one symbol, “tell” nothing."
_CASH = "By kind; what a person paid in is a deposit. Fills are without their commissions."
_COMMISSIONS = "As the broker told them; each is taken off the cost or the proceeds of its fill."
_OUTSIDE = "Foreign activity that an operator took note of: in no NAV, size or tax of this book."
