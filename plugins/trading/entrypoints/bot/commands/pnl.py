"""/pnl: what the book gained, today and since its beginning."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import book_read
from trading.entrypoints.bot.reply import Reply, pairs, say
from trading.reporting.wording import change, fall, gain, whole
from trading.tasks.standing import Period, gains_of


def run(ask: Ask) -> Reply:
    """Say what was gained."""
    ask.most(0)
    history, exposure = book_read(ask)
    if not history.marks:
        return Reply.of("There is no mark yet; the first hour makes one.")
    rows = [("NAV", f"{whole(exposure.nav_usd)} USD")]
    for name, period in (("day", Period.DAY), ("week", Period.WEEK), ("month", Period.MONTH)):
        newest = gains_of(history, period, 1)[0]
        rows.append((f"this {name}", f"{gain(newest.gain_usd)} ({change(newest.gain_frac)})"))
    points = history.equity.points
    total = sum(g.gain_usd for g in gains_of(history, Period.MONTH))
    rows.append(("since begin", f"{gain(total)} ({change(points[-1].growth - 1.0)})"))
    rows.append(("drawdown", fall(points[-1].drawdown_frac)))
    rows.append(("deepest", fall(max(p.drawdown_frac for p in points))))
    open_gain = [h.unrealised_usd for h in exposure.holdings]
    known = None if None in open_gain else sum(g for g in open_gain if g is not None)
    rows.append(("not realised", gain(known)))
    return Reply((pairs(rows), say("Deposits are no gain; percentages are time-weighted.")))


COMMAND = Command("pnl", "what the book gained", run, aliases=("profit",))
