"""From Postgres to a report: the CPU seconds of the whole process `replay run --report`, imports included.

A Postgres of its own is filled with ten years of an invented market (10 symbols traded, 22 with data); then the command
that a person types runs as a child process, several times. The server's own seconds are told apart.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/replay_process.py [--years 10] [--stories-a-day 0.1]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median

from data import database
from long_history import LongHistory, long_history
from stopwatch import heading
from trading.adapters.postgres_store import PostgresStore
from trading.domain.market import SYNTHETIC, Bar
from trading.domain.series import BarSeries
from trading.ports import Provenance

REPEATS = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fill(url: str, history: LongHistory) -> None:
    """Store everything that the replay reads."""
    facts = history.facts
    origin = Provenance(SYNTHETIC, "benchmark", history.timeline.after.opens_at, "benchmark")
    with PostgresStore(url).transaction() as tx:
        for series in facts.bars.values():
            tx.market.add_bars(list(_bars(series)), origin, is_long=True)
        tx.market.add_news([replace(story, source=SYNTHETIC) for story in facts.news], origin)
        tx.market.add_filings(list(facts.filings), origin)
        tx.market.add_macro(list(facts.macro), origin)


def _bars(series: BarSeries) -> Iterator[Bar]:
    times = [a.astype("int64").tolist() for a in (series.starts_at, series.ends_at)]
    prices = [a.tolist() for a in (series.open, series.high, series.low, series.close, series.volume)]
    for starts, ends, opened, high, low, close, volume in zip(*times, *prices, strict=True):
        starts_at, ends_at = (_EPOCH + timedelta(microseconds=us) for us in (starts, ends))
        yield Bar(
            series.symbol, series.resolution, starts_at, ends_at, opened, high, low, close, volume, SYNTHETIC, ends_at
        )


def cpu_of(command: Sequence[str], environment: dict[str, str]) -> float:
    """Return the CPU seconds of a child process; what it prints is shown only if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Fill, run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--stories-a-day", type=float, default=0.1, help="headlines of a symbol (default: %(default)s)")
    parser.add_argument("--strategy", default="technical_core")
    options = parser.parse_args()
    history = long_history(options.strategy, 10, options.years, stories_a_day=options.stories_a_day)
    span = [
        "--from",
        str(history.timeline.sessions[0].session_on),
        "--to",
        str(history.timeline.sessions[-1].session_on),
    ]
    with database() as url, tempfile.TemporaryDirectory(prefix="airdesk-report-") as folder:
        fill(url, history)
        environment = {**os.environ, "AIRDESK_DATABASE_URL": url, "AIRDESK_MODE": "demo", "PYTHONPATH": "plugins"}
        base = [sys.executable, "-m", "trading.entrypoints.cli", "replay", "run", *span, "--strategy", options.strategy]
        stories = f"{len(history.facts.news):,} stories"
        print(heading(f"replay run, {options.strategy}, 10 symbols, {options.years} years, {stories}"))
        for what, more in (
            ("figures", []),
            ("figures and report", ["--report", folder, "--no-cost-sensitivity"]),
            ("and costs ×0, ×2", ["--report", folder]),
        ):
            command = [*base, "--name", "benchmark", "--replace", *more]
            cpu_of(command, environment)
            seconds = median(cpu_of(command, environment) for _ in range(REPEATS))
            print(f"{what:<22}{seconds:>7.2f} CPU s", flush=True)


if __name__ == "__main__":
    main()
