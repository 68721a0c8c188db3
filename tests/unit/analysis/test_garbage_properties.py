"""Whatever a source sends: no exception, and nothing stored that is no bar."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from trading.analysis.quality import check_bars
from trading.domain.market import MAX_PRICE, Bar, Resolution, TimeWindow

OPENS_AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
SPANS = [TimeWindow(OPENS_AT + HALF_HOUR * n, OPENS_AT + HALF_HOUR * (n + 1)) for n in range(6)]

anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(90, 110),
    st.sampled_from([0, -1, 10**400, True, None, "100", 1e7, 1e-300, 100.0]),
)


@st.composite
def garbage(draw):
    n = draw(st.integers(-1, 7))
    starts_at = OPENS_AT + HALF_HOUR * n + timedelta(minutes=draw(st.sampled_from([0, 0, 0, 7])))
    ends_at = starts_at + timedelta(minutes=draw(st.sampled_from([30, 30, 30, 0, -30, 60])))
    known_at = ends_at + timedelta(minutes=draw(st.sampled_from([0, 0, 15, -10, 600])))
    values = [draw(anything) for _ in range(5)]
    if draw(st.booleans()):
        close = draw(st.floats(50, 200))
        values = [close, close * 1.01, close * draw(st.sampled_from([0.99, 0.99, 0.1])), close, 10.0]
    return Bar("AAPL", Resolution.HALF_HOUR, starts_at, ends_at, *values, "TEST", known_at)


@settings(max_examples=300)
@given(bars=st.lists(garbage(), max_size=12), has_grid=st.booleans())
def test_garbage_never_raises_and_never_becomes_a_bar(bars, has_grid):
    outcome = check_bars(
        bars, previous=None, actions=(), cutoff_at=SPANS[-1].ends_at, expected=SPANS if has_grid else None
    )
    for bar in outcome.accepted:
        prices = (bar.open, bar.high, bar.low, bar.close)
        assert all(math.isfinite(p) and 0 < p < MAX_PRICE for p in prices)
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert 0 <= bar.volume < 1e18
        assert bar.starts_at < bar.ends_at <= bar.known_at <= SPANS[-1].ends_at
    starts = [bar.starts_at for bar in outcome.accepted]
    assert starts == sorted(set(starts))
    assert len(outcome.accepted) + len(outcome.rejected) + outcome.repeated_count == len(bars)
