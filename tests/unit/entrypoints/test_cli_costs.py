from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date

import pytest
from trading.adapters.clock import SystemClock
from trading.domain.portfolio import AccountType
from trading.engine.hours import Terms, history_panel
from trading.entrypoints import cli_costs
from trading.execution.costs import CostModel, ibkr_fixed, ibkr_tiered
from trading.ports import Services, Sources
from trading.strategy.three_sector import technical_core

from tests.unit.analysis.worlds import CALENDAR, rising_world, timeline_between

ON = date(2024, 6, 12)
SPEC = technical_core()


@pytest.fixture
def services() -> Services:
    costs = CostModel(0.0005, ibkr_tiered)
    return Services(None, CALENDAR, SystemClock(), Sources(), None, costs=costs, account_type=AccountType.CASH)


def parsed(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli_costs.add_to(parser)
    return parser.parse_args(options)


def costs(services: Services, *options: str) -> CostModel:
    return cli_costs.costs_of(parsed(*options), services, SPEC, rising_world(ON, ON), timeline_between(ON, ON))


def test_what_is_not_said_follows_the_settings(services):
    assert costs(services) == services.costs
    assert cli_costs.terms_of(parsed(), services) == Terms(account_type=AccountType.CASH)


def test_options_beat_the_settings(services):
    chosen = costs(services, "--commission", "fixed", "--half-spread-bps", "20")
    assert (chosen.commission, chosen.half_spread_frac) == (ibkr_fixed, 0.002)
    assert cli_costs.terms_of(parsed("--account-type", "margin"), services) == Terms()


@pytest.mark.parametrize("factor", [0, 2])
def test_every_cost_can_be_taken_away_or_doubled(services, factor):
    assert costs(services, "--costs-times", str(factor)) == services.costs.scaled(factor)


def test_slippage_is_a_share_of_the_daily_volatility_at_the_start(services):
    charged = costs(services, "--slippage-volatility", "0.1").slippage_frac
    panel = history_panel(SPEC, rising_world(ON, ON), timeline_between(ON, ON), Terms())
    gold = panel.symbols.index("GLD")
    assert charged["GLD"] == pytest.approx(0.1 * panel.volatility_frac[0, gold] / 252**0.5)
    assert set(charged) == set(SPEC.universe.traded), "one without a history gets what the others have"


@pytest.mark.parametrize("text", ["-1", "nan", "much"])
def test_a_cost_that_is_no_number_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        parsed("--half-spread-bps", text)
    assert "is not a number from 0 to 1000" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parsed("--slippage-volatility", "11")
    assert "'11' is not a number from 0 to 10" in capsys.readouterr().err


def test_a_run_keeps_what_it_was_charged():
    assert replace(CostModel(), slippage_frac={"AMD": 0.001}).scaled(2).described() == {
        "commission": "fixed", "half_spread_bps": 10.0, "slippage_bps": {"AMD": 20.0}, "charged_times": 2,
    }  # fmt: skip
