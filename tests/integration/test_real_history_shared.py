"""Real prices of 2016 to 2023: simply holding is what pandas says, and the documented figures are those of the code."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Side
from trading.engine.hours import Terms
from trading.engine.replay import replay
from trading.entrypoints.cli_replay import read_history
from trading.execution.costs import CostModel
from trading.ports import Services, Sources
from trading.reporting.figures import LINES
from trading.strategy.catalogue import spec_named
from trading.strategy.three_sector import UNIVERSE
from trading.tasks.facts import timeline_of
from trading.tasks.replay_runs import RunLabel, benchmark_figures, benchmarks_of, run_of

from tests.shared_data import SHARED, import_shared, needs_shared

pytestmark = [pytest.mark.shared, needs_shared, pytest.mark.timeout(300)]

CALENDAR = NyseCalendar()
FIRST, LAST = date(2016, 1, 4), date(2023, 12, 29)
SOURCES = {
    "daily_alt.csv.gz": {"dieper": "AAPL AMD MSFT NVDA"},
    "daily.csv.gz": {"dieper": "NEM AEM", "mlab": "GLD SLV TSLA SPY QQQ"},
}
"""Where the import takes each name from; BOTZ comes from two files, one after the other."""
SHOWN = ("total_frac", "cagr_frac", "sharpe", "sortino", "drawdown_frac")
ROWS = {"list": "buy and hold of the list", "SPY": "SPY", "QQQ": "QQQ"}


@pytest.fixture
def services(store) -> Services:
    import_shared(store, CALENDAR)
    return Services(store, CALENDAR, SystemClock(), Sources(), broker=None)


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


def documented() -> dict[str, list[str]]:
    """Return the table of docs/strategy.md, cells by the beginning of its lines."""
    text = (Path(__file__).parents[2] / "docs" / "strategy.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\|(.+)\|$", text.split("## What it did on real history")[1], re.M)
    return {cells[0]: cells[1:] for line in lines if len(cells := [cell.strip() for cell in line.split("|")]) == 7}


def row_of(table: dict[str, list[str]], name: str) -> list[str]:
    (row,) = (cells for first, cells in table.items() if first.startswith(name))
    return row


def words(figures) -> list[str]:
    lines = {line.key: line for line in LINES}
    return [lines[key].of(figures).replace("\u00a0", " ") for key in SHOWN]


def test_simply_holding_the_list_is_what_pandas_says(services):
    spec, timeline = spec_named("technical_core"), timeline_of(CALENDAR, FIRST, LAST)
    facts, is_synthetic = read_history(services, spec, timeline)
    assert not is_synthetic
    ours = benchmarks_of(facts, spec, timeline)
    for name, symbols in (("list", list(UNIVERSE.traded)), ("SPY", ["SPY"]), ("QQQ", ["QQQ"])):
        theirs, percent = held(symbols), 100.0 * ours[name]
        assert len(theirs) == len(percent)
        assert percent[-1] == pytest.approx(100.0 * theirs.iloc[-1], abs=0.1), name
        assert np.abs(percent - 100.0 * theirs.to_numpy()).max() < 0.1, name


def test_the_documented_figures_are_what_the_code_does(services):
    table, timeline, cash = documented(), timeline_of(CALENDAR, FIRST, LAST), Decimal(100_000)
    for strategy in ("three_sector", "technical_core"):
        spec = spec_named(strategy)
        facts, _ = read_history(services, spec, timeline)
        result = replay(
            spec, facts, timeline, book=BookId(BookKind.REPLAY, "real"), cash_usd=cash,
            terms=Terms(daily_pricing=True), costs=CostModel(),
        )  # fmt: skip
        label = RunLabel("real", datetime(2026, 1, 2, tzinfo=UTC), {}, datetime(2026, 1, 2, tzinfo=UTC), "", False)
        run = run_of(result, label, benchmarks_of(facts, spec, timeline))
        entries = sum(fill.side is Side.BUY for fill in result.fills)
        assert [*words(run.figures), str(entries)] == row_of(table, strategy), strategy
        for name, figures in benchmark_figures(run).items():
            assert words(figures) == row_of(table, ROWS[name])[:5], name
