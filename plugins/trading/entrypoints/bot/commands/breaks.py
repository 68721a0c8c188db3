"""/breaks: what book and broker do not agree on."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply


def run(ask: Ask) -> Reply:
    """List open breaks, oldest first, and what is held because of them."""
    with ask.services.store.snapshot() as tx:
        found = tx.reconciliations.breaks(ask.book)
        clean_at, held = tx.reconciliations.last_clean_at(ask.book), tx.controls.holds(ask.book)
    said = []
    for one in found:
        seen = one.difference
        said.append(
            f"{one.break_id}: {seen}; since {one.first_seen_at:%m-%d %H:%M} UTC, stops {seen.kind.effect.stops}"
        )
    said = said or ["No break is open."]
    said += [f"held: {symbol} ({reason})" for symbol, reason in held.items()]
    said.append(f"Last clean comparison: {f'{clean_at:%Y-%m-%d %H:%M} UTC' if clean_at else 'none'}.")
    return Reply.of(*said, more="./airdesk reconcile list")


COMMAND = Command("breaks", "what book and broker do not agree on", run)
