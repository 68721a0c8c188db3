"""Market facts: ingested twice they are unchanged, revised they are known from the revision on."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from trading.adapters.postgres_store.connection import connect
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC, ActionKind, BarFault, Resolution
from trading.errors import InvariantBroken
from trading.ports import IngestCounts

from tests.builders import AS_OF, BOOK, a_bar, a_filing, a_macro_point, a_news_item, an_action, an_origin, series_of

HOUR = timedelta(hours=1)


def add(store, *bars, rejected=(), **origin) -> IngestCounts:
    with store.transaction() as tx:
        return tx.market.add_bars(bars, an_origin(**origin), rejected)


def read(store, *, as_of=AS_OF, cutoff_at=AS_OF, **options):
    with store.transaction() as tx:
        return tx.market.bars(["NVDA", "GLD"], list(Resolution), as_of=as_of, cutoff_at=cutoff_at, **options)


def closes(store, **options) -> list[float]:
    series = read(store, **options).get(("NVDA", Resolution.HOUR))
    return [] if series is None else series.close.tolist()


def rows(url: str, question: str) -> list[tuple]:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return [tuple(row) for row in cursor.fetchall()]


def test_the_same_delivery_twice_changes_nothing(store, database_url) -> None:
    bars = [a_bar(starts_at=AS_OF - n * HOUR, close=100 + n / 10) for n in (1, 2, 3)]
    assert add(store, *bars) == IngestCounts(received=3, stored=3)
    assert add(store, *bars) == IngestCounts(received=3, unchanged=3)
    assert rows(database_url, "SELECT count(*) FROM market.bars") == [(3,)]
    assert rows(database_url, "SELECT count(*) FROM staging.bars") == [(6,)]


def test_equal_keys_within_one_delivery_collapse(store) -> None:
    assert add(store, a_bar(), a_bar()) == IngestCounts(received=2, stored=1, unchanged=1)


def test_a_revision_is_read_only_by_cutoffs_that_could_know_it(store) -> None:
    later = AS_OF + timedelta(days=1)
    add(store, a_bar(close=101.0))
    assert add(store, a_bar(close=100.5, known_at=later)) == IngestCounts(received=1, revised=1)
    assert closes(store) == [101.0]
    assert closes(store, cutoff_at=later - timedelta(seconds=1)) == [101.0]
    assert closes(store, cutoff_at=later) == [100.5]


def test_a_revision_that_repeats_the_old_instant_counts_from_its_fetch(store) -> None:
    fetched_at = AS_OF + timedelta(days=2)
    add(store, a_bar(close=101.0))
    add(store, a_bar(close=100.5), fetched_at=fetched_at)
    assert closes(store, cutoff_at=fetched_at - timedelta(seconds=1)) == [101.0]
    assert closes(store, cutoff_at=fetched_at) == [100.5]


def test_a_value_that_returns_is_one_more_revision(store) -> None:
    for day, close in enumerate((101.0, 100.5, 101.0)):
        add(store, a_bar(close=close, known_at=AS_OF + timedelta(days=day)))
    assert closes(store, cutoff_at=AS_OF + timedelta(days=1)) == [100.5]
    assert closes(store, cutoff_at=AS_OF + timedelta(days=2)) == [101.0]


def test_what_ends_or_is_known_later_is_not_there(store) -> None:
    add(store, a_bar(), a_bar(starts_at=AS_OF), a_bar(starts_at=AS_OF - 2 * HOUR, known_at=AS_OF + HOUR))
    assert len(closes(store)) == 1
    assert len(closes(store, as_of=AS_OF + HOUR, cutoff_at=AS_OF + HOUR)) == 3


def test_bars_come_back_exactly_as_columns(store) -> None:
    bars = [a_bar(starts_at=AS_OF - n * HOUR, close=100 + n / 7, volume=n * 1e9) for n in (3, 1, 2)]
    gold = [a_bar(symbol="GLD", resolution=Resolution.DAY, starts_at=AS_OF - timedelta(days=n)) for n in (400, 1)]
    add(store, *bars, *gold)
    found = read(store)
    assert set(found) == {("NVDA", Resolution.HOUR), ("GLD", Resolution.DAY)}
    for (symbol, resolution), expected in zip(found, (bars, gold), strict=True):
        series = series_of(symbol, resolution, expected)
        for name in ("starts_at", "ends_at", "known_at", "open", "high", "low", "close", "volume"):
            np.testing.assert_array_equal(getattr(found[symbol, resolution], name), getattr(series, name))
    assert len(read(store, since=AS_OF - timedelta(days=2))["GLD", Resolution.DAY]) == 1


def test_refused_bars_are_kept_with_their_fault_and_never_read(store, database_url) -> None:
    refused = [
        (a_bar(close=math.nan), BarFault.NOT_A_NUMBER),
        (a_bar(close=None), BarFault.NOT_A_NUMBER),
        (a_bar(open=math.inf), BarFault.NOT_A_NUMBER),
        (a_bar(high=1.0), BarFault.CROSSED),
    ]
    assert add(store, rejected=refused) == IngestCounts(received=4, rejected=4)
    assert read(store) == {}
    words = rows(database_url, "SELECT rejected, count(*) FROM staging.bars GROUP BY 1 ORDER BY 1")
    assert words == [("crossed", 1), ("not_a_number", 3)]


@pytest.mark.parametrize(
    "fault",
    [
        {"close": math.nan},
        {"high": math.inf},
        {"low": 0.0},
        {"low": -1.0},
        {"high": 98.0},
        {"low": 101.5},
        {"volume": -1.0},
        {"volume": math.nan},
        {"volume": math.inf},
        {"ends_at": AS_OF - 2 * HOUR},
        {"known_at": AS_OF - HOUR},
    ],
    ids=str,
)
def test_a_bad_bar_that_slipped_through_meets_a_wall(store, fault) -> None:
    with pytest.raises(InvariantBroken, match="correct its producer"):
        add(store, replace(a_bar(), **fault))
    assert closes(store, as_of=AS_OF + HOUR, cutoff_at=AS_OF + HOUR) == []


def test_the_newest_start_is_known_per_symbol(store) -> None:
    add(store, a_bar(), a_bar(starts_at=AS_OF - 3 * HOUR), a_bar(symbol="GLD", starts_at=AS_OF - 2 * HOUR))
    with store.transaction() as tx:
        assert tx.market.last_bar_starts_at(Resolution.HOUR) == {"NVDA": AS_OF - HOUR, "GLD": AS_OF - 2 * HOUR}
        assert tx.market.last_bar_starts_at(Resolution.DAY) == {}


def test_a_story_stays_as_first_seen_and_hostile_text_is_data(store) -> None:
    title = 'Tab\t"quote" \\N {a,b} \n; DROP TABLE market.news; --\x00 é🚀'
    first = a_news_item(title=title, symbols=('A"B', "C,D", "NVDA"), url=None)
    with store.transaction() as tx:
        assert tx.market.add_news([first], an_origin()) == IngestCounts(received=1, stored=1)
        assert tx.market.add_news([replace(first, title="other")], an_origin()) == IngestCounts(1, unchanged=1)
        assert tx.market.news(since=AS_OF, cutoff_at=AS_OF) == (replace(first, title=title.replace("\x00", "")),)
        assert tx.market.news(since=AS_OF, cutoff_at=AS_OF - HOUR) == ()
        assert tx.market.news(since=AS_OF + HOUR, cutoff_at=AS_OF + HOUR) == ()


def test_filings_macro_and_actions_come_back_and_repeat_nothing(store) -> None:
    filings = [
        a_filing(quarters=3, filed_on=date(2019, 5, 15)),
        a_filing(quarters=4, eps_diluted=None, revenue_usd=None),
    ]
    months = [a_macro_point()]
    actions = [an_action(), an_action(kind=ActionKind.DIVIDEND, value=0.16)]
    for expected in (IngestCounts(2, stored=2), IngestCounts(2, unchanged=2)):
        with store.transaction() as tx:
            assert tx.market.add_filings(filings, an_origin()) == expected
            assert tx.market.add_actions(actions, an_origin()) == expected
            tx.market.add_macro(months, an_origin())
    with store.transaction() as tx:
        assert tx.market.filings(cutoff_at=AS_OF) == tuple(filings)
        assert tx.market.macro(cutoff_at=AS_OF) == tuple(months)
        assert set(tx.market.actions(cutoff_at=AS_OF)) == set(actions)
        assert tx.market.filings(cutoff_at=datetime(2019, 5, 1, tzinfo=UTC)) == ()


def test_a_month_reads_as_first_published(store) -> None:
    point = a_macro_point()
    vintage = replace(point, value=255.9, known_at=point.known_at + timedelta(days=30))
    with store.transaction() as tx:
        tx.market.add_macro([vintage, point], an_origin())
        assert tx.market.macro(cutoff_at=vintage.known_at) == (point,)


def test_synthetic_rows_and_real_books_never_meet(store) -> None:
    paper = BookId(BookKind.PAPER, "DU1")
    terms = {"strategy": "s", "spec_hash": "h", "opened_at": AS_OF, "cash_usd": 1}
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, **terms)
    add(store, a_bar(source=SYNTHETIC), source=SYNTHETIC)
    with store.transaction() as tx:
        assert tx.market.has_source(SYNTHETIC)
    with pytest.raises(InvariantBroken, match="SYNTHETIC"), store.transaction() as tx:
        tx.ledger.open_book(paper, **terms)


def test_a_database_with_a_paper_book_refuses_synthetic_rows(store) -> None:
    with store.transaction() as tx:
        tx.ledger.open_book(BookId(BookKind.PAPER, "DU1"), strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=1)
    with pytest.raises(InvariantBroken, match="SYNTHETIC"):
        add(store, a_bar(source=SYNTHETIC), source=SYNTHETIC)
    with pytest.raises(InvariantBroken, match="SYNTHETIC"):
        add(store, a_bar(source=SYNTHETIC))
    with pytest.raises(InvariantBroken, match="SYNTHETIC"), store.transaction() as tx:
        tx.market.add_news([a_news_item(source=SYNTHETIC)], an_origin(source=SYNTHETIC))
