"""What the audit of a replay says in the terminal, and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from trading.domain.codec import encode
from trading.domain.orders import Side
from trading.domain.replays import ReplayRun
from trading.engine.audit import PROMISES, Audit
from trading.engine.result import ReplayResult
from trading.reporting.attribution import gains_by_exit, gains_by_optional_rule
from trading.reporting.replay_summary import entries_table
from trading.reporting.tables import table_of
from trading.reporting.wording import change, counted, fall, gain, percent, ratio, whole

BREACHES_SHOWN = 20
_COLUMNS = ("total_frac", "sharpe", "drawdown_frac")


@dataclass(frozen=True)
class Played:
    """What a replay came to, and how many entries were filled."""

    run: ReplayRun
    entries: int

    @classmethod
    def of(cls, result: ReplayResult, run: ReplayRun) -> Played:
        """Return what is kept of a replay."""
        return cls(run, sum(fill.side is Side.BUY for fill in result.fills))


@dataclass(frozen=True)
class Audited:
    """A replay with what the audit found.

    Attributes:
        without: the same replay with one part of the strategy left out, by that part; empty if not asked.
    """

    title: str
    result: ReplayResult
    own: Played
    audit: Audit
    without: Mapping[str, Played]


def print_audit(console: Console, found: Audited) -> None:
    """Print what a replay did, promise by promise, and what each part of its strategy earned or cost."""
    audit, result = found.audit, found.result
    console.print(found.title, style="italic", highlight=False)
    console.print(entries_table(result))
    console.print(_promises_table(audit))
    name, sector, everything = audit.highest
    console.print(
        f"the most that an entry could have led to, at its dearest: {percent(name)} of NAV in a name, "
        f"{percent(sector)} in a sector, {percent(everything)} in all",
        highlight=False,
    )
    for breach in audit.breaches[:BREACHES_SHOWN]:
        console.print(f"  BROKEN {breach.promise}: {breach.symbol} at {breach.at:%Y-%m-%d %H:%M} UTC: {breach.detail}")
    if (more := len(audit.breaches) - BREACHES_SHOWN) > 0:
        console.print(f"  and {whole(more)} more; --json prints all of them")
    for title, lines in _lists(found):
        console.print(title, highlight=False)
        for line in lines:
            console.print(f"  {line}", highlight=False)
    console.print(_exits_table(result))
    console.print(_verdicts_table(found))
    if found.without:
        console.print(_without_table(found))


def _promises_table(audit: Audit) -> Table:
    table = table_of("promises", "", "broken", "promise")
    for name, promise in PROMISES.items():
        broken = sum(breach.promise == name for breach in audit.breaches)
        table.add_row(name, whole(broken), promise)
    return table


def _lists(found: Audited) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield what is listed whether or not it broke something."""
    audit = found.audit
    flagged = [f"{w.symbol}: {w.sentence}" for w in audit.washed if not w.is_breach]
    yield f"wash sales of ways out of risk, flagged: {len(flagged) or 'none'}", flagged
    calm = [
        f"{c.session_on} {c.symbol}: decided at VIX {c.vix_seen:.2f}, the session closed at {c.vix_close:.2f}"
        for c in audit.calm_before
    ]
    yield f"entries whose session closed with a VIX over the limit, known only later: {len(calm) or 'none'}", calm
    changes = [f"{as_of:%Y-%m-%d %H:%M} UTC  {sentence}" for as_of, sentence in found.result.state_changes]
    yield f"breaker trips and re-entries: {len(changes) or 'none'}", changes


def _exits_table(result: ReplayResult) -> Table:
    table = table_of("what sales brought, by cause", "cause", "sales", "won", "gain, USD", "a sale, USD")
    for cause in gains_by_exit(result):
        each = cause.gain_usd / cause.count if cause.count else None
        table.add_row(cause.name, whole(cause.count), percent(cause.hit_frac), gain(cause.gain_usd), gain(each))
    return table


def _verdicts_table(found: Audited) -> Table:
    table = table_of(
        "what came of entries, by the verdict of rules that may abstain", "rule", "verdict", "trades", "gain, USD"
    )
    for rule, cause in gains_by_optional_rule(found.result, found.own.run.trades or ()):
        table.add_row(rule, cause.name, whole(cause.count), gain(cause.gain_usd))
    return table


def _without_table(found: Audited) -> Table:
    """Return the replay beside the same one without each part: what that part earned is what is missing there."""
    table = table_of(
        "the same replay without one part; a part earned what its line made less", "without", "total", "Sharpe",
        "drawdown", "entries", "the part earned, USD",
    )  # fmt: skip
    for name, played in {"nothing: as it is": found.own, **found.without}.items():
        figures = played.run.figures
        earned = None if played is found.own else _gained(found.own.run) - _gained(played.run)
        table.add_row(
            name, change(figures["total_frac"]), ratio(figures["sharpe"]), fall(figures["drawdown_frac"]),
            whole(played.entries), gain(earned),
        )  # fmt: skip
    return table


def _gained(run: ReplayRun) -> float:
    return (run.figures["total_frac"] or 0.0) * run.starting_usd


def audit_json(found: Audited) -> dict[str, Any]:
    """Return everything that the audit found as plain values."""
    played = {"": found.own, **found.without}
    return {
        "what": found.title,
        **encode(found.audit),
        "promises": {name: sum(b.promise == name for b in found.audit.breaches) for name in PROMISES},
        "state_changes": [[as_of.isoformat(), sentence] for as_of, sentence in found.result.state_changes],
        "exits": [asdict(cause) for cause in gains_by_exit(found.result)],
        "without": {
            name: {**{key: one.run.figures[key] for key in _COLUMNS}, "entries": one.entries}
            for name, one in played.items()
        },
    }


def verdict_line(found: Sequence[Audited]) -> str:
    """Return one line: whether every promise was kept."""
    broken = sum(len(one.audit.breaches) for one in found)
    entries = counted(sum(one.audit.entry_count for one in found), "entry").replace("entrys", "entries")
    return f"{entries} judged: {'every promise was kept' if not broken else counted(broken, 'breach') + 'es'}"
