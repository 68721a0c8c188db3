"""/why: every rule's verdict for a symbol; the same rows as ./airdesk why."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import at, shares
from trading.entrypoints.bot.reply import Reply, say, table
from trading.errors import PermanentError
from trading.reporting.explain_tables import held_line
from trading.reporting.verdicts import VerdictRow, verdict_rows
from trading.reporting.wording import first_hour
from trading.tasks.why import hourly_decision, why_of_decision


def run(ask: Ask) -> Reply:
    """Say why a symbol was bought or not in the newest hour."""
    ask.most(1)
    symbol = ask.symbol()
    with ask.services.store.snapshot() as tx:
        decision = hourly_decision(tx, ask.book, None)
        found = None if decision is None else why_of_decision(tx, decision, symbol)
    if found is None or not found.reasons:
        raise PermanentError(f"{ask.book} has decided nothing about {symbol} yet; {first_hour(ask.book)}")
    blocks = [say(f"{symbol} at {found.as_of:%Y-%m-%d %H:%M} UTC"), *_verdicts(verdict_rows(found.reasons))]
    blocks.append(say(found.head))
    if found.held is not None:
        blocks.append(say(held_line(found.held)))
    blocks += [
        say(f"{o.side} {shares(o.quantity)} {o.purpose}: {o.status} {o.detail or ''}".rstrip()) for o in found.orders
    ]
    blocks += [say(f"{d.stage}: {d.denial.code}: {d.denial.detail}") for d in found.denials]
    blocks += [say(note) for note in found.notes]
    return Reply(tuple(blocks), more=f"./airdesk why {symbol}")


def _verdicts(rows: tuple[VerdictRow, ...]) -> list[str]:
    """Return a table for each role: mark, rule, what was seen, what it was held against; and the words below."""
    blocks = []
    for role in dict.fromkeys(row.role_text for row in rows):
        mine = [row for row in rows if row.role_text == role]
        blocks.append(f"<b>{say(role)}</b>")
        blocks.append(table([(f"{r.mark} {r.rule}", r.observed, r.threshold) for r in mine]))
        blocks += [say(f"{r.rule}: {words}") for r in mine if (words := r.words(at))]
    return blocks


COMMAND = Command("why", "every rule's verdict for a symbol", run, arguments="SYMBOL")
