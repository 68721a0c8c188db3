"""The development data through the real command: every row accounted for, and signals that splits do not bend."""

from __future__ import annotations

import csv
import gzip
import itertools
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.market import Resolution
from trading.domain.panel import FeaturePanel
from trading.domain.signals import FAIL, PASS
from trading.engine.hours import Terms, history_panel
from trading.strategy.rules import golden_cross
from trading.strategy.three_sector import UNIVERSE, three_sector
from trading.tasks.facts import load_facts, timeline_of
from trading.tasks.import_data import import_actions, import_bars, import_filings

from tests.builders import a_bar, a_filing, an_action, an_origin
from tests.import_command import imported, refused, speak_to
from tests.shared_data import SHARED, needs_shared

pytestmark = pytest.mark.shared

CALENDAR = NyseCalendar()
SPEC = three_sector()
PRICES, SPLITS = SHARED / "prices", SHARED / "prices/splits.csv"
DAILY, HOURLY, VIX = PRICES / "daily.csv.gz", PRICES / "hourly.csv.gz", PRICES / "vix_daily.csv.gz"
NVDA_FILE = PRICES / "daily_alt.csv.gz"
ON_BASIS_OF_2023 = ("--adjustment", "split", "--splits", SPLITS, "--basis-on", "2023-12-29")
ON_TODAYS_BASIS = ("--adjustment", "split", "--splits", SPLITS, "--basis-on", "2026-08-01")
LATE = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def command(database_url, monkeypatch, capsys):
    speak_to(database_url, monkeypatch)
    return capsys


@needs_shared
def test_the_daily_file_is_imported_source_by_source_and_its_rows_add_up(command):
    daily = ("bars", DAILY, "--resolution", "1d")
    parts = [
        imported(command, *daily, *ON_BASIS_OF_2023, "--filter", "source=dieper"),
        imported(command, *daily, *ON_TODAYS_BASIS, "--filter", "source=mlab", "--symbols", "GLD,SLV,TSLA,AMD"),
        imported(command, *daily, *ON_TODAYS_BASIS, "--filter", "source=course1"),
        imported(command, *daily, *ON_TODAYS_BASIS, "--filter", "source=landon"),
        imported(
            command, *daily, "--adjustment", "split+div", *ON_TODAYS_BASIS[2:], "--total-return-as-price",
            "--filter", "source=mlab", "--symbols", "SPY,QQQ,AAPL,MSFT,NVDA",
        ),
    ]  # fmt: skip
    assert {part["rows"] for part in parts} == {61_820}
    assert [part["stored"] for part in parts] == [12_074, 18_697, 738, 126, 30_185]
    assert sum(part["stored"] for part in parts) == 61_820


@needs_shared
def test_hours_that_begin_at_the_open_are_imported_and_those_of_the_clock_are_refused(command):
    hours = ("bars", HOURLY, "--resolution", "1h", *ON_TODAYS_BASIS)
    counts = imported(command, *hours, "--filter", "bar=09:30", "--symbols", "NVDA,TSLA")
    assert (counts["rows"], counts["stored"], counts["outside the sessions"]) == (74_243, 28_509, 12)
    clock = (*hours, "--filter", "bar=clock", "--symbols", "NVDA")
    assert "clock-anchored hours mix the session with what came before it and are refused" in refused(
        command, *clock, "--anchor", "clock"
    )
    said = refused(command, *clock)
    assert "not anchored at its open); clock-anchored hours mix the session with what came before it" in said
    assert said.count("\n  line ") == 20


@needs_shared
def test_crossed_days_of_the_vix_are_named_and_the_rest_is_stored_without_them(command, store):
    since = ("vix", VIX, "--since", "2000-01-01")
    said = refused(command, *since)
    assert "4 of 8574 rows are not usable" in said
    assert "line 4060: VIX 2006-02-08 14:30Z crossed" in said
    assert "--without 3200,3736,3745,4060" in said
    assert "leave earlier rows out with --since" in refused(command, "vix", VIX)
    counts = imported(command, *since, "--without", "3200,3736,3745,4060")
    assert counts == {
        "rows": 8_574, "stored": 6_033, "already there": 0, "revised": 0,
        "outside the sessions": 13, "left out as you asked": 2_524 + 4,
    }  # fmt: skip
    with store.transaction() as tx:
        (days,) = tx.market.bars(["VIX"], [Resolution.DAY], as_of=LATE, cutoff_at=LATE).values()
    assert (len(days), days.close[-1]) == (6_033, 12.45)


@needs_shared
def test_headlines_consumer_prices_and_splits_are_imported_whole(command):
    headlines = SHARED / "news/headlines_2017_2020.csv.gz"
    counts = imported(command, "news", headlines)
    assert (counts["rows"], counts["stored"], counts["without a symbol"]) == (53_242, 1_768, 51_474)
    assert imported(command, "news", headlines)["already there"] == 1_768
    prices = imported(command, "cpi", SHARED / "macro/cpi_us.csv")
    assert (prices["rows"], prices["stored"], prices["left out as you asked"]) == (3_060, 1_332, 1_728)
    assert imported(command, "splits", SPLITS)["stored"] == 16


# --- splits and signals -------------------------------------------------------------------------


def panel_of(store, first_on: date, last_on: date) -> FeaturePanel:
    timeline = timeline_of(CALENDAR, first_on, last_on)
    slots = timeline.slots
    with store.transaction() as tx:
        facts = load_facts(
            tx, SPEC, first_at=slots[0].as_of, as_of=slots[-1].as_of, cutoff_at=slots[-1].as_of, is_replay=True
        )
    return history_panel(SPEC, facts, timeline, Terms(daily_pricing=True))


def first_slots(panel: FeaturePanel, name: str, symbol: str = "NVDA") -> dict[date, float]:
    """Return a column at the first decision of each session."""
    column, found = getattr(panel, name)[:, UNIVERSE.traded.index(symbol)], {}
    for at, value in zip(panel.times.tolist(), column.tolist(), strict=True):
        found.setdefault(at.date(), value)
    return found


def rsi(closes: list[float]) -> float:
    """Wilder's RSI 14 of a continuous series, by its definition."""
    changes = np.diff(closes)
    gain, loss = np.maximum(changes, 0), np.maximum(-changes, 0)
    up, down = gain[:14].mean(), loss[:14].mean()
    for won, lost in zip(gain[14:], loss[14:], strict=True):
        up, down = (13 * up + won) / 14, (13 * down + lost) / 14
    return 100 - 100 / (1 + up / down)


def assert_continuous(panel: FeaturePanel, adjusted: dict[date, float], ratio_after: dict[date, float]) -> list[bool]:
    """Check averages, RSI and cross of each session against one continuous series of closes; return the crosses.

    `ratio_after` gives the shares that one share of the day becomes on the series' own basis.
    """
    days = sorted(adjusted)
    short, long, strength = (first_slots(panel, name) for name in ("sma_50", "sma_200", "rsi_14"))
    crosses = golden_cross(panel)
    verdicts = []
    position = {at.date(): row for row, at in reversed(list(enumerate(panel.times.tolist())))}
    for on in short:
        closes = [adjusted[d] for d in days if d < on]
        expected = [np.mean(closes[-n:]) * ratio_after[on] for n in (50, 200)]
        assert [short[on], long[on]] == pytest.approx(expected, rel=1e-5), on
        assert strength[on] == pytest.approx(rsi(closes), abs=0.01), on
        is_above = np.mean(closes[-50:]) > np.mean(closes[-200:])
        verdict = crosses.outcome(position[on])[UNIVERSE.traded.index("NVDA")]
        assert verdict == (PASS if is_above else FAIL), on
        verdicts.append(bool(is_above))
    return verdicts


def assert_pe_follows_returns(panel: FeaturePanel, adjusted: dict[date, float]) -> None:
    """Between filings a P/E moves as the adjusted close moves, over the ex-date too."""
    pe, days = first_slots(panel, "pe_ratio"), sorted(adjusted)
    sessions = sorted(pe)
    for before, on in itertools.pairwise(sessions):
        closes = [adjusted[max(d for d in days if d < s)] for s in (before, on)]
        assert pe[on] / pe[before] == pytest.approx(closes[1] / closes[0], rel=1e-5), on


def a_year_of_filings(eps: float, until: date):
    ends = [until - timedelta(days=91 * n) for n in range(4)]
    known = {"known_at": datetime(until.year, until.month, until.day, 20, tzinfo=UTC) + timedelta(days=30)}
    return [a_filing(symbol="NVDA", period_ends_on=end, eps_diluted=eps, **known) for end in ends]


@needs_shared
def test_signals_are_continuous_over_the_split_of_2021_in_a_file_on_a_later_basis(command, store):
    imported(command, "splits", SPLITS)
    imported(
        command, "bars", NVDA_FILE, "--resolution", "1d", *ON_BASIS_OF_2023, "--filter", "source=dieper",
        "--symbols", "NVDA", "--since", "2019-02-04",
    )  # fmt: skip
    import_filings(store, a_year_of_filings(1.0, date(2021, 5, 2)), an_origin())
    ex_on = date(2021, 7, 20)
    with gzip.open(NVDA_FILE, "rt") as lines:
        adjusted = {
            date.fromisoformat(row["ts"]): float(row["close"])
            for row in csv.DictReader(lines)
            if row["symbol"] == "NVDA" and row["source"] == "dieper" and row["ts"] >= "2019-02-04"
        }
    panel = panel_of(store, date(2021, 7, 1), date(2022, 6, 15))
    ratio_after = {on: 4.0 if on < ex_on else 1.0 for on in first_slots(panel, "sma_50")}
    assert set(assert_continuous(panel, adjusted, ratio_after)) == {True, False}
    assert_pe_follows_returns(panel_of(store, date(2021, 7, 1), date(2021, 8, 13)), adjusted)
    price = first_slots(panel, "price")
    assert price[ex_on] == pytest.approx(751.19 / 4, abs=0.01)


def test_signals_are_continuous_over_a_ten_for_one_split_of_raw_bars(store):
    ex_on, first_on = date(2024, 6, 10), date(2022, 1, 3)
    sessions = CALENDAR.sessions(first_on, date(2025, 4, 30))
    draw = np.random.default_rng(10)
    path = 30.0 * np.exp(np.cumsum(draw.normal(0.0012, 0.02, len(sessions))))
    adjusted = {s.session_on: float(close) for s, close in zip(sessions, path, strict=True)}
    bars = []
    for session in sessions:
        close = round(adjusted[session.session_on] * (10 if session.session_on < ex_on else 1), 6)
        known = {"starts_at": session.opens_at, "ends_at": session.closes_at, "known_at": session.closes_at}
        prices = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
        bars.append(a_bar(symbol="NVDA", resolution=Resolution.DAY, **known, **prices))
    split = an_action(ex_on=ex_on, value=10.0, known_at=datetime(2024, 5, 22, 20, tzinfo=UTC))
    import_bars(store, [bars], an_origin())
    import_actions(store, [split], an_origin())
    import_filings(store, a_year_of_filings(5.0, date(2024, 4, 28)), an_origin())
    panel = panel_of(store, date(2024, 5, 29), date(2025, 4, 30))
    verdicts = assert_continuous(
        panel, adjusted, {on: 10.0 if on < ex_on else 1.0 for on in first_slots(panel, "sma_50")}
    )
    assert len(verdicts) > 220
    assert_pe_follows_returns(panel_of(store, date(2024, 5, 29), date(2024, 7, 10)), adjusted)
