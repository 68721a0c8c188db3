"""A throw-away Postgres, and what a piece of work costs on both sides of the connection."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from programs import cpu_of, postgres_family
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store.connection import connect

YEAR = 10_000 * 390 * 252
"""Minutes of 10,000 symbols in a year, had every one a trade in every minute."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took: seconds, CPU seconds here and of the server, and bytes of write-ahead log."""

    wall: float
    client: float
    server: float
    wal: int

    @property
    def cpu(self) -> float:
        """CPU seconds on both sides."""
        return self.client + self.server


@dataclass(frozen=True)
class Database:
    """One database of the server whose files lie under `folder`."""

    url: str
    folder: Path

    def ask(self, question: str) -> Any:
        """Return the one value that a question has for an answer."""
        with closing(connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(question)
            (answer,) = cursor.fetchone() or (None,)
        return answer

    def cost(self, work: Callable[[], object]) -> Cost:
        """Do a piece of work and return what it took."""
        wal, server = self._wal(), self.server_cpu()
        client, wall = time.process_time(), time.perf_counter()
        work()
        wall, client = time.perf_counter() - wall, time.process_time() - client
        return Cost(wall, client, self.server_cpu() - server, self._wal() - wal)

    def copy_in(self, table: str, data: bytes, columns: Sequence[str]) -> None:
        """Append rows made by `copy_bytes`."""
        with closing(connect(self.url)) as connection, connection, connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)", io.BytesIO(data))

    def copy_out(self, question: str) -> bytes:
        """Return the rows of a question in binary."""
        data = io.BytesIO()
        with closing(connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.copy_expert(f"COPY ({question}) TO STDOUT (FORMAT binary)", data, 1 << 20)
        return data.getvalue()

    def bytes_of(self, table: str) -> tuple[int, int]:
        """Return the bytes of a table, its partitions and what they store aside; and those of their indexes."""
        tree = f"SELECT relid FROM pg_partition_tree('{table}') UNION SELECT '{table}'::regclass"
        return (
            int(self.ask(f"SELECT sum(pg_table_size(relid)) FROM ({tree}) AS parts")),
            int(self.ask(f"SELECT sum(pg_indexes_size(relid)) FROM ({tree}) AS parts")),
        )

    def _wal(self) -> int:
        return int(self.ask("SELECT pg_current_wal_insert_lsn() - '0/0'"))

    def server_cpu(self) -> float:
        """Return the CPU seconds of the whole server so far, ended connections included."""
        return cpu_of(postgres_family(self.folder))


@contextmanager
def server() -> Iterator[Callable[[str], Database]]:
    """Run a Postgres of our own and yield what makes a migrated database on it."""
    with tempfile.TemporaryDirectory(prefix="airdesk-benchmark-") as folder:
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")

        def made(name: str) -> Database:
            url = postgres.ensure_database(name)
            migrate(url)
            return Database(url, Path(folder))

        try:
            postgres.start()
            yield made
        finally:
            postgres.stop()


def mean(costs: Sequence[Cost]) -> Cost:
    """Return the means; a server's CPU is counted in hundredths of a second, so that one short piece says nothing."""
    return Cost(
        fmean(c.wall for c in costs),
        fmean(c.client for c in costs),
        fmean(c.server for c in costs),
        sum(c.wal for c in costs) // len(costs),
    )


def written(what: str, cost: Cost, count: int) -> None:
    """Print what a write took."""
    print(
        f"{what:<40}{1000 * cost.wall:>9.0f} ms{count / cost.wall:>11,.0f} bars/s, CPU µs a bar "
        f"{1e6 * cost.client / count:>6.2f} here {1e6 * cost.server / count:>6.2f} server, log "
        f"{cost.wal / count:>6.0f} B a bar",
        flush=True,
    )


def stored(what: str, base: Database, table: str, count: int) -> None:
    """Print how many bytes a bar of a table has."""
    heap, index = base.bytes_of(table)
    sized(what, heap / count, index / count)


def sized(what: str, rows: float, keys: float) -> None:
    """Print how many bytes a bar has."""
    total = rows + keys
    print(f"{what:<40}{rows:>9.1f} +{keys:>6.1f} of keys ={total:>6.1f} B a bar{total * YEAR / 1e9:>7.0f} GB a year")


def reading(what: str, base: Database, work: Callable[[], object], count: int) -> None:
    """Do a read once to warm up, five times to measure, and print the means."""
    work()
    cost = mean([base.cost(work) for _ in range(5)])
    print(
        f"{what:<40}{1000 * cost.wall:>9.0f} ms, CPU ms {1000 * cost.client:>6.0f} here "
        f"{1000 * cost.server:>6.0f} server"
        f"{count / cost.wall:>13,.0f} minutes/s",
        flush=True,
    )
