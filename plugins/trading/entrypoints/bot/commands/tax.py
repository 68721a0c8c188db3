"""/tax: realised gains of a year as the tax forms count them."""

from __future__ import annotations

from trading.accounting.tax.forms import form_8949
from trading.domain.money import sum_usd
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, pairs, say
from trading.reporting.tax_report import RULES, header, notes_of
from trading.reporting.wording import gain
from trading.tasks.tax import read_taxes


def run(ask: Ask) -> Reply:
    """Sum up a year, this one unless it is named."""
    with ask.services.store.snapshot() as tx:
        taxes = read_taxes(ask.services, tx, ask.book)
    year = year_of(ask, taxes.today.year)
    rows = [r for r in taxes.ledger.rows if r.sold_on.year == year]
    form = form_8949(taxes.ledger, year, taxes.rules, today=taxes.today)
    counted = [
        ("rows of Form 8949", str(len(form))),
        ("before wash sales", gain(float(sum_usd(r.economic_usd for r in rows)))),
        ("disallowed", gain(float(sum_usd(r.disallowed_usd for r in rows)))),
        ("lost for good", gain(float(sum_usd(r.permanent_usd for r in rows)))),
        ("counts", gain(float(sum_usd(r.gain_usd for r in rows)))),
    ]
    notes = notes_of(taxes.books, taxes.rules.iras, year, form, taxes.today)
    blocks = (say(header(taxes.books, year, "gains")), pairs(counted), *map(say, notes))
    return Reply(blocks, more=f"./airdesk tax 8949 {year} ({RULES})")


def year_of(ask: Ask, default: int) -> int:
    """Return the year that was named."""
    ask.most(1)
    if not ask.words:
        return default
    text = ask.words[0]
    if not (text.isascii() and text.isdecimal() and 1990 <= int(text[:4]) <= 2100 and len(text) == 4):
        ask.refuse(f"{text[:20]!r} is no year")
    return int(text)


COMMAND = Command("tax", "gains of a year as the forms count them", run, arguments="[YEAR]")
