"""Only sound bars pass the walls, in whatever order they come."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading.analysis.quality import INDEX_JUMP_FACTOR, check_bars, expected_windows
from trading.domain.gates import Gate
from trading.domain.market import ActionKind, Bar, BarFault, CorporateAction, Resolution, Session, TimeWindow
from trading.errors import InvariantBroken

ORACLE = Path(__file__).resolve().parents[4] / "shared" / "oracles" / "vendor_garbage.json"
OPENS_AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
SPANS = [TimeWindow(OPENS_AT + HALF_HOUR * i, OPENS_AT + HALF_HOUR * (i + 1)) for i in range(13)]
CUTOFF_AT = SPANS[-1].ends_at


def bar_at(number: int, *, close: float = 100.0, known_after: timedelta = timedelta(0)) -> Bar:
    span = SPANS[number]
    return Bar(
        "AAPL", Resolution.HALF_HOUR, span.starts_at, span.ends_at,
        close, close * 1.001, close * 0.999, close, 1000.0, "TEST", span.ends_at + known_after,
    )  # fmt: skip


def checked(bars, *, previous=None, actions=(), expected=SPANS, **options):
    return check_bars(bars, previous=previous, actions=actions, cutoff_at=CUTOFF_AT, expected=expected, **options)


def split_on(ex_on: date, ratio: float) -> CorporateAction:
    return CorporateAction("AAPL", ActionKind.SPLIT, ex_on, ratio, "TEST", datetime(2026, 1, 1, tzinfo=UTC))


def garbage_cases():
    if not ORACLE.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared/oracles is not beside this checkout"))]
    return [pytest.param(case, id=case["why"]) for case in json.loads(ORACLE.read_text())["bars"]]


@pytest.mark.shared
@pytest.mark.parametrize("case", garbage_cases())
def test_each_garbage_bar_of_a_vendor_gets_the_expected_verdict(case):
    values = [math.nan if isinstance(v, dict) else float(v) for v in (case["bar"][key] for key in "ohlcv")]
    starts_at = datetime.fromtimestamp(case["bar"]["t"] / 1000, UTC)
    ends_at = starts_at + timedelta(hours=1)
    bar = Bar("AAPL", Resolution.HOUR, starts_at, ends_at, *values, "TEST", ends_at)
    as_of = datetime(2026, 11, 20, 16, tzinfo=UTC)
    outcome = check_bars([bar], previous=(date(2026, 11, 19), 270.0), actions=(), cutoff_at=as_of, expected=None)
    assert bool(outcome.accepted) == (case["expect"] == "accept")
    assert bool(outcome.gates) == (case["expect"] == "quarantine")
    if case["expect"] == "quarantine":
        assert [fault for _, fault in outcome.rejected] == [BarFault.JUMP]
        assert set(outcome.gates) == {Gate.JUMP_WITHOUT_SPLIT}


BROKEN = {
    BarFault.NOT_A_NUMBER: {"close": math.nan},
    BarFault.NOT_POSITIVE: {"low": 0.0},
    BarFault.CROSSED: {"high": 1.0},
    BarFault.NEGATIVE_VOLUME: {"volume": -1.0},
    BarFault.OFF_THE_GRID: {"starts_at": OPENS_AT + timedelta(minutes=1)},
}


@settings(max_examples=60)
@given(data=st.data())
def test_nothing_broken_passes_and_the_order_of_arrival_does_not_matter(data):
    closes = data.draw(st.lists(st.floats(90, 110), min_size=13, max_size=13))
    present = data.draw(st.sets(st.integers(0, 12)))
    bars = [bar_at(n, close=closes[n]) for n in sorted(present)]
    spoiled = (
        data.draw(st.dictionaries(st.sampled_from(sorted(present)), st.sampled_from(list(BROKEN)))) if present else {}
    )
    bars = [
        replace(bar, **BROKEN[spoiled[n]]) if n in spoiled else bar
        for n, bar in zip(sorted(present), bars, strict=True)
    ]
    copies = data.draw(st.lists(st.sampled_from(bars), max_size=5)) if bars else []
    outcome = checked(data.draw(st.permutations(bars + copies)))

    sound = sorted(present - set(spoiled))
    assert [bar.starts_at for bar in outcome.accepted] == [SPANS[n].starts_at for n in sound]
    assert outcome.accepted == checked(bars).accepted
    assert set(outcome.missing) == {SPANS[n].starts_at for n in range(13) if n not in sound}
    assert {fault for _, fault in outcome.rejected} == set(spoiled.values())
    assert len(outcome.accepted) + len(outcome.rejected) + outcome.repeated_count == len(bars) + len(copies)


def test_a_revision_known_later_wins_and_the_older_one_is_filed():
    first, revised = bar_at(0), bar_at(0, close=100.5, known_after=timedelta(minutes=5))
    for order in ([first, revised], [revised, first]):
        outcome = checked(order)
        assert outcome.accepted == (revised,)
        assert outcome.rejected == ((first, BarFault.DUPLICATE),)


def test_a_bar_that_ends_after_the_cutoff_is_from_the_future():
    outcome = check_bars([bar_at(1)], previous=None, actions=(), cutoff_at=SPANS[0].ends_at, expected=SPANS)
    assert [fault for _, fault in outcome.rejected] == [BarFault.FROM_THE_FUTURE]


def test_a_split_explains_its_jump_and_an_absent_jump_does_not_fit_a_split():
    before = (date(2026, 11, 19), 400.0)
    split = split_on(date(2026, 11, 20), 4.0)
    assert not checked([bar_at(12)], previous=before, actions=[split]).gates
    assert set(checked([bar_at(12)], previous=before).gates) == {Gate.JUMP_WITHOUT_SPLIT}
    unmoved = checked([bar_at(12, close=400.0)], previous=before, actions=[split])
    assert [fault for _, fault in unmoved.rejected] == [BarFault.JUMP]


def test_one_spike_is_refused_and_the_bars_after_it_are_kept():
    outcome = checked([bar_at(0), bar_at(1, close=1000.0), bar_at(2)], expected=SPANS[:3])
    assert [bar.close for bar in outcome.accepted] == [100.0, 100.0]
    assert set(outcome.gates) == {Gate.BAD_PRINT}


def test_a_volatility_index_may_double_and_has_no_volume():
    quiet = replace(bar_at(11, close=17.0), volume=0.0)
    wild = replace(bar_at(12, close=37.0), volume=0.0)
    outcome = checked([quiet, wild], jump_factor=INDEX_JUMP_FACTOR, trades_shares=False)
    assert len(outcome.accepted) == 2
    assert not outcome.gates


def test_a_newest_bar_that_is_missing_or_shows_no_trade_closes_a_gate_and_an_empty_reply_another():
    assert set(checked([bar_at(11)]).gates) == {Gate.BARS_MISSING}
    assert set(checked([bar_at(11), replace(bar_at(12), volume=0.0)]).gates) == {Gate.HALTED}
    assert set(checked([]).gates) == {Gate.EMPTY_SESSION}
    assert not checked([], expected=[]).gates, "a holiday"
    assert not checked([bar_at(11)], due=SPANS[:12]).gates, "not due yet"


def test_a_half_day_is_expected_to_have_seven_half_hours_and_four_hours():
    half_day = Session(date(2026, 11, 27), OPENS_AT, OPENS_AT + timedelta(hours=3, minutes=30))
    spans = {r: expected_windows([half_day], r, through=half_day.closes_at) for r in Resolution}
    assert [len(spans[r]) for r in (Resolution.HALF_HOUR, Resolution.HOUR, Resolution.DAY)] == [7, 4, 1]
    assert expected_windows([half_day], Resolution.DAY, through=OPENS_AT + timedelta(hours=1)) == []


def test_bars_of_two_symbols_are_a_fault_of_the_caller():
    with pytest.raises(InvariantBroken):
        checked([bar_at(0), replace(bar_at(1), symbol="MSFT")])
