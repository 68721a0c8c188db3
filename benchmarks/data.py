"""How fast do bars get in and out of Postgres? The store against the usual ways, in one run, turn by turn.

A throw-away Postgres with the desk's own settings, invented bars, everything gone at the end. Both sides of a ratio are
measured alternately and compared by their medians, so that another load of the machine meets both.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/data.py                       # ratios, and the as-of read
    PYTHONPATH=plugins .venv/bin/python benchmarks/data.py load --years 1        # rate, memory, resume
    PYTHONPATH=plugins .venv/bin/python benchmarks/data.py load --years 1 --hours 3    # and then hours of ingest
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

import pandas as pd
from invented import InventedBars, Unplugged, names, services_on, spec_of
from psycopg2.extras import execute_values
from stopwatch import heading, timed
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.market import SYNTHETIC, Bar, Resolution, Session, TimeWindow, session_slots
from trading.ports import IngestCounts, Provenance
from trading.tasks.ingest import ingest_prices

CALENDAR = NyseCalendar()
LAST_ON = date(2024, 12, 31)
COLUMNS = (
    "symbol, resolution, starts_at, ends_at, open, high, low, close, volume, source, known_at, revision, response_id"
)
KEY = ("symbol", "resolution", "starts_at", "revision")
PAGE_SIZE = 5000
"""Rows a statement of `execute_values`: its best (100, its default, is a sixth slower)."""
GOALS = {"first load": 5.0, "reload": 5.0, "bulk read": 5.0}
LOADED = (Resolution.HALF_HOUR, Resolution.DAY)
AS_OF_SYMBOLS, AS_OF_BARS, AS_OF_GOAL_SECONDS = 500, 250, 0.150


@contextmanager
def database() -> Iterator[str]:
    """Run a Postgres of our own and yield the URL of a migrated database on it."""
    with tempfile.TemporaryDirectory(prefix="airdesk-benchmark-") as folder:
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            postgres.start()
            url = postgres.ensure_database("benchmark")
            migrate(url)
            yield url
        finally:
            postgres.stop()


def execute(url: str, *statements: str) -> None:
    """Run statements, each by itself."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements:
            cursor.execute(statement)


def an_origin(request: str) -> Provenance:
    """Return where the invented rows say they come from."""
    return Provenance(SYNTHETIC, request, CALENDAR.sessions(LAST_ON, LAST_ON)[0].closes_at, "benchmark")


# --- ratios ---------------------------------------------------------------------------------------


class Usual:
    """The usual way: `execute_values` into a table that is made like market.bars, with its key, checks and partitions.

    The tuples are made beforehand, which is not counted; the store is given `Bar`s and counted whole.
    """

    def __init__(self, url: str, bars: Sequence[Bar]) -> None:
        self._url = url
        self._rows = [
            (b.symbol, b.resolution.value, b.starts_at, b.ends_at, b.open, b.high, b.low, b.close, b.volume, b.source,
             b.known_at, 0, 1)
            for b in bars
        ]  # fmt: skip
        execute(url, "CREATE TABLE usual (LIKE market.bars INCLUDING ALL) PARTITION BY RANGE (starts_at)")
        for year in {b.starts_at.year for b in bars}:
            span = f"FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
            execute(url, f"CREATE TABLE usual_{year} PARTITION OF usual FOR VALUES {span}")

    def load(self) -> None:
        """Insert into the empty table."""
        self._insert("")

    def reload(self) -> None:
        """Insert the same rows again."""
        updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS.split(", ") if name not in KEY)
        self._insert(f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {updates}")

    def read(self, symbols: list[Symbol], as_of: datetime) -> pd.DataFrame:
        """Return the half-hour bars by `pandas.read_sql`: the columns of a BarSeries, revisions not looked at."""
        question = (
            "SELECT symbol, starts_at, ends_at, known_at, open, high, low, close, volume FROM market.bars "
            "WHERE symbol = ANY (%(symbols)s) AND resolution = '30m' AND ends_at <= %(as_of)s AND known_at <= %(as_of)s"
        )
        with closing(connect(self._url)) as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return pd.read_sql(question, connection, params={"symbols": symbols, "as_of": as_of})

    def _insert(self, conflict: str) -> None:
        with closing(connect(self._url)) as connection, connection, connection.cursor() as cursor:
            execute_values(cursor, f"INSERT INTO usual ({COLUMNS}) VALUES %s {conflict}", self._rows, None, PAGE_SIZE)


def ratios(url: str, symbol_count: int, rounds: int) -> None:
    """Load, reload and read one year of half hours both ways, `rounds` times, and print the medians."""
    first_on = LAST_ON - timedelta(days=364)
    source, symbols = InventedBars(CALENDAR, first_on, LAST_ON), names(symbol_count)
    sessions = CALENDAR.sessions(first_on, LAST_ON)
    window = TimeWindow(sessions[0].opens_at, sessions[-1].closes_at)
    bars = [bar for symbol in symbols for bar in source.bars(symbol, window, Resolution.HALF_HOUR)]
    store, usual = PostgresStore(url), Usual(url, bars)

    def add() -> IngestCounts:
        with store.transaction() as tx:
            return tx.market.add_bars(bars, an_origin("a year"))

    def read() -> int:
        with store.transaction() as tx:
            found = tx.market.bars(symbols, [Resolution.HALF_HOUR], as_of=window.ends_at, cutoff_at=window.ends_at)
        return sum(map(len, found.values()))

    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in GOALS}
    for _ in range(rounds):
        execute(url, "TRUNCATE market.bars, staging.bars, usual", "CHECKPOINT")
        loaded, first = timed(add)
        _, usual_first = timed(usual.load)
        again, repeated = timed(add)
        _, usual_repeated = timed(usual.reload)
        execute(url, "VACUUM ANALYZE market.bars")
        read_count, reading = timed(read)
        frame, usual_reading = timed(lambda: usual.read(symbols, window.ends_at))
        assert (loaded.stored, again.unchanged) == (len(bars), len(bars)), "the store counts what it did"
        assert read_count == len(frame) == len(bars), "both ways return every bar"
        for name, ours, theirs in (
            ("first load", first, usual_first),
            ("reload", repeated, usual_repeated),
            ("bulk read", reading, usual_reading),
        ):
            taken[name].append((ours.wall, theirs.wall))
    print(heading(f"{len(bars):,} half-hour bars, {symbol_count} symbols, medians of {rounds} rounds, wall time"))
    print(f"\n{'':<12}{'store':>12}{'usual way':>12}{'times':>8}{'rounds':>16}{'goal':>7}")
    for name, pairs in taken.items():
        each = [theirs / ours for ours, theirs in pairs]
        ours, theirs = (len(bars) / median(column) for column in zip(*pairs, strict=True))
        spread = f"{min(each):.1f} to {max(each):.1f}"
        print(f"{name:<12}{ours:>10,.0f}/s{theirs:>10,.0f}/s{ours / theirs:>8.1f}{spread:>16}{GOALS[name]:>7.1f}")


# --- as-of read -----------------------------------------------------------------------------------


def as_of_read(url: str, rounds: int) -> None:
    """Fill two years of days for 500 symbols as they arrive, day by day among half hours, and read one year of them."""
    first_on = LAST_ON - timedelta(days=2 * 365)
    source, symbols = InventedBars(CALENDAR, first_on, LAST_ON), names(AS_OF_SYMBOLS)
    sessions = CALENDAR.sessions(first_on, LAST_ON)
    execute(url, "TRUNCATE market.bars, staging.bars")
    store = PostgresStore(url)
    by_session: list[list[Bar]] = [[] for _ in sessions]
    for symbol in symbols:
        window = TimeWindow(sessions[0].opens_at, sessions[-1].closes_at)
        for number, bar in enumerate(source.bars(symbol, window, Resolution.DAY)):
            by_session[number].append(bar)
    for session, days in zip(sessions, by_session, strict=True):
        window = TimeWindow(session.opens_at, session.closes_at)
        half_hours = [b for symbol in symbols[:100] for b in source.bars(symbol, window, Resolution.HALF_HOUR)]
        with store.transaction() as tx:
            tx.market.add_bars([*half_hours, *days], an_origin("a day"))
            tx.market.add_bars([revised(bar) for bar in days[:: len(sessions) // 50]], an_origin("revisions"))
    execute(url, "VACUUM ANALYZE market.bars")
    since, as_of = sessions[-AS_OF_BARS].opens_at, sessions[-1].closes_at

    def read() -> list[int]:
        with store.transaction() as tx:
            cutoff_at = as_of + timedelta(hours=1)
            found = tx.market.bars(symbols, [Resolution.DAY], as_of=as_of, cutoff_at=cutoff_at, since=since)
        return [len(series) for series in found.values()]

    counts, cold = timed(read)
    assert counts == [AS_OF_BARS] * AS_OF_SYMBOLS, "every symbol has its bars, each revision once"
    reads = [timed(read)[1] for _ in range(max(9, rounds))]
    warm = [seconds.wall for seconds in reads]
    print(
        f"\nas-of read of {AS_OF_BARS} daily bars for {AS_OF_SYMBOLS} symbols, some revised, with its connection: "
        f"{1000 * median(warm):.0f} ms warm ({1000 * min(warm):.0f} to {1000 * max(warm):.0f}), "
        f"{1000 * median(s.cpu for s in reads):.0f} ms of it CPU here, {1000 * cold.wall:.0f} ms first; "
        f"goal < {1000 * AS_OF_GOAL_SECONDS:.0f} ms"
    )


def revised(bar: Bar) -> Bar:
    """Return the bar as the vendor corrected it half an hour later."""
    return replace(bar, volume=bar.volume + 1, known_at=bar.known_at + timedelta(minutes=30))


# --- the loader -----------------------------------------------------------------------------------


@dataclass
class Loader:
    """Loads history as `data pull` does, without its checks: a transaction for each chunk of a symbol's bars."""

    url: str
    source: InventedBars
    sessions: Sequence[Session]
    sessions_a_chunk: int
    skipped_count: int = 0

    def load(self, symbols: Sequence[Symbol]) -> int:
        """Store what is not stored yet and return how many bars that were; `Unplugged` leaves whole chunks."""
        store, stored = PostgresStore(self.url), 0
        for resolution in LOADED:
            with store.transaction() as tx:
                newest = tx.market.last_bar_starts_at(resolution)
            for symbol, chunk in itertools.product(symbols, itertools.batched(self.sessions, self.sessions_a_chunk)):
                if symbol in newest and newest[symbol] >= chunk[-1].opens_at:
                    self.skipped_count += 1
                    continue
                window = TimeWindow(chunk[0].opens_at, chunk[-1].closes_at)
                bars = tuple(self.source.bars(symbol, window, resolution))
                with store.transaction() as tx:
                    stored += tx.market.add_bars(bars, an_origin(f"{symbol} {resolution} bars")).stored
        return stored

    def stop_and_go_on(self, symbols: Sequence[Symbol]) -> int:
        """Let the source die in the middle, load the same again, and say what was there already."""
        self.source.asks_left, self.skipped_count = 5, 0
        try:
            self.load(symbols)
        except Unplugged:
            print("    the source dies after 5 answers; the same load again:")
        self.source.asks_left = None
        stored = self.load(symbols)
        print(f"    {self.skipped_count} chunks were stored already and are not asked for")
        return stored


def load(url: str, symbol_count: int, years: int, *, sessions_a_chunk: int, hours: int) -> None:
    """Load years of history, stop in the middle, go on, and print rate and peak memory; then ingest some hours."""
    first_on = LAST_ON.replace(year=LAST_ON.year - years) + timedelta(days=1)
    source, symbols = InventedBars(CALENDAR, first_on, LAST_ON + timedelta(days=14)), names(symbol_count)
    loader = Loader(url, source, CALENDAR.sessions(first_on, LAST_ON), sessions_a_chunk)
    tenths = list(itertools.batched(symbols, max(1, symbol_count // 10)))
    chunk = f"a transaction for each {sessions_a_chunk} sessions of a symbol"
    print(heading(f"load of {years} years of half hours and days, {symbol_count} symbols, {chunk}"))
    print(f"{peak_mb():.0f} MB at the start\n\n{'symbols':>8}{'bars':>14}{'seconds':>9}{'bars/s':>9}{'peak MB':>9}")
    began, done = time.perf_counter(), 0
    for number, tenth in enumerate(tenths):
        if number == len(tenths) // 2:
            loader.stop_and_go_on(tenth)
        else:
            loader.load(tenth)
        seconds, done = time.perf_counter() - began, done + len(tenth)
        count = stored_count(url)
        print(f"{done:>8}{count:>14,}{seconds:>9.0f}{count / seconds:>9,.0f}{peak_mb():>9.0f}", flush=True)
    expected = symbol_count * (source.count(loader.sessions))
    print(f"\n{stored_count(url):,} bars are stored, {expected:,} were to come")
    if hours:
        ingest(url, source, symbols, hours)


def stored_count(url: str) -> int:
    """Return how many bars are stored."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM market.bars")
        return int(cursor.fetchone()[0])


def ingest(url: str, source: InventedBars, symbols: list[Symbol], hours: int) -> None:
    """Ingest the hours of the sessions after the load and print what each took."""
    sessions = CALENDAR.sessions(LAST_ON + timedelta(days=1), LAST_ON + timedelta(days=14))
    slots = [slot for session in sessions for slot in session_slots(session)][:hours]
    book, spec = BookId(BookKind.DEMO, "benchmark"), spec_of(symbols)
    taken = []
    for slot in slots:
        services = services_on(url, source, slot.as_of)
        report, seconds = timed(lambda services=services, slot=slot: ingest_prices(services, spec, book, slot))
        taken.append(seconds)
        print(
            f"ingest_prices {slot.as_of:%Y-%m-%d %H:%M}Z: {report.counts}, {seconds.wall:.1f} s ({seconds.cpu:.1f} CPU)"
        )
    print(
        f"median of {len(taken)} hours for {len(symbols)} symbols: {median(s.wall for s in taken):.1f} s; goal < 10 s"
    )


def peak_mb() -> float:
    """Return the most memory that this process had so far [MB]; the Postgres server is outside."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("ratios", "load"), default="ratios")
    parser.add_argument("--symbols", type=int, help="default: 40 for ratios, 500 for load")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each ratio (default: %(default)s)")
    parser.add_argument("--years", type=int, default=1, help="years of the load, 1 to 10 (default: %(default)s)")
    parser.add_argument("--chunk", type=int, default=62, help="sessions in a chunk of the load (default: %(default)s)")
    parser.add_argument("--hours", type=int, default=0, help="hours of ingest after the load (default: %(default)s)")
    options = parser.parse_args()
    with database() as url:
        if options.what == "load":
            load(url, options.symbols or 500, options.years, sessions_a_chunk=options.chunk, hours=options.hours)
        else:
            ratios(url, options.symbols or 40, options.rounds)
            as_of_read(url, options.rounds)


if __name__ == "__main__":
    main()
