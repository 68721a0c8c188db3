"""The report of a stored replay, and of a day beside its replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date

from trading.accounting.trades import gain_count
from trading.domain.instruments import BookId, BookKind
from trading.domain.parity import Parity, ParityDifference, ParityFill, ParityOutcome
from trading.domain.replays import ReplayRun
from trading.errors import PermanentError
from trading.ports import Services
from trading.reporting.document import Part, Report, Rows
from trading.reporting.figures import LINES, benchmark_name
from trading.reporting.replay_charts import month_chart, replay_tiles
from trading.reporting.replay_tables import head_lines
from trading.reporting.wording import UNKNOWN, counted, gain, percent, whole
from trading.strategy.spec import StrategySpec
from trading.tasks.book_history import read_history
from trading.tasks.parity import parity_of
from trading.tasks.replay_runs import run_named
from trading.tasks.reports.pieces import clock_words, curve_charts, day_words, name_of, usd
from trading.tasks.standing import BOOK, Curve, curve_of

PARITY_DAYS = 30
MOST_DIFFERENCES = 60


def stored_replay_report(services: Services, spec: StrategySpec, name: str) -> Report:
    """Return what is stored of a replay; `replay run --report` writes more, from the replay itself.

    Raises:
        PermanentError: there is no replay of that name.
    """
    with services.store.snapshot() as tx:
        run = run_named(tx, name)
        history = read_history(tx, services.calendar, BookId(BookKind.REPLAY, name))
        curve = curve_of(tx, services.calendar, spec, history, now=services.clock.now())
    return Report(
        name=f"replay-{name}",
        title=f"Replay {name}: {run.strategy}",
        badge=history.badge,
        said=f"{run.first_on} to {run.last_on}, {whole(run.starting_usd)} USD to begin with",
        tiles=replay_tiles(run),
        parts=tuple(_run_parts(run, curve)),
        beware=tuple(_run_beware(run)),
        caption=f"Replay {name}, {run.first_on} to {run.last_on}: "
        + ", ".join(f"{what} {value}" for value, what in replay_tiles(run)),
    )


def _run_parts(run: ReplayRun, curve: Curve) -> Iterator[Part]:
    charts = curve_charts(curve)
    if charts:
        yield Part("Equity and drawdown", charts, note=_EQUITY, is_pictured=True)
        yield Part("Returns by month", (month_chart(run),), is_pictured=True)
    columns = {"the book": run.figures, **{n: asdict(f) for n, f in curve.figures.items() if n != BOOK}}
    lines = [(ln.name, *(ln.of(f) for f in columns.values())) for ln in LINES if ln.is_of_curve]
    yield Part("Figures", (Rows(("", *map(benchmark_name, columns)), lines, "none"), _trade_figures(run)))
    yield Part("Gain by symbol", (_symbol_rows(run),), note=_SYMBOLS)
    yield Part("What it was", (Rows(("", "said"), head_lines(run), "none", is_wordy=True),))


def _trade_figures(run: ReplayRun) -> Rows:
    rows = [(ln.name, ln.of(run.figures)) for ln in LINES if not ln.is_of_curve and ln.key in run.figures]
    return Rows(("", "the book"), rows, "none")


def _symbol_rows(run: ReplayRun) -> Rows:
    trades = run.trades or ()
    counts = [gain_count(s, [t.gain_usd for t in trades if t.symbol == s]) for s in sorted({t.symbol for t in trades})]
    rows = [
        (c.name, whole(c.count), percent(c.hit_frac), gain(c.gain_usd))
        for c in sorted(counts, key=lambda c: -c.gain_usd)
    ]
    return Rows(("symbol", "closed trades", "won", "gain, USD"), rows, "No trade was closed.")


def _run_beware(run: ReplayRun) -> Iterator[str]:
    if run.equity is None or len(run.equity.session_on) < 2:
        yield "The replay has one session only: there is no curve to draw."
    elif len(run.equity.session_on) < 252:
        yield f"Only {counted(len(run.equity.session_on), 'session')}: figures a year are extrapolated."
    if len(run.trades or ()) < 30:
        yield f"Only {counted(len(run.trades or ()), 'closed trade')}: under 30 no rate or ratio of trades means much."


def parity_report(services: Services, spec: StrategySpec, book: BookId, session_on: date | None = None) -> Report:
    """Return a day beside its replay; None for the newest day that a night compared.

    Raises:
        PermanentError: no night has compared a day yet, or the session is none of the book's.
    """
    with services.store.snapshot() as tx:
        history = read_history(tx, services.calendar, book)
        stored = tx.parity.days(book, PARITY_DAYS)
    found = next((p for p in stored if session_on is None or p.session_on == session_on), None)
    if found is None and session_on is None:
        raise PermanentError(f"{book}: no night has compared a day yet; name a session, e.g. report parity 2026-11-25")
    if found is None and session_on is not None:
        found = parity_of(services, spec, book, session_on)
    assert found is not None, "one of the branches above found it or raised"
    return Report(
        name=name_of("parity", found.session_on, book),
        title=f"Beside its replay, {day_words(found.session_on)}",
        badge=history.badge,
        said=f"{book}, {found.outcome}: {found.summary}",
        tiles=_parity_tiles(found),
        parts=tuple(_parity_parts(found, stored)),
        caption=f"{found.session_on} beside its replay: {found.outcome}: {found.summary}",
    )


def _parity_tiles(found: Parity) -> list[tuple[str, str]]:
    return [
        (_equal(found, found.decisions_equal, found.decisions), "decisions equal"),
        (_equal(found, found.orders_equal, found.orders), "orders equal"),
        (_equal(found, found.fills_equal, len(found.fills)), "fills equal"),
        (_bps(found.shortfall_bps), "shortfall, bp"),
        (usd(found.nav_usd), "NAV of the book"),
        (usd(found.replay_nav_usd), "NAV of the replay"),
    ]


def _equal(found: Parity, same: int, of: int) -> str:
    is_known = found.outcome in (ParityOutcome.EQUAL, ParityOutcome.DIFFERENT)
    return f"{same} of {of}" if is_known else UNKNOWN


def _parity_parts(found: Parity, stored: Sequence[Parity]) -> Iterator[Part]:
    counts = [(kind.value, whole(count)) for kind, count in found.by_kind().items()]
    yield Part(
        "Differences",
        (Rows(("kind", "count"), counts, _NOTHING.get(found.outcome, "Nothing differs.")),),
        is_pictured=True,
    )
    if found.remarks:
        yield Part("What the day was like", found.remarks, is_pictured=True)
    yield Part("Each difference", (_difference_rows(found.differences),))
    yield Part("Fills", (_fill_rows(found.fills),), note=_FILLS)
    days = [
        (f"{p.session_on}", p.outcome.value, whole(len(p.differences)), _bps(p.shortfall_bps), p.summary)
        for p in stored
        if p.session_on < found.session_on
    ]
    head = ("session", "outcome", "differences", "shortfall, bp", "summary")
    yield Part("The days before", (Rows(head, days, "No night compared an earlier day.", is_wordy=True),))


def _difference_rows(found: Sequence[ParityDifference]) -> Rows:
    rows = [
        (
            UNKNOWN if d.as_of is None else clock_words(d.as_of),
            d.symbol or "–",
            d.kind.value if d.what == d.kind.value else f"{d.kind}: {d.what}",
            d.book,
            d.replay,
            d.cause or "not known; look at ./airdesk why",
        )
        for d in found[:MOST_DIFFERENCES]
    ]
    head = ("hour", "symbol", "what", "the book", "the replay", "cause")
    return Rows(head, rows, "Nothing differs.", is_wordy=True)


def _fill_rows(found: Sequence[ParityFill]) -> Rows:
    rows = [
        (
            f"{f.symbol} {f.side} {f.purpose}",
            usd(f.decision_price),
            "missed" if f.quantity is None else usd(f.price),
            "none" if f.replay_quantity is None else usd(f.replay_price),
            _bps(f.shortfall_bps),
            _bps(f.behind_replay_bps),
        )
        for f in found
    ]
    head = ("fill", "decided at", "the book", "the replay", "shortfall, bp", "behind the replay, bp")
    return Rows(head, rows, "Nothing was filled on either side.")


def _bps(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:+.1f}".replace("-", "\u2212")


_NOTHING = {
    ParityOutcome.UNKNOWN: "The day could not be replayed, so nothing was compared.",
    ParityOutcome.NOTHING: "The book decided nothing that day.",
}
_EQUITY = "Growth of 1 USD at session closes, and the fall from the highest close so far."
_SYMBOLS = "Closed trades after commissions, dividends not added."
_FILLS = "Shortfall is what a fill lost against the price of its decision; prices of fills are measured, no difference."
