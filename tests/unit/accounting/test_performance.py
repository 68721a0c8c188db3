"""Figures of an equity curve: the oracle, the properties, and what is not defined."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.accounting.performance import (
    Figures,
    alpha_beta,
    daily_returns,
    drawdowns,
    figures_of,
    max_drawdown,
    sharpe_ratio,
    sortino_ratio,
    tail,
)
from trading.accounting.trials import deflated_sharpe, expected_best_sharpe, probabilistic_sharpe, trial_of
from trading.domain.replays import Trial

from tests.oracles import oracle

RETURNS = st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=60)


def equity_of(returns) -> np.ndarray:
    return np.concatenate([[100_000.0], 100_000.0 * np.cumprod(1.0 + np.asarray(returns))])


@pytest.fixture
def expected():
    return oracle("metrics_expected.json")["series"]["metrics_daily_252.csv"]


@pytest.fixture
def returns() -> list[float]:
    return [float(row["net_return"]) for row in oracle("metrics_daily_252.csv")]


def test_every_figure_is_that_of_the_oracle(expected, returns):
    own, figures = expected["own"], figures_of(equity_of(returns))
    drawdown = max_drawdown(equity_of(returns))
    trial = trial_of(returns, spec_hash="", configuration_hash="")
    ours = {
        "n": trial.return_count,
        "total_return": figures.total_frac,
        "cagr_periods": figures.cagr_frac,
        "ann_vol": figures.volatility_frac,
        "sharpe": figures.sharpe,
        "sortino": figures.sortino,
        "max_drawdown": -drawdown.frac,
        "dd_peak_index": drawdown.peak,
        "dd_trough_index": drawdown.trough,
        "dd_recovery_index": drawdown.recovery,
        "calmar": figures.calmar,
        "best": figures.best_frac,
        "worst": figures.worst_frac,
        "hit_rate": figures.up_frac,
        "skew_biased": trial.skew,
        "kurtosis_pearson_biased": trial.kurtosis,
        "psr_vs_zero": probabilistic_sharpe(trial),
        "var_95_hist": figures.var_95_frac,
        "cvar_95_hist": figures.cvar_95_frac,
    }
    assert set(ours) == set(own)
    assert {k: v for k, v in ours.items() if v is not None} == pytest.approx(
        {k: v for k, v in own.items() if v is not None}, abs=1e-9
    )
    assert own["dd_recovery_index"] is ours["dd_recovery_index"] is None
    assert figures.drawdown_sessions == 252 - 198


def test_the_figures_equal_those_of_the_libraries_where_the_definitions_are_the_same(expected, returns):
    figures = figures_of(equity_of(returns))
    assert figures.cagr_frac == pytest.approx(expected["empyrical"]["annual_return"], abs=1e-9)
    assert figures.var_95_frac == pytest.approx(expected["empyrical"]["value_at_risk"], abs=1e-9)
    assert figures.calmar == pytest.approx(expected["empyrical"]["calmar_ratio"], abs=1e-9)
    assert figures.sharpe == pytest.approx(expected["ffn"]["daily_sharpe"], abs=1e-9)


def test_the_published_example_of_the_deflated_sharpe_ratio():
    published = oracle("metrics_expected.json")["deflated_sharpe_published"]
    given_ = published["inputs"]
    a_year = given_["periods_per_year"]
    trial = Trial("", "", given_["sr_annual"] / math.sqrt(a_year), given_["skew"], given_["kurtosis"], given_["T"])
    best = expected_best_sharpe(given_["var_trial_sr_annual"] / a_year, given_["N"])
    assert best == pytest.approx(published["expected_sr0_per_period"], abs=published["tolerance"])
    assert probabilistic_sharpe(trial, benchmark=best) == pytest.approx(
        published["expected_dsr"], abs=published["tolerance"]
    )


def test_more_trials_deflate_more_and_one_alone_says_nothing():
    rng = np.random.default_rng(3)
    trial = trial_of(rng.normal(0.001, 0.01, 500), spec_hash="", configuration_hash="")
    others = [trial_of(rng.normal(0.0, 0.01, 500), spec_hash="", configuration_hash=str(i)) for i in range(40)]
    idle = Trial("", "idle", None, None, None, 500)
    assert deflated_sharpe(trial, [trial, idle]) is None
    few, many = deflated_sharpe(trial, [trial, *others[:3]]), deflated_sharpe(trial, [trial, *others])
    assert 0.0 <= many <= 1.0
    assert probabilistic_sharpe(trial) > many
    assert few is not None


def test_a_normal_series_without_skew_has_the_textbook_probability():
    trial = Trial("", "", 0.1, 0.0, 3.0, 101)
    assert probabilistic_sharpe(trial) == pytest.approx(NormalDist().cdf(0.1 * 10 / math.sqrt(1 + 0.5 * 0.01)))


@pytest.mark.parametrize("equity", [[], [100.0]])
def test_what_is_too_short_has_no_figure(equity):
    assert figures_of(equity) == Figures()


def test_a_book_that_never_moved_has_no_ratio_and_no_drawdown():
    figures = figures_of([100.0] * 10, market=[1.0] * 10)
    assert (figures.total_frac, figures.drawdown_frac, figures.drawdown_sessions) == (0.0, 0.0, 0)
    assert (figures.sharpe, figures.sortino, figures.calmar, figures.beta) == (None, None, None, None)
    assert trial_of([0.0] * 9, spec_hash="", configuration_hash="").sharpe is None


def test_a_book_that_only_rose_has_no_sortino_and_no_calmar():
    figures = figures_of([100.0, 101.0, 103.0])
    assert (figures.sortino, figures.calmar) == (None, None)
    assert figures.sharpe > 0


def test_a_drawdown_runs_from_its_peak_to_the_first_close_that_is_as_high():
    drawdown = max_drawdown([100, 110, 99, 88, 110, 105])
    assert (drawdown.frac, drawdown.peak, drawdown.trough, drawdown.recovery) == (pytest.approx(0.2), 1, 3, 4)
    assert drawdown.sessions == 3


def test_a_levered_market_has_its_beta_and_no_alpha():
    market = np.array([0.01, -0.02, 0.005, 0.0, 0.013])
    assert alpha_beta(2.0 * market, market) == (pytest.approx(0.0, abs=1e-12), pytest.approx(2.0))
    assert alpha_beta(market + 0.001, market) == (pytest.approx(0.252), pytest.approx(1.0))


@given(RETURNS, st.floats(0.1, 10.0))
def test_the_size_of_the_book_changes_no_figure(returns, scale):
    one, other = figures_of(equity_of(returns)), figures_of(equity_of(returns) * scale)
    assert one.total_frac == pytest.approx(other.total_frac, abs=1e-9)
    assert one.drawdown_frac == pytest.approx(other.drawdown_frac, abs=1e-9)


@given(RETURNS)
def test_figures_are_finite_or_none_and_in_their_bounds(returns):
    figures = figures_of(equity_of(returns))
    values = [getattr(figures, name) for name in Figures.__slots__]
    assert all(v is None or math.isfinite(v) for v in values)
    assert 0.0 <= figures.drawdown_frac < 1.0
    assert figures.worst_frac <= figures.cvar_95_frac + 1e-12
    assert figures.cvar_95_frac <= figures.var_95_frac + 1e-12
    assert 0.0 <= figures.up_frac <= 1.0
    assert drawdowns(equity_of(returns)).max() == pytest.approx(figures.drawdown_frac)


@given(RETURNS, st.randoms(use_true_random=False))
def test_the_order_of_days_changes_no_ratio_of_means(returns, random):
    shuffled = list(returns)
    random.shuffle(shuffled)
    for ratio in (sharpe_ratio, sortino_ratio):
        one, other = ratio(returns), ratio(shuffled)
        assert one == pytest.approx(other, rel=1e-6) if one is not None and abs(one) < 1e6 else True
    assert tail(returns) == pytest.approx(tail(shuffled))
    assert daily_returns(equity_of(returns)) == pytest.approx(returns, abs=1e-9)
