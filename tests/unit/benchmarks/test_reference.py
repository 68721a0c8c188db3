"""The arbiter of the differential test, on bars that a person can follow."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest
import talib

from tests.architecture.sources import ROOT

sys.path.append(str(ROOT / "benchmarks" / "peers"))
common = pytest.importorskip("common")
bars = pytest.importorskip("bars")
ref = pytest.importorskip("ref")
programs = pytest.importorskip("programs")


def a_market(closes: list[float]) -> object:
    """One symbol whose bars open at the close before."""
    close = np.array(closes)[:, None]
    opened = np.vstack([close[:1], close[:-1]])
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return common.Bars(np.arange(len(closes)).astype("datetime64[h]"), ("AAA",), opened, high, low, close)


def zigzag(bar: int) -> float:
    """A rise that breathes: RSI stays under 70."""
    return 100.0 + bar * 0.05 + (0.4 if bar % 2 else 0.0)


def traded(closes: list[float]) -> list[tuple[int, str, str, int, float]]:
    return ref.run(a_market(closes)).fills


def test_the_first_bar_with_a_slow_average_decides_and_the_next_open_fills():
    (bar, symbol, side, shares, price), *rest = traded([zigzag(b) for b in range(260)])
    assert (bar, symbol, side, rest) == (200, "AAA", "BUY", [])
    assert price == pytest.approx(zigzag(199) * 1.0005)
    assert shares == int(8_000 / zigzag(199))


@pytest.mark.parametrize(
    ("moves", "why"),
    [([-3.0] * 6, "12 % under the peak"), ([-1.0, 9.0, 9.0, 9.0], "overbought, or a quarter above")],
)
def test_a_position_is_left_at_the_open_after_the_close_that_says_so(moves, why):
    closes = [zigzag(b) for b in range(205)]
    for move in moves:
        closes.append(closes[-1] + move)
    closes += [closes[-1]] * 2
    assert [fill[2] for fill in traded(closes)][:2] == ["BUY", "SELL"], why


def test_the_indicators_are_those_of_ta_lib():
    column = bars.generated(1, 0.3).close[:, 0]
    assert ref.sma(column.tolist(), 50)[49:] == pytest.approx(talib.SMA(column, 50)[49:])
    assert ref.wilder_rsi(column.tolist(), 14)[14:] == pytest.approx(talib.RSI(column, 14)[14:])


def test_bars_are_sound_repeatable_and_open_on_ticks_that_slip_within_four_decimals():
    made, again = bars.generated(4, 0.5), bars.generated(4, 0.5)
    assert np.array_equal(made.close, again.close)
    assert (made.high >= np.maximum(made.open, made.close)).all()
    assert (made.low <= np.minimum(made.open, made.close)).all()
    assert np.allclose(np.round(made.open * 1.0005, 4), made.open * 1.0005, atol=1e-9)
    assert all(later > earlier for earlier, later in pairwise(made.times.tolist()))


def test_a_program_that_trades_otherwise_is_told_by_its_first_fill():
    one = {"program": "one", "fills": [[1, "AAA", "BUY", 5, 100.0]], "final_equity_usd": 1.0}
    assert programs.difference(one, one) is None
    other = one | {"program": "other", "fills": [[1, "AAA", "BUY", 6, 100.0]]}
    assert "fill 0" in programs.difference(one, other)
    assert "fill 0" in programs.difference(one, other | {"fills": []})
    assert "equity" in programs.difference(one, one | {"final_equity_usd": 2.0})
