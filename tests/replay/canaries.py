"""Readers that look ahead on purpose: what the check against looking ahead must catch.

Each one is the honest reader with a single planted fault of a kind that people make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time

import numpy as np
from trading.analysis.adjustment import BasisFactors
from trading.analysis.facts import Facts, bar_sessions, utc64
from trading.domain.market import ActionKind, MacroSeries, Resolution
from trading.domain.panel import FeaturePanel
from trading.engine.hours import Terms, Timeline

from tests.poison import Reader, honest


def _with_prices(prices_of: Callable) -> Reader:
    """Return a reader whose prices come from `prices_of(facts, symbol, timeline, honest prices)`."""

    def read(facts: Facts, timeline: Timeline, terms: Terms) -> FeaturePanel:
        panel = honest(facts, timeline, terms)
        columns = [prices_of(facts, s, timeline, panel.price[:, n]) for n, s in enumerate(panel.symbols)]
        return replace(panel, price=np.stack(columns, axis=1))

    return read


def _with_facts(change: Callable[[Facts], Facts]) -> Reader:
    """Return a reader that sees other facts than there are."""
    return lambda facts, timeline, terms: honest(change(facts), timeline, terms)


def _as_of(timeline: Timeline) -> np.ndarray:
    return np.array([utc64(slot.as_of) for slot in timeline.slots])


def _days(timeline: Timeline) -> np.ndarray:
    return np.array([slot.session_on for slot in timeline.slots], dtype="datetime64[D]")


def _picked(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    inside = (index >= 0) & (index < len(values))
    return (
        np.where(inside, values[np.clip(index, 0, max(len(values) - 1, 0))], np.nan) if len(values) else index * np.nan
    )


def _bar_that_has_not_ended(facts, symbol, timeline, prices):
    """Look up the bar by its start: at 11:30 that is the one that ends at 12:00."""
    series = facts.bars.get((symbol, Resolution.HALF_HOUR))
    if series is None:
        return prices
    return _picked(series.close, np.searchsorted(series.starts_at, _as_of(timeline), side="right") - 1)


def _tomorrows_close(facts, symbol, timeline, prices):
    daily = facts.daily(symbol)
    return _picked(daily.close, np.searchsorted(bar_sessions(daily), _days(timeline), side="right"))


def _todays_close_in_the_morning(facts, symbol, timeline, prices):
    daily = facts.daily(symbol)
    return _picked(daily.close, np.searchsorted(bar_sessions(daily), _days(timeline), side="right") - 1)


def _revised_prices_of_the_month(facts: Facts) -> Facts:
    """Keep the last vintage of each month, dated as if it had been the first."""
    newest, first = {}, {}
    for point in sorted(facts.macro, key=lambda p: p.known_at):
        newest[point.series, point.period_on] = point.value
        first.setdefault((point.series, point.period_on), point)
    return replace(facts, macro=tuple(replace(p, value=newest[key]) for key, p in first.items()))


def _filings_at_the_end_of_their_period(facts: Facts) -> Facts:
    ends = (datetime.combine(f.period_ends_on, time(), UTC) for f in facts.filings)
    return replace(facts, filings=tuple(replace(f, known_at=at) for f, at in zip(facts.filings, ends, strict=True)))


def _prices_on_todays_share_basis(facts, symbol, timeline, prices):
    """Divide by every split there will ever be, as a file of adjusted prices does."""
    splits = BasisFactors.of_splits([a for a in facts.actions if a.symbol == symbol])
    return prices * splits.at(_days(timeline))


def _actions_known_on_their_day(facts: Facts) -> Facts:
    """Believe that whatever goes ex in the morning was known in the morning."""
    actions = (replace(a, known_at=datetime.combine(a.ex_on, time(8), UTC)) for a in facts.actions)
    return replace(facts, actions=tuple(actions))


def _news_when_it_is_dated(facts: Facts) -> Facts:
    return replace(facts, news=tuple(replace(item, known_at=item.published_at) for item in facts.news))


def _scaled_by_the_whole_sample(facts, symbol, timeline, prices):
    return (prices - np.nanmean(prices)) / np.nanstd(prices)


def _gaps_filled_from_behind(facts, symbol, timeline, prices):
    """Fill hours without a bar of their own with the next one that comes."""
    series = facts.bars.get((symbol, Resolution.HALF_HOUR))
    if series is None:
        return prices
    at = _as_of(timeline)
    index = np.searchsorted(series.ends_at, at, side="left")
    return np.where(
        _picked(series.ends_at.astype("i8"), index) == at.astype("i8"), prices, _picked(series.close, index)
    )


def _late_bars_when_they_end(facts: Facts) -> Facts:
    return replace(facts, bars={key: replace(s, known_at=s.ends_at.copy()) for key, s in facts.bars.items()})


def _earnings_on_their_day(facts: Facts) -> Facts:
    """Take the day of a release, which comes in the evening, for the hour of it."""
    days = (datetime.combine(r.reported_on, time(), UTC) for r in facts.earnings)
    return replace(facts, earnings=tuple(replace(r, known_at=at) for r, at in zip(facts.earnings, days, strict=True)))


def _geopolitics_when_the_month_begins(facts: Facts) -> Facts:
    early = (
        replace(p, known_at=datetime.combine(p.period_on, time(), UTC)) if p.series is MacroSeries.GPR else p
        for p in facts.macro
    )
    return replace(facts, macro=tuple(early))


def _dividends_that_nobody_declared_yet(facts, symbol, timeline, prices):
    """Take every dividend of the future out of today's price."""
    paid = [a for a in facts.actions if a.symbol == symbol and a.kind is ActionKind.DIVIDEND]
    later = [sum(a.value for a in paid if np.datetime64(a.ex_on) > day) for day in _days(timeline)]
    return prices - np.array(later)


CANARIES: dict[str, Reader] = {
    "a bar that ends after the decision": _with_prices(_bar_that_has_not_ended),
    "tomorrow's close": _with_prices(_tomorrows_close),
    "today's daily close in the morning": _with_prices(_todays_close_in_the_morning),
    "a revised vintage of the CPI": _with_facts(_revised_prices_of_the_month),
    "a filing at the end of its period": _with_facts(_filings_at_the_end_of_their_period),
    "prices on today's share basis": _with_prices(_prices_on_todays_share_basis),
    "a split before it was known": _with_facts(_actions_known_on_their_day),
    "news by its date": _with_facts(_news_when_it_is_dated),
    "scaling by the whole sample": _with_prices(_scaled_by_the_whole_sample),
    "a gap filled from behind": _with_prices(_gaps_filled_from_behind),
    "a late bar at its end": _with_facts(_late_bars_when_they_end),
    "earnings on the day of their release": _with_facts(_earnings_on_their_day),
    "a risk index before its month is over": _with_facts(_geopolitics_when_the_month_begins),
    "dividends of the future": _with_prices(_dividends_that_nobody_declared_yet),
}
