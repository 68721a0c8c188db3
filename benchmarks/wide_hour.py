"""What does one hour of a very wide universe take, and what does it leave behind? Seconds, memory, bytes of rows.

A throw-away Postgres, invented days and half hours, and the analysis and decision of one hour as the tasks call them,
each universe in a process of its own. Airflow, sources and the broker are outside. docs/scale.md uses these figures.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/wide_hour.py [--symbols 12 500 2000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

from data import an_origin, execute
from invented import InventedBars, names, services_on, spec_of
from measured_postgres import Database, server
from stopwatch import heading
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.analysis.facts import decision_times
from trading.analysis.panel_building import build_panel
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Resolution, Slot, TimeWindow, session_slots
from trading.domain.panel import columns
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide
from trading.tasks.facts import DAILY_MEMORY, INTRADAY_MEMORY, load_facts, session_before

CALENDAR = NyseCalendar()
SESSION = CALENDAR.sessions(date(2024, 12, 16), date(2024, 12, 16))[0]
SLOTS = session_slots(SESSION)[:-1]
"""The hours in which something may be bought, one for each universe, so that none writes over the rows of another."""
FIRST_ON = SESSION.session_on - DAILY_MEMORY
STEPS = (technicals, sentiment, risk, decide)
BATCH = 50
LEFT = {
    "analysis.technicals": "symbol",
    "analysis.sentiment": "symbol",
    "analysis.valuation": "symbol",
    "desk.reasons": "symbol and rule",
}
HOURS_A_YEAR = 7 * 252


@dataclass(frozen=True, slots=True)
class Step:
    """What one task took: seconds, CPU seconds of its process, and the most memory that was used until its end [MB]."""

    wall: float
    cpu: float
    peak_mb: float


def source() -> InventedBars:
    """Return the source of every bar here."""
    return InventedBars(CALENDAR, FIRST_ON, SESSION.session_on)


def load(url: str, count: int) -> None:
    """Store the days and half hours that a decision reads, as an ingest does: fifty symbols a transaction."""
    bars, store = source(), PostgresStore(url)
    first = CALENDAR.sessions(FIRST_ON, SESSION.session_on)[0]
    windows = (
        (Resolution.DAY, TimeWindow(first.opens_at, SESSION.opens_at)),
        (Resolution.HALF_HOUR, TimeWindow(SESSION.opens_at - INTRADAY_MEMORY, SLOTS[-1].as_of)),
    )
    symbols = names(count)
    for start in range(0, count, BATCH):
        of_batch = symbols[start : start + BATCH]
        found = [bar for length, window in windows for s in of_batch for bar in bars.bars(s, window, length)]
        with store.transaction() as tx:
            tx.market.add_bars(found, an_origin("history"))
    execute(url, "VACUUM ANALYZE market.bars")


def desk(url: str, count: int, slot: Slot) -> tuple[Services, StrategySpec, BookId]:
    """Return what the tasks are called with."""
    book = BookId(BookKind.DEMO, f"wide{count}")
    return services_on(url, source(), slot.as_of), spec_of(names(count)), book


def one_hour(url: str, count: int, slot: Slot) -> dict[str, Step]:
    """Run the tasks of the hour and return what each took."""
    services, spec, book = desk(url, count, slot)
    with services.store.transaction() as tx:
        tx.ledger.open_book(
            book,
            strategy=spec.name,
            spec_hash=spec.spec_hash,
            opened_at=SESSION.opens_at,
            cash_usd=Decimal(100_000),
        )
    taken = {}
    for task in STEPS:
        wall, cpu = time.perf_counter(), time.process_time()
        task(services, spec, book, slot)
        taken[task.__name__] = Step(time.perf_counter() - wall, time.process_time() - cpu, peak_mb())
    return taken


def peak_mb() -> float:
    """Return the most memory that this program had so far [MB]; what the one that started it had is not in it."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def cell_bytes(url: str, count: int) -> float:
    """Return the bytes that a panel has for one symbol at one time, every column laid out."""
    slot = SLOTS[-1]
    services, spec, _ = desk(url, count, slot)
    with services.store.transaction() as tx:
        facts = load_facts(tx, spec, first_at=slot.as_of, as_of=slot.as_of, cutoff_at=slot.as_of)
    previous = session_before(CALENDAR, slot.session_on)
    times = decision_times([slot], {slot.session_on: previous.session_on}, 0)
    panel = build_panel(facts, spec.universe, spec.peers, times, daily_pricing=False, sentiment=spec.sentiment)
    arrays = [getattr(panel, name) for name in columns()]
    return float(sum(a.size * a.itemsize for a in arrays if a.shape[1] == count)) / count


def hours(base: Database, counts: Sequence[int]) -> None:
    """Run the hour for each universe and print it."""
    print(f"{'symbols':>8}{'task':>13}{'wall s':>9}{'CPU s':>9}{'µs CPU a symbol':>17}{'peak MB':>9}")
    for count, slot in zip(counts, SLOTS, strict=False):
        before = base.server_cpu()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            taken = pool.submit(one_hour, base.url, count, slot).result()
        spent = base.server_cpu() - before
        whole = Step(
            sum(s.wall for s in taken.values()),
            sum(s.cpu for s in taken.values()),
            max(s.peak_mb for s in taken.values()),
        )
        for name, step in (*taken.items(), ("all", whole)):
            print(
                f"{count:>8,}{name:>13}{step.wall:>9.2f}{step.cpu:>9.2f}{1e6 * step.cpu / count:>17,.0f}"
                f"{step.peak_mb:>9,.0f}" + (f"   and {spent:.2f} CPU s of the server" if name == "all" else ""),
                flush=True,
            )


def left(base: Database, symbol_hours: int) -> None:
    """Print what the hours left in the tables that grow with every hour."""
    print(f"\n{'table':<22}{'rows a symbol-hour':>20}{'B a row':>9}{'GB a year of 10,000 symbols':>29}")
    for table, each in LEFT.items():
        count, size = base.ask(f"SELECT count(*) FROM {table}"), sum(base.bytes_of(table))
        year = size / symbol_hours * 10_000 * HOURS_A_YEAR
        print(f"{table:<22}{count / symbol_hours:>20.0f}{size / count:>9.0f}{year / 1e9:>29.1f}   a row a {each}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, nargs="+", default=[12, 500, 2000], help="default: 12 500 2000")
    counts = parser.parse_args().symbols
    if len(counts) > len(SLOTS):
        parser.error(f"at most {len(SLOTS)} universes")
    with server() as made:
        base = made("wide")
        load(base.url, max(counts))
        bars = base.ask("SELECT count(*) FROM market.bars") / max(counts)
        print(heading(f"one hour, without news, filings, VIX; {bars:,.0f} bars a symbol"), end="\n\n")
        hours(base, counts)
        left(base, sum(counts))
        print(f"a panel has {cell_bytes(base.url, min(counts)):.0f} B for a symbol at one time")


if __name__ == "__main__":
    main()
