"""Invented headlines: what their tone follows, and the sentences themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol
from trading.domain.market import SYNTHETIC, NewsItem
from trading.domain.panel import FloatArray
from trading.synthetic.market import History, Path
from trading.synthetic.profiles import Profile, profile_of
from trading.synthetic.randomness import smoothed, stream

_MOST_A_DAY = 10
_BURST_SIZE = 40
_BURST_CHANCE = 1 / 500

GOOD = (
    "{name} posts record profit as great demand lifts strong growth",
    "{name} wins major order, analysts praise excellent results",
    "Strong quarter for {name}: profit grows, outlook improves",
    "{name} enjoys robust growth and a brilliant start to the year",
    "Analysts are optimistic on {name} after an impressive, profitable quarter",
    "{name} rewards holders, success of new line boosts confidence",
    "Great results: {name} delivers best margin gains in years",
    "Investors love the strong progress at {name}",
    "{name} secures a valuable partnership and celebrates strong sales",
    "Experts see a bright future and solid gains for {name}",
)
FLAT = (
    "{name} to report figures next week",
    "{name} names a new regional director",
    "What to know about {name} before the open",
    "{name} presents at an industry conference",
    "{name} files its quarterly statement",
    "Trading volume in {name} near its monthly mean",
    "{name} moves an office to Texas",
    "{name} schedules its annual meeting",
)
BAD = (
    "{name} warns of weak demand, shares fall",
    "Analysts worry about {name} as losses grow",
    "{name} misses estimates in a disappointing quarter",
    "Doubts about {name} after a poor outlook",
    "{name} faces lawsuit over defective product",
    "Bad week for {name}: delays hurt deliveries",
)
AWFUL = (
    "{name} hit by fraud probe, shares crash in panic",
    "Disaster at {name}: fatal accident kills workers, losses terrible",
    "{name} suffers worst loss ever, bankruptcy fears and lawsuits",
    "Regulators accuse {name} of criminal fraud, investors devastated",
)
_TONES = (GOOD, FLAT, BAD, AWFUL)
_DESKS = ("", "Update: ", "Market view: ", "In brief: ", "Desk note: ", "Recap: ")

_CHANCES_HOT = (0.66, 0.26, 0.08, 0.0)
_CHANCES_USUAL = (0.26, 0.52, 0.20, 0.02)
_CHANCES_FRIGHT = (0.04, 0.16, 0.45, 0.35)


@dataclass(frozen=True, slots=True)
class _Draws:
    """Random numbers of one symbol's headlines, by session and story; `counts` by session."""

    counts: NDArray[np.int64]
    minute: FloatArray
    tone: FloatArray
    sentence: FloatArray
    desk: FloatArray


def headlines(history: History, symbol: Symbol, *, since: datetime, until: datetime) -> Iterator[NewsItem]:
    """Yield stories about `symbol` published in [since, until), ascending; each is known when published."""
    profile = profile_of(symbol)
    if profile is None or not profile.stories_per_day:
        return
    path = history.path(symbol)
    draws = _draw(history, symbol, profile.stories_per_day)
    chances = np.cumsum(_chances(history, symbol, profile, path), axis=1)
    margin = np.timedelta64(2, "D")
    first = int(np.searchsorted(history.days, np.datetime64(since.date(), "D") - margin))
    last = int(np.searchsorted(history.days, np.datetime64(until.date(), "D") + margin))
    for t in range(first, last):
        for item in _stories_of(history, symbol, t, draws, chances[t]):
            if since <= item.published_at < until:
                yield item


def _draw(history: History, symbol: Symbol, stories_per_day: float) -> _Draws:
    count = len(history.sessions)
    busy = stream(history.seed, symbol, "story counts").random((count, 2))
    usual = np.minimum(1 + (-np.log1p(-busy[:, 0]) * (stories_per_day - 0.5)).astype(int), _MOST_A_DAY)
    shape = (count, _BURST_SIZE, 4)
    numbers = np.moveaxis(stream(history.seed, symbol, "stories").random(shape), 2, 0)
    return _Draws(np.where(busy[:, 1] < _BURST_CHANCE, _BURST_SIZE, usual), *numbers)


def _chances(history: History, symbol: Symbol, profile: Profile, path: Path) -> FloatArray:
    """Return the chances of the four tones by session: the press follows the trend, and a fall frightens it."""
    mood = smoothed(stream(history.seed, symbol, "mood").standard_normal(len(history.sessions)), 0.85)
    adjusted = np.log(path.last_close * path.share_ratio)
    move = np.diff(adjusted, prepend=adjusted[:1])
    usual_move = float(profile.own_vol_frac + 0.15 * profile.market_beta) / np.sqrt(252)
    hot = (mood + 0.9 * path.trend) > 0.35
    fright = move < -3.2 * usual_move
    chances = np.where(hot[:, None], _CHANCES_HOT, _CHANCES_USUAL)
    return np.asarray(np.where(fright[:, None], _CHANCES_FRIGHT, chances))


def _stories_of(history: History, symbol: Symbol, t: int, draws: _Draws, cumulated: FloatArray) -> Iterator[NewsItem]:
    """Yield the stories of one session's day: from before the open to the evening, a burst within one hour."""
    session, count = history.sessions[t], int(draws.counts[t])
    is_burst = count == _BURST_SIZE
    begins_at = session.opens_at + (timedelta(hours=2) if is_burst else timedelta(hours=-3))
    minutes = draws.minute[t, :count] * (60 if is_burst else 660)
    for n in np.argsort(minutes, kind="stable").tolist():
        tone = _TONES[min(int(np.searchsorted(cumulated, draws.tone[t, n])), len(_TONES) - 1)]
        sentence = tone[int(draws.sentence[t, n] * len(tone))]
        desk = _DESKS[int(draws.desk[t, n] * len(_DESKS))]
        published_at = begins_at + timedelta(seconds=int(minutes[n] * 60))
        yield NewsItem(
            item_id=f"{SYNTHETIC}-{symbol}-{session.session_on:%Y%m%d}-{n:02d}",
            symbols=(symbol,),
            published_at=published_at,
            known_at=published_at,
            title=desk + sentence.format(name=symbol),
            source=SYNTHETIC,
        )
