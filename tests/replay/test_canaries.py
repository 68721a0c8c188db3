"""Planted leaks: the check against looking ahead catches each of them and passes the honest reader."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.poison import honest, leaks
from tests.replay.canaries import CANARIES
from tests.replay.leak_world import awkward, timeline, world

# Within a session, a split's eve, a late split's limbo, after a month's end, the hour after a release, a gap.
INSTANTS = [
    datetime(2024, 7, 9, 15, 30, tzinfo=UTC),
    datetime(2024, 7, 11, 15, 40, tzinfo=UTC),
    datetime(2024, 7, 17, 17, 0, tzinfo=UTC),
    datetime(2024, 7, 24, 16, 30, tzinfo=UTC),
    datetime(2024, 8, 1, 14, 30, tzinfo=UTC),
    datetime(2024, 8, 13, 14, 30, tzinfo=UTC),
]


@pytest.fixture(scope="module")
def facts():
    return awkward(world())


@pytest.mark.parametrize("name", CANARIES)
def test_a_planted_leak_is_caught(facts, name):
    leak = next(leaks(CANARIES[name], facts, timeline(), INSTANTS), None)
    assert leak is not None, f"{name} goes unseen"
    assert leak.as_of <= leak.at


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a bar that ends after the decision", "bars of 30m"),
        ("tomorrow's close", "bars of 1d"),
        ("a revised vintage of the CPI", "macro"),
        ("a filing at the end of its period", "filings"),
        ("a split before it was known", "splits"),
        ("news by its date", "news"),
        ("dividends of the future", "dividends"),
    ],
)
def test_poison_of_one_kind_tells_where_the_leak_is(facts, name, kind):
    assert next(leaks(CANARIES[name], facts, timeline(), INSTANTS, kinds=[kind]), None) is not None
    others = {"bars of 1d", "macro", "filings", "news"} - {kind}
    assert list(leaks(CANARIES[name], facts, timeline(), INSTANTS[3:4], kinds=others)) == []


def test_the_honest_reader_passes_at_the_same_instants(facts):
    assert list(leaks(honest, facts, timeline(), INSTANTS)) == []
