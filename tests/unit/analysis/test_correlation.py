from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from trading.analysis.correlation import correlations
from trading.analysis.facts import Facts
from trading.domain.market import Resolution

from tests.unit.analysis.worlds import daily_series

ON = date(2024, 6, 12)
SESSIONS = 60


def walks(seed: int = 1) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    common, own = draw.normal(0, 0.01, SESSIONS + 20), draw.normal(0, 0.01, SESSIONS + 20)
    return {
        "AAA": 100 * np.exp(np.cumsum(common)),
        "BBB": 50 * np.exp(np.cumsum(2 * common)),
        "CCC": 80 * np.exp(np.cumsum(-common)),
        "DDD": 20 * np.exp(np.cumsum(own)),
    }


def facts(**closes) -> Facts:
    last_on = ON - timedelta(days=1)
    return Facts({(s, Resolution.DAY): daily_series(s, close, last_on=last_on) for s, close in closes.items()})


def test_names_that_move_alike_are_one_and_against_each_other_minus_one():
    closes = walks()
    found = correlations(facts(**closes), tuple(closes), before_on=ON)
    assert found.matrix[0, 1] == pytest.approx(1.0)
    assert found.matrix[0, 2] == pytest.approx(-1.0)
    returns = [np.diff(np.log(closes[s]))[-SESSIONS:] for s in ("AAA", "DDD")]
    assert found.matrix[0, 3] == pytest.approx(np.corrcoef(returns)[0, 1])
    assert next(pair[1:3] for pair in found.pairs()) == ("AAA", "BBB")


def test_the_book_counts_pairs_by_their_weights_and_needs_two():
    closes = walks()
    found = correlations(facts(**closes), tuple(closes), before_on=ON)
    assert found.of_book({"AAA": 0.1}) is None
    assert found.of_book({"AAA": 0.1, "BBB": 0.1}) == pytest.approx(1.0)
    mixed = found.of_book({"AAA": 0.2, "BBB": 0.1, "CCC": 0.1})
    assert mixed == pytest.approx((0.02 * 1 - 0.02 * 1 - 0.01 * 1) / 0.05)


def test_a_name_with_too_few_sessions_is_unknown_and_spoils_no_other():
    closes = walks()
    closes["DDD"] = closes["DDD"][-10:]
    found = correlations(facts(**closes), tuple(closes), before_on=ON)
    assert found.mean_of("DDD") is None
    assert found.mean_of("AAA") == pytest.approx(0.0)


def test_what_comes_later_changes_nothing():
    closes = walks()
    early = correlations(facts(**closes), tuple(closes), before_on=date(2024, 6, 5))
    poisoned = {s: np.concatenate([c[:-3], c[-3:] * 7]) for s, c in closes.items()}
    late = correlations(facts(**poisoned), tuple(closes), before_on=date(2024, 6, 5))
    assert np.array_equal(early.matrix, late.matrix, equal_nan=True)
