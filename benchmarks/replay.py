"""What a replay costs: our engine beside other back-testers, stage by stage, and how it grows.

1. The public spec of `benchmarks/peers` on the same bars, in our engine and in the peers; a ratio is printed only
   where every fill is the same. CPU seconds of feed, indicators and engine; imports and compiling are left out.
2. The full strategy on an invented market of ten years: all rules, stops and targets that rest at the broker, caps and
   bands, commission and fees, lots; every hour can be told afterwards from what is kept.
3. The feature pass against bare TA-Lib calls on the same arrays.
4. How both grow with symbols and years.
5. The full strategy on 500 symbols, in a process of its own, whose peak memory is told.

Run from the root of the checkout; the peers make their environments at the first run:

    PYTHONPATH=plugins .venv/bin/python benchmarks/replay.py [--quick] [--without-peers]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import talib
from long_history import LongHistory, long_history
from stopwatch import Seconds, heading, middle, timed
from trading.domain.instruments import BookId, BookKind
from trading.engine.arrival import Market
from trading.engine.hours import Terms, history_panel
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult
from trading.execution.costs import CostModel
from trading.strategy.judging import judge

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
import airdesk
from bars import generated
from common import FAST, RSI_BARS, SLOW, Bars
from programs import Report, difference, run_all

REPEATS = 3
SEED = 7
STORIES_IN_GROWTH = 0.2
"""Headlines of each symbol on a session where the number of symbols grows."""
BOOK = BookId(BookKind.REPLAY, "benchmark")


def beside_peers(symbols: int, years: float, names: Sequence[str]) -> Mapping[str, Report]:
    """Run the public spec everywhere and print the table; return what the programs reported."""
    bars = generated(symbols, years, SEED)
    reports = run_all(["airdesk", *names], bars)
    ours = reports["airdesk"]
    print(heading(f"public spec, {symbols} symbols, {years:g} years, {bars.close.size:,} bars, seed {SEED}"))
    print(f"\n{'program':<12}{'CPU s':>9}{'JIT s':>8}{'peak MB':>9}{'fills':>8}   ours is")
    for name, report in reports.items():
        found = difference(ours, report)
        ratio = "" if name == "airdesk" else found or f"{report['cpu_seconds'] / ours['cpu_seconds']:.2f} × as fast"
        seconds = f"{report['cpu_seconds']:>9.3f}{report['jit_seconds']:>8.1f}{report['peak_mb']:>9.0f}"
        print(f"{name:<12}{seconds}{len(report['fills']):>8}   {ratio}")
    print(flush=True)
    return reports


def full_strategy(history: LongHistory) -> tuple[dict[str, Seconds], ReplayResult]:
    """Return the seconds of each stage, and what the replay did."""
    spec, facts, timeline = history.spec, history.facts, history.timeline
    terms = Terms()
    panel, features = timed(lambda: history_panel(spec, facts, timeline, terms))
    market, laying = timed(lambda: Market.of(spec, facts, timeline, terms, CostModel()))
    judging = timed(lambda: judge(spec, panel))[1]
    result, whole = timed(
        lambda: replay_panel(spec, panel, market, timeline, book=BOOK, cash_usd=Decimal(100_000), terms=terms)
    )
    engine = Seconds(whole.cpu - judging.cpu, whole.wall - judging.wall)
    return {"features": features, "tape": laying, "judging": judging, "engine": engine}, result


def print_stages(history: LongHistory, backtrader_cpu: float | None) -> None:
    """Measure the full strategy and print its stages."""
    _, first = timed(lambda: full_strategy(history))
    runs = [full_strategy(history) for _ in range(REPEATS)]
    stages = {name: middle([seconds[name] for seconds, _ in runs]) for name in runs[0][0]}
    result, total = runs[-1][1], sum(s.cpu for s in stages.values())
    print(heading(f"full strategy, {history.spec.name}, {len(result.panel.symbols)} symbols"))
    print(f"{len(result.curve):,} hours, {len(history.facts.news):,} stories, {len(result.fills)} fills")
    print(f"\n{'stage':<10}{'CPU s':>9}{'share':>8}")
    for name, seconds in stages.items():
        print(f"{name:<10}{seconds.cpu:>9.3f}{seconds.cpu / total:>8.1%}")
    print(f"{'all':<10}{total:>9.3f}{1:>8.1%}   first run {first.cpu:.3f}, which scores every story")
    if backtrader_cpu is not None:
        print(f"{backtrader_cpu / total:.1f} × as fast as backtrader on the public spec above")
    print(
        f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB\n", flush=True
    )


def print_wide(symbols: int, years: int) -> None:
    """Measure the full strategy on a wide universe, this process's memory included."""
    history = long_history("technical_core", symbols, years, stories_a_day=STORIES_IN_GROWTH)
    runs = []
    for _ in range(2):
        stages, result = full_strategy(history)
        runs.append((stages, len(result.fills), len(result.curve)))
        del result
    stages, fills, hours = runs[-1]
    total, first = (sum(s.cpu for s in stages.values()) for stages in (stages, runs[0][0]))
    print(heading(f"full strategy, technical_core, {symbols} symbols, {years} years, {hours * symbols:,} symbol-hours"))
    print(f"{len(history.facts.news):,} stories, {fills} fills\n\n{'stage':<10}{'CPU s':>9}{'share':>8}")
    for name, seconds in stages.items():
        print(f"{name:<10}{seconds.cpu:>9.3f}{seconds.cpu / total:>8.1%}")
    print(f"{'all':<10}{total:>9.3f}{1:>8.1%}   first run {first:.3f}, which scores every story")
    print(
        f"peak memory of its process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB\n", flush=True
    )


def print_features(bars: Bars) -> None:
    """Measure the feature pass of the public spec against bare TA-Lib calls on the same arrays."""
    columns = [np.ascontiguousarray(bars.close[:, column]) for column in range(len(bars.symbols))]
    timeline = airdesk.timeline_of(bars.times)

    def bare() -> None:
        for close in columns:
            talib.SMA(close, FAST)
            talib.SMA(close, SLOW)
            talib.RSI(close, RSI_BARS)

    lowest = middle([timed(bare)[1] for _ in range(9)])
    ours = middle([timed(lambda: airdesk.panel_of_hours(bars, timeline))[1] for _ in range(9)])
    print(
        f"feature pass {ours.cpu:.4f} CPU s, bare TA-Lib {lowest.cpu:.4f}: {ours.cpu / lowest.cpu:.2f} ×\n", flush=True
    )


def print_growth(sizes: Sequence[tuple[int, int]]) -> None:
    """Print the public spec and the full strategy by size, in microseconds a symbol-hour."""
    print(
        f"{'symbols':>8}{'years':>6}{'public spec':>14}{'fills':>8}{'full strategy':>16}{'fills':>8}   µs a symbol-hour"
    )
    for symbols, years in sizes:
        bars = generated(symbols, years, SEED)
        spec, spec_seconds = timed(lambda bars=bars: airdesk.replayed(bars))
        history = long_history("technical_core", symbols, years, stories_a_day=STORIES_IN_GROWTH)
        full_strategy(history)
        stages, full = full_strategy(history)
        count = symbols * len(full.curve)
        total = sum(s.cpu for s in stages.values())
        each = f"{spec_seconds.cpu / bars.close.size * 1e6:>14.2f}{len(spec.fills):>8}{total / count * 1e6:>16.2f}"
        print(f"{symbols:>8}{years:>6}{each}{len(full.fills):>8}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two years instead of ten, and no 500 symbols")
    parser.add_argument("--without-peers", action="store_true", help="only our engine")
    parser.add_argument("--only-wide", action="store_true", help="only the full strategy on 500 symbols")
    options = parser.parse_args()
    if options.only_wide:
        print_wide(500, 10)
        return
    years = 2 if options.quick else 10
    peers = [] if options.without_peers else ["backtrader", "bt", "vectorbt"]
    reports = beside_peers(10, years, peers)
    backtrader_cpu = reports["backtrader"]["cpu_seconds"] if "backtrader" in reports else None
    if not options.quick:
        beside_peers(500, years, [name for name in peers if name == "vectorbt"])
    for strategy in ("three_sector", "technical_core"):
        print_stages(long_history(strategy, 10, years), backtrader_cpu)
    print_features(generated(10, years, SEED))
    print_growth([(10, 1), (10, 2), (10, years), (50, 2)] + ([] if options.quick else [(200, 2)]))
    if not options.quick:
        subprocess.run([sys.executable, __file__, "--only-wide"], check=True)


if __name__ == "__main__":
    main()
