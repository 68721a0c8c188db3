"""/status: the desk on one screen."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import at, book_read
from trading.entrypoints.bot.reply import Reply, pairs, say
from trading.reporting.wording import change, fall, gain, whole
from trading.tasks.glance import UNOPENED, glance_of
from trading.tasks.standing import Period, gains_of


def run(ask: Ask) -> Reply:
    """Say how the desk stands."""
    with ask.services.store.snapshot() as tx:
        seen = glance_of(ask.services, tx, ask.book)
        working = tx.orders.working(ask.book)
        breaks = tx.reconciliations.breaks(ask.book)
        parked = tx.market.parked()
    if not seen.is_open:
        stopped = f"It is {seen.state} by {seen.why}, and so stays that hour." if seen.why else ""
        return Reply.of(f"The book is {UNOPENED}. {stopped}".rstrip())
    history, exposure = book_read(ask)
    today = gains_of(history, Period.DAY, 1)
    rows = [
        ("state", seen.state.value),
        ("NAV", f"{whole(exposure.nav_usd)} USD"),
        ("cash", f"{whole(float(exposure.cash_usd))} USD"),
        ("positions", str(len(exposure.holdings))),
        ("orders at work", str(sum(not o.is_protective for o in working))),
        ("protections", str(sum(o.is_protective for o in working))),
        ("open breaks", str(len(breaks))),
        ("parked symbols", str(len(parked))),
    ]
    if today:
        rows.insert(2, ("day", f"{gain(today[0].gain_usd)} ({change(today[0].gain_frac)})"))
        rows.insert(3, ("drawdown", fall(history.equity.points[-1].drawdown_frac)))
    blocks = [pairs(rows)]
    if seen.newest is not None:
        blocks.append(say(f"Newest decision {at(seen.newest.as_of)} UTC: {seen.newest.note or 'no remark'}"))
    if seen.late is not None:
        blocks.append(say(f"LATE: the hour that ended at {at(seen.late.as_of)} UTC is not decided."))
    if seen.next_at is not None:
        blocks.append(say(f"The next hour ends at {at(seen.next_at)} UTC."))
    if seen.why:
        blocks.append(say(f"State set by {seen.why}"))
    if ask.desk.settings.halt_file.exists():
        blocks.append(say(f"The file flag {ask.desk.settings.halt_file.name} is raised: nothing is sent."))
    return Reply(tuple(blocks))


COMMAND = Command("status", "the desk on one screen", run)
