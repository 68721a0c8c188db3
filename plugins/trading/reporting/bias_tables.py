"""What the bias tools found, in the terminal and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from trading.domain.signals import RuleRole
from trading.engine.lookahead import ALL, Leak, Lookahead, RuleSeen
from trading.engine.warmup import Warming, WarmUp
from trading.reporting.tables import table_of

_ROLES = {
    RuleRole.ENTRY_REQUIRED: "entry, must pass",
    RuleRole.ENTRY_OPTIONAL: "entry",
    RuleRole.SHRINK: "shrink",
    RuleRole.EXIT: "exit",
    RuleRole.BLOCK: "block",
}
LEAKS_SHOWN = 30
LENGTHS_SHOWN = (15, 30, 50, 100, 150, 200, 250)
"""Lengths of history that fit on a terminal; JSON has all."""


def rules_table(found: Lookahead) -> Table:
    """Return one line per rule: how often it was judged, whether poison reached it, and whether it leaks."""
    leaking = {leak.name for leak in found.leaks}
    table = table_of("every rule, judged in every hour for every symbol", "rule", "role", "pass", "fail", "abstain", "")
    for seen in found.rules:
        table.add_row(
            seen.rule, _ROLES[seen.role], f"{seen.passes:,}", f"{seen.fails:,}", f"{seen.abstains:,}",
            _word(seen, is_leaking=f"{seen.role}.{seen.rule}" in leaking),
        )  # fmt: skip
    return table


def _word(seen: RuleSeen, *, is_leaking: bool) -> Text:
    if is_leaking:
        return Text("LOOKS AHEAD", style="bold red")
    if not seen.reached:
        return Text("not put to the test", style="yellow")
    return Text("clean", style="green")


def leaks_table(found: Lookahead) -> Table:
    """Return one line per leak: what changed first, and through which facts the future came in."""
    table = table_of("what was decided with the future", "first changed", "what", "symbol", "was → became, and through")
    for leak in found.leaks[:LEAKS_SHOWN]:
        change = f"{leak.before} → {leak.after} once what was known after {_short(leak.at)} is {leak.future}"
        through = f"; through {', '.join(leak.through)}" if leak.through else ""
        table.add_row(_short(leak.as_of), f"{leak.part} {leak.name}", leak.symbol, change + through)
    return table


def lookahead_sentences(found: Lookahead) -> Iterator[str]:
    """Yield what a person should know about a search."""
    yield (
        f"{found.decisions:,} decisions, {found.columns} columns of facts, {len(found.rules)} rules, {found.orders} "
        f"orders and {found.fills} fills, with the future cut off and poisoned at {len(found.instants)} instants"
    )
    if found.untested:
        yield (
            f"nothing that came later reached {', '.join(found.untested)}: what a rule does not read here cannot leak "
            "here; choose a range with such facts"
        )
    if not found.orders:
        yield "nothing was ordered, so the book, orders and fills were not put to the test; choose a range that trades"
    if len(found.leaks) > LEAKS_SHOWN:
        yield f"{len(found.leaks) - LEAKS_SHOWN} more leaks are in --json"
    if found.leaks:
        yield f"LOOKS AHEAD: {_first(found.leaks[0])}"
    else:
        yield "clean: nothing that was decided by an instant changes with what became known later"


def _first(leak: Leak) -> str:
    of = "" if leak.symbol == ALL else f" of {leak.symbol}"
    return f"{leak.part} {leak.name}{of} is the first to change, at {_short(leak.as_of)} UTC; read only what is known"


def lookahead_json(found: Lookahead) -> dict[str, Any]:
    """Return the whole of a search."""
    told: dict[str, Any] = _plain(asdict(found))
    return told | {"is_clean": not found.leaks, "untested": list(found.untested)}


# --- warm-up ----------------------------------------------------------------------------------------


def warmup_table(found: WarmUp) -> Table:
    """Return one line per indicator, one column per length of history."""
    lengths = [bars for bars in found.changed if bars in LENGTHS_SHOWN]
    title = f"greatest error of the last k daily bars, {found.compared} symbols × sessions"
    table = table_of(title, "indicator", "in", *(f"{bars}" for bars in lengths), "needs")
    for warming in found.indicators:
        table.add_row(warming.name, warming.unit, *(_error(warming, bars) for bars in lengths), _bars(warming.needs))
    totals = (sum(found.changed[bars].values()) for bars in lengths)
    table.add_row("other verdicts", "", *(f"{total or '–'}" for total in totals), _bars(found.needs), style="bold")
    return table


def _error(warming: Warming, bars: int) -> str:
    error = warming.errors[bars]
    if error is None:
        return "–"
    return "0" if error < 5e-8 else f"{error:.0e}".replace("e-0", "e-") if error < 0.005 else f"{error:.3g}"


def _bars(needs: int | None) -> str:
    return "more" if needs is None else f"{needs}"


def warmup_sentences(found: WarmUp, *, minimum: int) -> Iterator[str]:
    """Yield what a person should know about shortened histories."""
    for bars, rules in found.changed.items():
        if rules:
            yield f"{bars} bars change verdicts: {', '.join(f'{rule} {count}' for rule, count in rules.items())}"
    if found.needs is None:
        yield f"no length that was tried is enough; {max(found.changed)} bars still differ from full history"
    else:
        enough = "enough" if found.needs <= minimum else "TOO FEW"
        yield f"{found.needs} daily bars are the fewest that suffice; the desk asks for {minimum}: {enough}"
    if found.as_loaded:
        worst = ", ".join(f"{name} {_by(error)}" for name, error in found.as_loaded.items())
        yield f"what a live hour loads ({found.bars_loaded} daily bars or more) DIFFERS from full history: {worst}"
    else:
        yield f"what a live hour loads ({found.bars_loaded} daily bars or more) equals full history in every column"


def _by(error: float) -> str:
    return f"by {error:.1g}" if math.isfinite(error) else "known to one of them only"


def warmup_json(found: WarmUp, *, minimum: int) -> dict[str, Any]:
    """Return everything about shortened histories."""
    told: dict[str, Any] = _plain(asdict(found))
    return told | {"minimum": minimum}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: instants as text, what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
