"""/wash: losses that do not count yet, and until when a purchase would wash one."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.commands.tax import year_of
from trading.entrypoints.bot.reading import shares, usd
from trading.entrypoints.bot.reply import Reply, say, table
from trading.reporting.tax_report import RULES
from trading.tasks.locks import locks_now
from trading.tasks.tax import read_taxes


def run(ask: Ask) -> Reply:
    """List wash sales of a year, and the symbols that wait because of one."""
    with ask.services.store.snapshot() as tx:
        taxes = read_taxes(ask.services, tx, ask.book)
    year = year_of(ask, taxes.today.year)
    found = [match for row in taxes.ledger.rows if row.sold_on.year == year for match in row.matches]
    blocks = [say(f"{RULES}: wash sales of {year}")]
    if found:
        blocks.append(
            table([(m.symbol, shares(m.quantity), usd(m.disallowed_usd)) for m in found], ("", "shares", "USD"))
        )
    else:
        blocks.append(say("There is none."))
    waiting = [lock for lock in locks_now(ask.services, ask.desk.spec, ask.book) if lock.code.startswith("WASH")]
    blocks += [say(f"{lock.symbol}: not bought until {lock.until}: {lock.reason}") for lock in waiting]
    return Reply(tuple(blocks), more=f"./airdesk tax wash {year}")


COMMAND = Command("wash", "wash sales of a year, and what waits", run, arguments="[YEAR]")
