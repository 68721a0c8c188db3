"""What a soak shows: a line a session while it runs, tables at its end, and how to run it again."""

from __future__ import annotations

from rich.table import Table

from trading.domain.market import Session
from trading.drills.soak.plan import Family, Plan
from trading.drills.soak.soaking import Tally

SHOWN = (
    "hours", "tasks", "retried", "killed", "hung", "cleared", "red", "red runs", "decisions", "rebalances", "orders",
    "sent", "fills", "messages", "days equal", "days different", "days unknown", "calm days",
)  # fmt: skip


def plan_line(plan: Plan) -> str:
    """Return the plan in a line."""
    calm = sum(plan.is_calm(number) for number in range(plan.sessions))
    counts = ", ".join(f"{count} {family}" for family, count in plan.by_family().items() if count)
    return (
        f"seed {plan.seed}, {plan.sessions} sessions, {calm} of them calm: {counts or 'no faults'} (SYNTHETIC market)"
    )


def progress_line(number: int, session: Session, tally: Tally) -> str:
    """Return what a person who waits wants to know."""
    broken = f", {len(tally.broken)} BROKEN PROMISES" if tally.broken else ""
    return f"{number}/{tally.plan.sessions} sessions, {session.session_on}, {tally.seconds:.0f} s{broken}"


def fault_table(tally: Tally) -> Table:
    """Return how often each family was planned and struck."""
    table = Table(title=f"soak, seed {tally.seed} (SYNTHETIC market, SIMULATED gateway)", box=None, pad_edge=False)
    for name in ("faults", "planned", "struck"):
        table.add_column(name, justify="left" if name == "faults" else "right")
    for family in Family:
        table.add_row(str(family), str(tally.plan.by_family()[family]), str(tally.struck[family]))
    table.add_row("in wait for something to send", str(len(tally.plan.ambushes)), "")
    table.add_row("all", str(len(tally.plan.faults) + len(tally.plan.ambushes)), str(tally.struck.total()))
    return table


def count_line(tally: Tally) -> str:
    """Return what the desk did."""
    return ", ".join(f"{tally.counts[name]} {name}" for name in SHOWN if tally.counts[name])


def verdict_lines(tally: Tally, *, log_file: str, families: str = "") -> list[str]:
    """Return what was broken and where, and the command that does the same again."""
    again = f"./airdesk drill soak --sessions {tally.plan.sessions} --seed {tally.seed}{families}"
    verdict = f"{len(tally.broken)} BROKEN PROMISES" if tally.broken else "every promise held"
    lines = [str(broken) for broken in tally.broken]
    lines.append(f"{tally.counts['hours']} hours in {tally.seconds:.0f} s, seed {tally.seed}: {verdict}")
    if tally.broken:
        lines.append(f"again: {again}; what happened is in {log_file}")
    return lines
