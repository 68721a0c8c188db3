"""What the ingest of bars holds new bars against: read for every symbol at once, in a fixed number of questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from trading.analysis.jumps import SplitSeen
from trading.domain.gates import ActionState, Gate, Parking, SplitJudgement
from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, CorporateAction, Resolution
from trading.domain.series import BarSeries
from trading.ports import Transaction

RECENT = timedelta(days=5)
"""Nearly every symbol has a bar this young; the few that have none are read by themselves, further back."""

SIGNAL_WINDOW = timedelta(days=300)
"""Calendar days that hold the 200 sessions of the longest indicator."""

_BEFORE = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class BarContext:
    """What is stored about the symbols of one ingest.

    Attributes:
        newest: start of the newest stored bar, by resolution and symbol.
        stored: the newest sessions' bars.
        actions: splits and dividends by symbol, suspect ones too: corrected bars may still show them.
        parked: the gates that hold each symbol.
        believed: until when a person believes a symbol's jumps.
        splits: what was last said about each split that somebody judged.
    """

    newest: Mapping[Resolution, Mapping[Symbol, datetime]]
    stored: Mapping[tuple[Symbol, Resolution], BarSeries]
    actions: Mapping[Symbol, Sequence[CorporateAction]]
    parked: Mapping[Symbol, Sequence[Parking]]
    believed: Mapping[Symbol, datetime]
    splits: Sequence[SplitJudgement] = ()

    def settled(self, symbol: Symbol) -> frozenset[date]:
        """Return the ex-dates of the splits of which a person says that they took place."""
        return frozenset(s.ex_on for s in self.splits if s.symbol == symbol and s.is_by_person)

    def is_denied(self, action: CorporateAction) -> bool:
        """Return whether a person says that this split did not take place."""
        return action.kind is ActionKind.SPLIT and any(
            (s.symbol, s.ex_on) == (action.symbol, action.ex_on) and s.is_by_person
            for s in self.splits
            if s.state is not ActionState.CONFIRMED
        )

    def undecided(self, symbol: Symbol, on: date, seen: Sequence[SplitSeen]) -> SplitJudgement | None:
        """Return the newest split within the window of signals before `on` that only a person can settle.

        Args:
            seen: what the bars at hand say, which is newer than what is stored.
        """
        judged = {split.action.ex_on for split in seen if split.action.symbol == symbol and split.is_seen is not None}
        left = (
            s for s in self.splits
            if s.symbol == symbol and s.state is ActionState.UNDECIDED and on - SIGNAL_WINDOW <= s.ex_on <= on
        )  # fmt: skip
        return max((s for s in left if s.ex_on not in judged), key=lambda s: s.ex_on, default=None)

    def close_before(self, symbol: Symbol, resolution: Resolution, at: datetime) -> tuple[date, float] | None:
        """Return session day and close of the last stored bar that starts before `at`; None without one."""
        series = self.stored.get((symbol, resolution))
        row = -1 if series is None else int(np.searchsorted(series.starts_at, _utc64(at))) - 1
        if series is None or row < 0:
            return None
        return series.starts_at[row].astype("datetime64[D]").item(), float(series.close[row])

    def prices_from(self, symbol: Symbol, resolution: Resolution, at: datetime) -> dict[datetime, tuple[float, ...]]:
        """Return open, high, low and close of the stored bars that start at `at` or later, by their start."""
        series = self.stored.get((symbol, resolution))
        if series is None:
            return {}
        tail = series.take(slice(int(np.searchsorted(series.starts_at, _utc64(at))), None))
        columns = (tail.open, tail.high, tail.low, tail.close)
        starts = (start.replace(tzinfo=UTC) for start in tail.starts_at.tolist())
        return dict(zip(starts, zip(*(column.tolist() for column in columns), strict=True), strict=True))

    def newest_ends_at(self, symbol: Symbol, resolution: Resolution) -> datetime | None:
        """Return the end of the newest stored bar; None without one."""
        series = self.stored.get((symbol, resolution))
        if series is None or not len(series):
            return None
        ended: datetime = series.ends_at[-1].item()
        return ended.replace(tzinfo=UTC)


def read_context(
    tx: Transaction,
    symbols: Sequence[Symbol],
    resolutions: Sequence[Resolution],
    *,
    as_of: datetime,
    cutoff_at: datetime,
) -> BarContext:
    """Return what is stored about `symbols`."""
    newest = {resolution: tx.market.last_bar_starts_at(resolution) for resolution in resolutions}
    oldest = {
        symbol: min(starts)
        for symbol in symbols
        if (starts := [of_resolution[symbol] for of_resolution in newest.values() if symbol in of_resolution])
    }
    late = [symbol for symbol, at in oldest.items() if at < as_of - RECENT]
    recent = [symbol for symbol in oldest if symbol not in set(late)]
    stored: dict[tuple[Symbol, Resolution], BarSeries] = {}
    for names, since in ((recent, as_of - RECENT - _BEFORE), (late, min(oldest.values(), default=as_of) - _BEFORE)):
        if names:
            stored |= tx.market.bars(names, resolutions, as_of=as_of, cutoff_at=cutoff_at, since=since)
    actions: dict[Symbol, list[CorporateAction]] = defaultdict(list)
    for action in (*tx.market.actions(cutoff_at=cutoff_at), *tx.market.suspect_actions(cutoff_at=cutoff_at)):
        actions[action.symbol].append(action)
    believed = tx.market.released_by_person(Gate.JUMP_WITHOUT_SPLIT)
    splits = tx.market.split_judgements()
    return BarContext(newest, stored, actions, tx.market.parked(), believed, splits)


def _utc64(at: datetime) -> np.datetime64:
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")
