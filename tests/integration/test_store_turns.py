"""Deliveries of the same bars: whose word counts from when, and who waits for whom."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from trading.adapters.postgres_store.connection import connect
from trading.domain.market import Bar, Resolution
from trading.errors import TransientError
from trading.ports import IngestCounts, Provenance
from trading.tasks.import_data import import_bars

END = datetime(2026, 11, 19, 15, tzinfo=UTC)
QUARTER_HOUR = timedelta(minutes=15)
OTHER_YEARS = timedelta(days=3 * 366)


def a_half_hour(symbol: str = "NVDA", *, close: float = 100.0, source: str = "ibkr", ends_at: datetime = END) -> Bar:
    starts_at = ends_at - timedelta(minutes=30)
    return Bar(symbol, Resolution.HALF_HOUR, starts_at, ends_at, 100.0, 105.0, 95.0, close, 9.0, source, ends_at)


def from_(source: str, fetched_at: datetime = END + timedelta(minutes=2)) -> Provenance:
    return Provenance(source, "a request", fetched_at, "a run")


def add(store, *bars: Bar, fetched_at: datetime = END + timedelta(minutes=2)) -> IngestCounts:
    with store.transaction() as tx:
        return tx.market.add_bars(bars, from_(bars[0].source, fetched_at))


def closes(store, cutoff_at: datetime, **options) -> list[float]:
    with store.transaction() as tx:
        found = tx.market.bars(["NVDA"], [Resolution.HALF_HOUR], as_of=cutoff_at, cutoff_at=cutoff_at, **options)
    return [close for series in found.values() for close in series.close.tolist()]


def test_a_second_vendor_that_is_asked_days_later_changes_no_hour_before(store) -> None:
    add(store, a_half_hour())
    asked_at = END + timedelta(days=8)
    late = replace(a_half_hour(close=101.0, source="polygon"), known_at=END + QUARTER_HOUR)
    assert add(store, late, fetched_at=asked_at) == IngestCounts(received=1, revised=1)
    an_hour_on = END + timedelta(hours=1)
    assert closes(store, an_hour_on) == closes(store, an_hour_on, revised_by=an_hour_on) == [100.0]
    assert closes(store, asked_at - timedelta(seconds=1)) == [100.0]
    assert closes(store, asked_at) == [101.0]


def test_a_first_load_counts_from_its_own_instant_however_late_it_came(store) -> None:
    add(store, a_half_hour(), fetched_at=END + timedelta(days=900))
    assert closes(store, END) == [100.0]


def _symbols_by_lock(url: str) -> list[str]:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT s FROM unnest(ARRAY['NVDA', 'AMD', 'GLD', 'SLV']) AS s ORDER BY hashtext(s) & 1023")
        return [row[0] for row in cursor.fetchall()]


def test_an_hour_is_stored_while_an_import_of_the_same_symbols_is_under_way(store, database_url) -> None:
    first, *_, last = _symbols_by_lock(database_url)
    seen: list[object] = []

    def deliveries():
        # In the opposite order of the locks, with the hour in between: this was a deadlock.
        yield [a_half_hour(last, source="csv", ends_at=END - OTHER_YEARS)]
        hour = threading.Thread(target=lambda: seen.append(add(store, a_half_hour(first), a_half_hour(last))))
        hour.start()
        hour.join(timeout=8)
        seen.append(hour.is_alive())
        seen.append(closes(store, END - OTHER_YEARS))
        yield [a_half_hour(first, source="csv", ends_at=END - OTHER_YEARS)]

    assert import_bars(store, deliveries(), from_("csv")) == IngestCounts(received=2, stored=2)
    # The hour was stored, and read, before the import ended; the import's new year shut nobody out.
    assert seen == [IngestCounts(received=2, stored=2), False, []]
    assert add(store, a_half_hour(first), a_half_hour(last)) == IngestCounts(received=2, unchanged=2)


def test_an_hour_whose_very_bar_an_import_holds_is_told_to_try_again(store, monkeypatch) -> None:
    monkeypatch.setattr("trading.adapters.postgres_store.market.WAIT_MILLISECONDS", 50)

    def deliveries():
        yield [a_half_hour(source="csv")]
        with pytest.raises(TransientError, match="nothing was stored, try again"):
            add(store, a_half_hour(close=101.0))

    assert import_bars(store, deliveries(), from_("csv")).stored == 1
    assert add(store, a_half_hour()) == IngestCounts(received=1, unchanged=1)


def test_an_import_finds_what_an_hour_stored_before_it_came_to_that_bar(store) -> None:
    def deliveries():
        yield [a_half_hour("AMD", source="csv")]
        add(store, a_half_hour())
        yield [a_half_hour(source="csv")]

    assert import_bars(store, deliveries(), from_("csv")) == IngestCounts(received=2, stored=1, unchanged=1)


def test_two_imports_of_the_same_symbols_in_opposite_order_take_turns(store) -> None:
    counts: list[IngestCounts] = []
    bars = [a_half_hour("AMD", source="csv"), a_half_hour(source="csv")]
    second = threading.Thread(target=lambda: counts.append(import_bars(store, [bars[1:], bars[:1]], from_("csv"))))

    def deliveries():
        yield bars[:1]
        second.start()
        yield bars[1:]

    assert import_bars(store, deliveries(), from_("csv")).stored == 2
    second.join()
    assert counts == [IngestCounts(received=2, unchanged=2)]
