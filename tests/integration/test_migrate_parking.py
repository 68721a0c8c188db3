"""What was parked before gates had names keeps holding its symbol until the next ingest."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import timedelta

from trading.adapters.migrations import MIGRATIONS_DIR, migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.domain.gates import Gate
from trading.domain.market import Resolution
from trading.ports import Services, Sources
from trading.tasks.ingest import ingest_prices
from trading.tasks.ingest_bars import FIRST_LOOK_BACK

from tests.fakes import FixedClock
from tests.gate_desk import BOOK, CALENDAR, GateDesk, slot_at, spec_of

HOUR = "2026-11-17 10:30"


def migrated_store(pg_server, tmp_path, name: str) -> PostgresStore:
    """A database in which NVDA was parked before the migration, and GLD released."""
    older = shutil.copytree(MIGRATIONS_DIR, tmp_path / "migrations")
    for path in older.glob("*.sql"):
        if path.name >= "0020":
            path.unlink()
    url = pg_server.url_for(name)
    migrate(url, directory=older)
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO market.parked (symbol, happened_at, is_parked, reason) VALUES "
            "('NVDA', now(), true, 'bars: jump'), ('GLD', now(), true, 'bars: halted'), ('GLD', now(), false, 'sound')"
        )
    migrate(url)
    return PostgresStore(url)


def held(store):
    with store.transaction() as tx:
        return {symbol: {p.gate for p in gates} for symbol, gates in tx.market.parked().items()}


def test_the_next_ingest_looks_at_a_row_of_old_anew(pg_server, tmp_path, monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=5))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=2))
    store = migrated_store(pg_server, tmp_path, "parked_with_sources")
    assert held(store) == {"NVDA": {Gate.LEGACY}}
    GateDesk(store).hour(HOUR)
    assert held(store) == {}


def test_a_desk_on_stored_rows_releases_it_too(pg_server, tmp_path):
    store = migrated_store(pg_server, tmp_path, "parked_without_sources")
    slot = slot_at(HOUR)
    services = Services(store, CALENDAR, FixedClock(slot.as_of), Sources(), broker=None)
    ingest_prices(services, spec_of("NVDA", "GLD"), BOOK, slot)
    assert held(store) == {}
