"""What would minute bars of very many symbols cost? Bytes, writes, reads and sums in today's table and in others.

A throw-away Postgres with the desk's own settings, invented minutes, everything gone at the end. Each part is done with
two numbers of symbols, so that it shows how it grows. docs/scale.md is written from these figures.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/minute_bars.py [--symbols 500 2000]
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from data import an_origin, execute
from invented import names
from measured_postgres import Database, mean, reading, server, sized, stored, written
from minutes import (
    BY_SYMBOL,
    BY_TIME,
    MINUTE,
    MINUTE_US,
    NARROW,
    TICKS,
    Array,
    Minutes,
    copy_bytes,
    from_copy,
    invented,
)
from stopwatch import heading
from trading.adapters.backup.making import BackupPlan, make_backup
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.domain.market import Session

CALENDAR = NyseCalendar()
WEEKS = CALENDAR.sessions(date(2024, 12, 13), date(2024, 12, 16))
"""The last session of a week and the first of the next: two partitions of the same size."""
BATCH = 50
"""Symbols in a delivery of history, as in an hour's ingest."""
ROUNDS, MINUTES_A_CHECKPOINT = 3, 5
"""Checkpoints come every five minutes, Postgres's default, and one delivery a minute."""
WINDOW = 60


# --- today's table ----------------------------------------------------------------------------------


def today(base: Database, weeks: Sequence[Minutes]) -> None:
    """Bring minutes into market.bars by the store, as history and as they come, and read a window of them."""
    execute(base.url, "ALTER TABLE market.bars DROP CONSTRAINT bars_resolution_check")
    store, count = PostgresStore(base.url), len(weeks[0].volume)

    def add(minutes: Minutes, first: int, last: int) -> None:
        bars = tuple(minutes.bars(first, last))
        with store.transaction() as tx:
            tx.market.add_bars(bars, an_origin("minutes"))

    def history(minutes: Minutes) -> None:
        for first in range(0, count, BATCH):
            add(minutes, first, min(first + BATCH, count))

    late = ROUNDS * MINUTES_A_CHECKPOINT
    written("by batches of 50 symbols", base.cost(lambda: history(weeks[0])), len(weeks[0]))
    history(weeks[1].part(slice(None, -late)))
    by_minute(base, weeks[1], lambda minutes: add(minutes, 0, count))
    execute(base.url, "VACUUM ANALYZE market.bars")
    session = WEEKS[1]

    def read() -> None:
        since = session.closes_at - timedelta(minutes=WINDOW)
        with store.transaction() as tx:
            found = tx.market.bars(
                names(count), [MINUTE], as_of=session.closes_at, cutoff_at=session.closes_at, since=since
            )
        assert sum(map(len, found.values())) == WINDOW * count, "every minute of the window is there"

    reading(f"last {WINDOW} minutes by the store", base, read, WINDOW * count)
    stored("market.bars", base, "market.bars", 2 * len(weeks[0]))
    stored("staging.bars, their evidence", base, "staging.bars", 2 * len(weeks[0]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backup.zip"
        plan = BackupPlan(base.url, Path(folder), "demo")
        cost = base.cost(lambda: make_backup(plan, path, at=session.closes_at, say=lambda _: None))
        rate = 2 * len(weeks[0]) / cost.wall
        size = path.stat().st_size / (2 * len(weeks[0]))
    print(
        f"{'backup of both tables':<40}{1000 * cost.wall:>9.0f} ms{rate:>11,.0f} bars/s, {size:.1f} B a bar in the file"
    )


def by_minute(base: Database, minutes: Minutes, add: Callable[[Minutes], None]) -> None:
    """Bring the last minutes of a session one at a time, and say what one costs."""
    costs, last = [], ROUNDS * MINUTES_A_CHECKPOINT
    for number in range(last):
        if number % MINUTES_A_CHECKPOINT == 0:
            execute(base.url, "CHECKPOINT")
        at = minutes.volume.shape[1] - last + number
        one = minutes.part(slice(at, at + 1))
        costs.append(base.cost(partial(add, one)))
    written("minute by minute", mean(costs), len(minutes.volume))


# --- other layouts ----------------------------------------------------------------------------------


def rows(base: Database, table: str, weeks: Sequence[Minutes], key: str) -> None:
    """Bring minutes into narrow rows, a partition a week, by COPY."""
    execute(base.url, f"CREATE TABLE {table} ({NARROW}, PRIMARY KEY ({key})) PARTITION BY RANGE (starts_at)")
    for week, session in enumerate(WEEKS):
        first = session.session_on - timedelta(days=session.session_on.weekday())
        execute(base.url, f"CREATE TABLE {table}_{week} PARTITION OF {table} "
                f"FOR VALUES FROM ('{first}') TO ('{first + timedelta(days=7)}')")  # fmt: skip

    def add(minutes: Minutes) -> None:
        columns = minutes.columns()
        base.copy_in(table, copy_bytes(columns), tuple(columns))

    written("a session at once", base.cost(lambda: add(weeks[0])), len(weeks[0]))
    add(weeks[1].part(slice(None, -ROUNDS * MINUTES_A_CHECKPOINT)))
    by_minute(base, weeks[1], add)
    execute(base.url, f"VACUUM ANALYZE {table}")
    stored(f"key ({key})", base, table, 2 * len(weeks[0]))


def variants(base: Database, count: int) -> None:
    """Store the same rows with prices as doubles, and with an index of blocks in place of a key."""
    prices = ", ".join(f"{name}::float8 / {TICKS} AS {name}" for name in ("open", "high", "low", "close"))
    columns = f"starts_at, known_at, symbol_id, {prices}, volume, response_id, revision"
    execute(base.url, f"CREATE TABLE doubles AS SELECT {columns} FROM by_time")
    stored("prices as double precision, no key", base, "doubles", count)
    execute(base.url, "CREATE TABLE keyless AS SELECT * FROM by_time ORDER BY starts_at",
            "CREATE INDEX ON keyless USING brin (starts_at)", "VACUUM ANALYZE keyless")  # fmt: skip
    stored("index of blocks (BRIN) on starts_at", base, "keyless", count)


def reads(base: Database, weeks: Sequence[Minutes]) -> None:
    """Read the window of a decision from both orders of the key, and sum minutes up."""
    count, session = len(weeks[0].volume), WEEKS[1]
    since = session.closes_at - timedelta(minutes=WINDOW)
    for table in ("by_time", "by_symbol", "keyless"):
        question = (
            f"SELECT starts_at, symbol_id, open, high, low, close, volume, revision FROM {table} "
            f"WHERE starts_at >= '{since}' AND starts_at < '{session.closes_at}' AND known_at <= '{session.closes_at}'"
        )

        def read(question: str = question) -> None:
            found = from_copy(
                base.copy_out(question),
                ("starts_at", "symbol_id", "open", "high", "low", "close", "volume", "revision"),
            )
            assert len(found) == WINDOW * count, "every minute of the window is there"

        reading(f"last {WINDOW} minutes, {table}", base, read, WINDOW * count)
    for table in ("by_time", "by_symbol"):
        question = f"SELECT starts_at, close FROM {table} WHERE symbol_id = 7"
        reading(f"all of one symbol, {table}", base, partial(base.copy_out, question), 780)
    for what, first_at, width in (
        ("half hours of the last hour", since, "30 minutes"),
        ("half hours of a session", session.opens_at, "30 minutes"),
        ("days of a session", session.opens_at, "1 day"),
    ):
        question = summed(first_at, session, width)
        minutes = int((session.closes_at - first_at) / timedelta(minutes=1))
        reading(what, base, partial(base.copy_out, question), minutes * count)


def summed(first_at: datetime, session: Session, width: str) -> str:
    """Return the question that sums minutes up to bars of a width."""
    opened, close = "(array_agg(open ORDER BY starts_at))[1]", "(array_agg(close ORDER BY starts_at DESC))[1]"
    return (
        f"SELECT symbol_id, date_bin('{width}', starts_at, '{session.opens_at}') AS begins_at, {opened}, max(high), "
        f"min(low), {close}, sum(volume), max(known_at) FROM by_time "
        f"WHERE starts_at >= '{first_at}' AND starts_at < '{session.closes_at}' GROUP BY 1, 2"
    )


def blocks(base: Database, minutes: Minutes) -> None:
    """Put a session of a symbol into one row of arrays, which Postgres compresses by itself; plain and as steps."""
    for what, is_step in (("arrays", False), ("arrays of steps", True)):
        execute(base.url, "CREATE TABLE blocks (symbol_id int, session_on date, open int[], high int[], low int[], "
                "close int[], volume int[], late_s int[], PRIMARY KEY (symbol_id, session_on))")  # fmt: skip
        cost = base.cost(partial(_fill_blocks, base, minutes, is_step=is_step))
        written(f"a session at once, {what}", cost, len(minutes))
        stored(f"a row a symbol and session, {what}", base, "blocks", len(minutes))
        execute(base.url, "DROP TABLE blocks")


def _fill_blocks(base: Database, minutes: Minutes, *, is_step: bool) -> None:
    lines = []
    for symbol in range(len(minutes.volume)):
        fields = [f"{symbol}", f"{WEEKS[0].session_on}"]
        close = minutes.prices["close"][symbol]
        for name, values in minutes.prices.items():
            row = values[symbol]
            steps = np.diff(close, prepend=0) if name == "close" else row - close
            fields.append(_array(steps // (TICKS // 100) if is_step else row))
        lines.append("\t".join([*fields, _array(minutes.volume[symbol]), _array(np.zeros_like(close))]))
    data = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    with closing(connect(base.url)) as connection, connection, connection.cursor() as cursor:
        cursor.copy_expert("COPY blocks FROM STDIN", data)


def _array(values: Array) -> str:
    return "{" + ",".join(map(str, values.tolist())) + "}"


def parquet(base: Database, minutes: Minutes) -> None:
    """Write a session to a file, whole symbols after one another, and read it back."""
    columns = minutes.columns()
    order = np.lexsort((columns["starts_at"], columns["symbol_id"]))
    small = {n: v[order].astype(np.int32) for n, v in columns.items() if n not in {"starts_at", "known_at"}}
    at = columns["starts_at"][order] // MINUTE_US
    table = pa.table(small | {"minute": at.astype(np.int32), "late_s": np.zeros(len(at), dtype=np.int32)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.parquet"
        whole = [n for n in table.column_names if n not in {"response_id", "revision", "late_s"}]
        encoding = dict.fromkeys(whole, "DELTA_BINARY_PACKED")
        cost = base.cost(
            lambda: pq.write_table(table, path, compression="zstd", use_dictionary=False, column_encoding=encoding)
        )
        size = path.stat().st_size
        written("a session at once, Parquet", cost, len(minutes))
        sized("Parquet, zstd", size / len(minutes), 0.0)
        reading("a session, Parquet", base, lambda: pq.read_table(path), len(minutes))


def goodbye(base: Database, minutes: Minutes) -> None:
    """Delete a week row by row and vacuum; and drop one of the same size as a table."""
    week = f"starts_at >= '{WEEKS[1].opens_at}'"
    deleted = base.cost(lambda: execute(base.url, f"DELETE FROM by_time WHERE {week}", "VACUUM by_time"))
    dropped = base.cost(
        lambda: execute(base.url, "ALTER TABLE by_time DETACH PARTITION by_time_0", "DROP TABLE by_time_0")
    )
    for what, cost in (("DELETE and VACUUM", deleted), ("DETACH and DROP", dropped)):
        print(f"{what + f', {len(minutes):,} minutes':<40}{1000 * cost.wall:>9.0f} ms, CPU ms "
              f"{1000 * cost.cpu:>6.0f}, {cost.wal / 1e6:,.1f} MB of log")  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, nargs="+", default=[500, 2000], help="default: 500 2000")
    options = parser.parse_args()
    with server() as made:
        for count in options.symbols:
            base = made(f"minutes_{count}")
            weeks = [invented(session, count) for session in WEEKS]
            print(f"\n{heading(f'{count:,} symbols, two sessions, {2 * len(weeks[0]):,} minutes')}\n")
            today(base, weeks)
            print()
            rows(base, "by_time", weeks, BY_TIME)
            rows(base, "by_symbol", weeks, BY_SYMBOL)
            variants(base, 2 * len(weeks[0]))
            print()
            reads(base, weeks)
            print()
            blocks(base, weeks[0])
            parquet(base, weeks[0])
            print()
            goodbye(base, weeks[0])


if __name__ == "__main__":
    main()
