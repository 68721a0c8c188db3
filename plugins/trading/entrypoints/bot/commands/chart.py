"""/chart: growth and fall of the book beside what was simply held, as a picture."""

from __future__ import annotations

from datetime import timedelta

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say
from trading.errors import PermanentError
from trading.reporting.wording import change, fall
from trading.tasks.reports.pieces import beside, curve_charts
from trading.tasks.standing import curve_of, read_history


def run(ask: Ask) -> Reply:
    """Draw the newest days."""
    # The drawing library takes a while to load.
    from trading.reporting.charts_png import Picture, png_of

    days = ask.count(90, 3660)
    now = ask.services.clock.now()
    with ask.services.store.snapshot() as tx:
        history = read_history(tx, ask.services.calendar, ask.book)
        newest = history.marks[-1].session_on if history.marks else None
        first_on = None if newest is None else newest - timedelta(days=days)
        curve = curve_of(tx, ask.services.calendar, ask.desk.spec, history, now=now, first_on=first_on)
    if len(curve.points) < 2 or curve.first_on is None:
        raise PermanentError("there is less than two sessions to draw; ask again after the next close")
    points = curve.points
    growth, deepest = points[-1].growth - 1.0, max(p.drawdown_frac for p in points)
    said = f"{ask.book}, {curve.first_on} to {curve.last_on}"
    tiles = ((change(growth), "growth"), (fall(deepest), "deepest fall"))
    picture = png_of(Picture("Equity", history.badge, said, tiles, curve_charts(curve)))
    return Reply((say(f"{said}: {change(growth)}, deepest fall {fall(deepest)}"), say(beside(curve))), picture=picture)


COMMAND = Command("chart", "growth and fall as a picture", run, arguments="[DAYS]")
