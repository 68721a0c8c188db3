"""/health: what works now and what does not; the findings of ./airdesk health."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.entrypoints.findings import Level
from trading.entrypoints.health import health_of

MARKS = {Level.OK: "✓", Level.WARN: "!", Level.FAIL: "✗"}


def run(ask: Ask) -> Reply:
    """List the findings, the worst first."""
    health = health_of(ask.desk.checkout, ask.desk.settings, ask.services.clock.now())
    found = sorted(health.findings, key=lambda f: list(Level).index(f.level), reverse=True)
    bad = sum(f.level is Level.FAIL for f in found)
    head = "Nothing fails." if not bad else f"{bad} of {len(found)} fail."
    return Reply.of(head, *(f"{MARKS[f.level]} {f.subject}: {f.text}" for f in found), more="./airdesk health")


COMMAND = Command("health", "what works here and what does not", run)
