"""Bars as bytes: what goes in by binary COPY comes out the same, once, and with its evidence."""

from __future__ import annotations

import math
import shutil
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trading.adapters.migrations import MIGRATIONS_DIR, migrate
from trading.adapters.postgres_store.connection import connect
from trading.domain.market import MAX_PRICE, Bar, BarFault, Resolution
from trading.domain.series import ARRAYS
from trading.errors import InvariantBroken
from trading.ports import IngestCounts

from tests.builders import AS_OF, a_bar, an_origin, series_of

FAR = datetime(2200, 1, 1, tzinfo=UTC)
SMALLEST = 5e-324
DURABLE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

prices = st.floats(min_value=SMALLEST, max_value=MAX_PRICE, exclude_max=True)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
names = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=9
)


@st.composite
def sound_bars(draw) -> Bar:
    low, opened, close, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    starts_at = draw(instants)
    ends_at = starts_at + timedelta(microseconds=draw(st.integers(1, 10**9)))
    return Bar(
        draw(names), draw(st.sampled_from(Resolution)), starts_at, ends_at, opened, high, low, close,
        draw(st.floats(min_value=0, max_value=1e18, exclude_max=True)), "ignored",
        ends_at + timedelta(microseconds=draw(st.integers(0, 10**9))),
    )  # fmt: skip


def add(store, *bars, rejected=(), **origin) -> IngestCounts:
    with store.transaction() as tx:
        return tx.market.add_bars(bars, an_origin(**origin), rejected)


def rows(url: str, question: str) -> list[tuple]:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return [tuple(row) for row in cursor.fetchall()]


def empty(url: str) -> None:
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE market.bars, staging.bars")


@DURABLE
@given(bars=st.lists(sound_bars(), max_size=12), source=names)
def test_what_was_put_in_is_what_comes_out_and_twice_is_once(store, database_url, bars, source) -> None:
    empty(database_url)
    bars = list({(b.symbol, b.resolution, b.starts_at): replace(b, source=source) for b in bars}.values())
    assert add(store, *bars, source=source) == IngestCounts(received=len(bars), stored=len(bars))
    assert add(store, *bars, source=source) == IngestCounts(received=len(bars), unchanged=len(bars))
    with store.transaction() as tx:
        found = tx.market.bars([b.symbol for b in bars], list(Resolution), as_of=FAR, cutoff_at=FAR)
    assert set(found) == {(b.symbol, b.resolution) for b in bars}
    for (symbol, resolution), series in found.items():
        expected = series_of(symbol, resolution, (b for b in bars if (b.symbol, b.resolution) == (symbol, resolution)))
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(series, name), getattr(expected, name))
    assert {row[0] for row in rows(database_url, "SELECT source FROM market.bars")} == {b.source for b in bars}


@DURABLE
@given(
    numbers=st.lists(st.none() | st.floats(), min_size=5, max_size=5),
    starts_at=instants,
    fault=st.sampled_from(BarFault),
)
def test_a_refused_bar_is_filed_as_it_came(store, database_url, numbers, starts_at, fault) -> None:
    empty(database_url)
    said = dict(zip(("open", "high", "low", "close", "volume"), numbers, strict=True))
    add(store, rejected=[(replace(a_bar(starts_at=starts_at), **said), fault)])
    ((*filed, at, word),) = rows(
        database_url, "SELECT open, high, low, close, volume, starts_at, rejected FROM staging.bars"
    )
    assert list(map(repr, filed)) == list(map(repr, numbers))
    assert (at, word) == (starts_at, fault)
    assert rows(database_url, "SELECT count(*) FROM market.bars") == [(0,)]


@pytest.mark.parametrize("first", [100.0, 101.0])
def test_the_last_word_counts_in_a_first_delivery_of_any_order_and_length(store, first) -> None:
    starts = [AS_OF - timedelta(minutes=30 * n) for n in range(1, 9001)]
    half = {"resolution": Resolution.HALF_HOUR}
    said_first = [a_bar(starts_at=at, close=first, **half) for at in starts]
    said_last = [a_bar(starts_at=at, close=100.5, **half) for at in reversed(starts)]
    counts = add(store, *said_first, *said_last)
    assert counts == IngestCounts(received=18000, stored=9000, unchanged=9000)
    with store.transaction() as tx:
        (series,) = tx.market.bars(["NVDA"], [Resolution.HALF_HOUR], as_of=AS_OF, cutoff_at=AS_OF).values()
    assert len(series) == 9000
    assert set(series.close.tolist()) == {100.5}


def test_a_delivery_waits_for_the_same_one_under_way_and_finds_it_stored(store) -> None:
    counts: list[IngestCounts] = []
    second = threading.Thread(target=lambda: counts.append(add(store, a_bar())))
    with store.transaction() as tx:
        tx.market.add_bars([a_bar()], an_origin())
        second.start()
    second.join()
    assert counts == [IngestCounts(received=1, unchanged=1)]


@pytest.mark.parametrize(
    "said", [{"close": None}, {"volume": "many"}, {"known_at": AS_OF.replace(tzinfo=None)}], ids=str
)
def test_a_bar_taken_for_sound_that_holds_no_value_stores_nothing(store, database_url, said) -> None:
    with pytest.raises(InvariantBroken, match="correct its producer"):
        add(store, a_bar(symbol="GLD"), replace(a_bar(), **said))
    assert rows(database_url, "SELECT count(*) FROM staging.bars") == [(0,)]


def test_equal_replies_have_equal_digests_whenever_they_came(store, database_url) -> None:
    for bar, day in ((a_bar(), 1), (a_bar(), 2), (a_bar(close=100.1), 3)):
        add(
            store,
            bar,
            rejected=[(a_bar(close=math.nan), BarFault.NOT_A_NUMBER)],
            fetched_at=AS_OF + timedelta(days=day),
        )
    first, again, other = rows(database_url, "SELECT sha256 FROM staging.responses ORDER BY response_id")
    assert first == again != other


def test_the_evidence_of_a_year_can_be_dropped_and_what_was_believed_stays(store, database_url) -> None:
    add(store, a_bar(), fetched_at=datetime(2020, 12, 31, 23, 59, tzinfo=UTC))
    add(store, a_bar(symbol="GLD"), fetched_at=datetime(2021, 1, 1, tzinfo=UTC))
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE staging.bars_2020")
    assert rows(database_url, "SELECT symbol FROM staging.bars") == [("GLD",)]
    assert rows(database_url, "SELECT symbol FROM market.bars ORDER BY 1") == [("GLD",), ("NVDA",)]
    assert add(store, a_bar()) == IngestCounts(received=1, unchanged=1)


def test_evidence_from_before_the_partitions_moves_into_them(pg_server, tmp_path: Path) -> None:
    url = pg_server.url_for("evidence_moves")
    old = Path(shutil.copytree(MIGRATIONS_DIR, tmp_path / "migrations"))
    for path in old.glob("*.sql"):
        if path.stem >= "0014":
            path.unlink()
    migrate(url, directory=old)
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        for year in (2019, 2024):
            cursor.execute(
                "INSERT INTO staging.responses (source, request, fetched_at, sha256, run_id)"
                " VALUES ('T', 'r', make_timestamptz(%s, 12, 31, 23, 0, 0, 'UTC'), 'x', 'y') RETURNING response_id",
                (year,),
            )
            cursor.execute(
                "INSERT INTO staging.bars VALUES (%s, 'A', '1d', %s, %s, 'NaN', 2, 1, NULL, 0, %s, 'crossed')",
                (*cursor.fetchone(), AS_OF - timedelta(hours=1), AS_OF, AS_OF),
            )
    migrate(url)
    question = "SELECT tableoid::regclass::text, open::text, close, rejected, known_at FROM staging.bars ORDER BY 1"
    filed = ("NaN", None, "crossed", AS_OF)
    assert rows(url, question) == [("staging.bars_2019", *filed), ("staging.bars_2024", *filed)]
