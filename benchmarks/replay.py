"""How much more than the arithmetic does a replay cost? In-process replay against the TA-Lib floor.

The floor is the CPU time of TA-Lib's SMA 50, SMA 200, RSI 14 and MACD over the closes of the very bars that the
replay reads: no program that looks at every bar can be much below it. Nothing is written anywhere.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/replay.py [--years 2] [--repeat 3] [--strategy three_sector]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import talib
from stopwatch import Seconds, heading, middle, timed
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.facts import Facts
from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.market import Bar, Resolution, TimeWindow
from trading.domain.series import series_of
from trading.engine.hours import Terms, Timeline, history_panel
from trading.engine.replay import replay
from trading.engine.result import ReplayResult
from trading.execution.costs import CostModel
from trading.strategy.catalogue import STRATEGIES, spec_named
from trading.strategy.judging import judge
from trading.strategy.spec import StrategySpec
from trading.synthetic.market import FIRST_ON, SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource
from trading.tasks.facts import timeline_of

SEED = 7
WARM_UP = timedelta(days=900)
"""Daily history before the first replayed session; the invented market begins on `FIRST_ON`."""
FLOOR_REPEATS = 20


@dataclass(frozen=True)
class Delivery:
    """What the synthetic sources served: bars by symbol and resolution, and everything else as facts."""

    bars: Mapping[tuple[Symbol, Resolution], Sequence[Bar]]
    others: Facts

    def facts(self) -> Facts:
        """Return facts with the bars as columns: the stage that stands for reading a database."""
        series = {key: series_of(*key, bars) for key, bars in self.bars.items() if bars}
        others = self.others
        return Facts(series, others.news, others.filings, others.macro, others.actions)


def deliver(spec: StrategySpec, first_on: date, last_on: date) -> Delivery:
    """Return the invented market of [first_on, last_on] with its warm-up; not part of any measured stage."""
    market = SyntheticMarket(SEED, NyseCalendar())
    ends_at = datetime(last_on.year, last_on.month, last_on.day, 23, tzinfo=UTC)
    starts_at = datetime(first_on.year, first_on.month, first_on.day, tzinfo=UTC)
    days, half_hours = TimeWindow(starts_at - WARM_UP, ends_at), TimeWindow(starts_at - timedelta(days=7), ends_at)
    source, fundamentals = SyntheticBarSource(market), SyntheticFundamentalsSource(market)
    bars = {
        (symbol, resolution): tuple(source.bars(symbol, window, resolution))
        for symbol in spec.universe.data
        for resolution, window in ((Resolution.DAY, days), (Resolution.HALF_HOUR, half_hours))
    }
    news = tuple(SyntheticNewsSource(market).news(spec.universe.traded, half_hours))
    symbols = spec.universe.data
    filings, macro = tuple(fundamentals.filings(symbols, days)), tuple(fundamentals.macro(days))
    actions = tuple(fundamentals.corporate_actions(symbols, days))
    return Delivery(bars, Facts(news=news, filings=filings, macro=macro, actions=actions))


def floor(facts: Facts) -> None:
    """Compute the four indicators over every close."""
    for series in facts.bars.values():
        talib.SMA(series.close, 50)
        talib.SMA(series.close, 200)
        talib.RSI(series.close, 14)
        talib.MACD(series.close, 12, 26, 9)


def run_once(spec: StrategySpec, delivery: Delivery, timeline: Timeline) -> tuple[dict[str, Seconds], ReplayResult]:
    """Return the seconds of each stage and what the replay did.

    Stepping is the whole replay less the panel and the judging that it computes inside.
    """
    terms = Terms()
    facts, reading = timed(delivery.facts)
    panel, building = timed(lambda: history_panel(spec, facts, timeline, terms))
    _, judging = timed(lambda: judge(spec, panel))
    book = BookId(BookKind.REPLAY, "benchmark")
    result, whole = timed(
        lambda: replay(spec, facts, timeline, book=book, cash_usd=Decimal(100_000), terms=terms, costs=CostModel())
    )
    inside = Seconds(building.cpu + judging.cpu, building.wall + judging.wall)
    stepping = Seconds(max(0.0, whole.cpu - inside.cpu), max(0.0, whole.wall - inside.wall))
    return {"facts": reading, "panel": building, "judging": judging, "stepping": stepping}, result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=2, help="replayed years, 1 to 4 (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="measured runs after the first (default: %(default)s)")
    parser.add_argument("--strategy", choices=sorted(STRATEGIES), default="three_sector")
    options = parser.parse_args()
    spec = spec_named(options.strategy)
    first_on = FIRST_ON + timedelta(days=900)
    last_on = first_on.replace(year=first_on.year + options.years) - timedelta(days=1)
    timeline = timeline_of(NyseCalendar(), first_on, last_on)
    delivery = deliver(spec, first_on, last_on)
    first, _ = run_once(spec, delivery, timeline)
    runs = [run_once(spec, delivery, timeline) for _ in range(options.repeat)]
    facts = delivery.facts()
    lowest = middle([timed(lambda: floor(facts))[1] for _ in range(FLOOR_REPEATS)])
    print_report(options, delivery, timeline, first, runs, lowest)


def print_report(
    options: argparse.Namespace,
    delivery: Delivery,
    timeline: Timeline,
    cold: Mapping[str, Seconds],
    runs: Sequence[tuple[Mapping[str, Seconds], ReplayResult]],
    lowest: Seconds,
) -> None:
    """Print stages, shares and ratios."""
    stages = {name: middle([seconds[name] for seconds, _ in runs]) for name in runs[0][0]}
    total, cold_total = sum(s.cpu for s in stages.values()), sum(s.cpu for s in cold.values())
    result, hour_count = runs[-1][1], len(timeline.slots)
    bar_count = sum(len(bars) for bars in delivery.bars.values())
    print(heading(f"replay, {options.strategy}, 10 symbols traded, {options.years} years, seed {SEED}"))
    print(
        f"{bar_count:,} bars, {len(delivery.others.news):,} headlines, {hour_count:,} hours, {len(result.fills)} fills"
    )
    print(f"\n{'stage':<10}{'CPU s':>9}{'share':>8}{'÷ floor':>9}{'first run':>11}")
    for name, seconds in stages.items():
        share, ratio = seconds.cpu / total, seconds.cpu / lowest.cpu
        print(f"{name:<10}{seconds.cpu:>9.3f}{share:>8.1%}{ratio:>9.0f}{cold[name].cpu:>11.3f}")
    print(f"{'all':<10}{total:>9.3f}{1:>8.1%}{total / lowest.cpu:>9.0f}{cold_total:>11.3f}")
    print(f"{'floor':<10}{lowest.cpu:>9.4f}")
    print(f"\n{hour_count / total:,.0f} hours a CPU second; medians of {len(runs)} runs after a first one,")
    print("which scores every headline: the process remembers VADER's answers")


if __name__ == "__main__":
    main()
