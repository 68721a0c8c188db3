"""Buy-and-hold in a replay's report is what a few lines of pandas over the raw files say."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.entrypoints.cli_replay import read_history
from trading.ports import Services, Sources
from trading.strategy.three_sector import UNIVERSE, technical_core
from trading.tasks.facts import timeline_of
from trading.tasks.replay_runs import benchmarks_of

from tests.shared_data import SHARED, import_shared, needs_shared

pytestmark = [pytest.mark.shared, needs_shared]

CALENDAR = NyseCalendar()
FIRST, LAST = date(2016, 1, 4), date(2023, 12, 29)
SOURCES = {
    "daily_alt.csv.gz": {"dieper": "AAPL AMD MSFT NVDA"},
    "daily.csv.gz": {"dieper": "NEM AEM", "mlab": "GLD SLV TSLA SPY QQQ"},
}
"""Where the import takes each name from; BOTZ comes from two files, one after the other."""


def closes() -> pd.DataFrame:
    """Return split-adjusted closes as the files have them, one column a name."""
    columns = {}
    for file, by_source in SOURCES.items():
        rows = pd.read_csv(SHARED / "prices" / file, parse_dates=["ts"])
        for source, symbols in by_source.items():
            for symbol in symbols.split():
                mine = rows[(rows.symbol == symbol) & (rows.source == source)]
                columns[symbol] = mine.set_index("ts").close
    rows = pd.read_csv(SHARED / "prices" / "daily.csv.gz", parse_dates=["ts"])
    botz = rows[(rows.symbol == "BOTZ") & rows.source.isin(["course1", "landon"])]
    columns["BOTZ"] = botz.drop_duplicates("ts").set_index("ts").close
    return pd.DataFrame(columns).sort_index().loc["2015-12-31":"2023-12-29"].ffill()


def held(names: list[str]) -> pd.Series:
    """Return growth of equal parts bought at the close before the replay, or when a name's prices begin."""
    prices = closes()[names]
    first = prices.apply(lambda column: column.dropna().iloc[0])
    return (prices / first).fillna(1.0).mean(axis=1)


def test_simply_holding_the_list_is_what_pandas_says(store):
    import_shared(store, CALENDAR)
    services = Services(store, CALENDAR, SystemClock(), Sources(), broker=None)
    spec, timeline = technical_core(), timeline_of(CALENDAR, FIRST, LAST)
    facts, is_synthetic = read_history(services, spec, timeline)
    assert not is_synthetic
    ours = benchmarks_of(facts, spec, timeline)
    for name, symbols in (("list", list(UNIVERSE.traded)), ("SPY", ["SPY"]), ("QQQ", ["QQQ"])):
        theirs = held(symbols)
        assert len(theirs) == len(ours[name])
        percent = 100.0 * ours[name]
        assert percent[-1] == pytest.approx(100.0 * theirs.iloc[-1], abs=0.1), name
        assert np.abs(percent - 100.0 * theirs.to_numpy()).max() < 0.1, name
    assert 100.0 * (ours["list"][-1] - 1.0) == pytest.approx(1_401.2, abs=0.1)
