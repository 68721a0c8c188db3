"""Stored runs in the terminal: readable in 80 columns, and honest about where two runs part."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rich.console import Console
from trading.domain.replays import Driver
from trading.reporting.replay_tables import differences, first_difference, head_lines, runs_table, trades_table

from tests.builders import AS_OF, a_run, a_trade


def shown(table) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_a_list_fits_a_terminal_of_80_columns():
    runs = [
        a_run(name="twelve-words"),
        a_run(name="b", driver=Driver.BACKFILL, made_at=None, is_synthetic=True),
    ]
    text = shown(runs_table(runs))
    assert all(len(line) <= 80 for line in text.splitlines())
    for words in ("twelve-words", "2019-06-03", "+1.2\u00a0%", "backfill", "SYNTHETIC"):
        assert words in text


def test_trades_fit_too():
    text = shown(trades_table("trades", [a_trade()]))
    assert "…" not in text
    assert "+98" in text


def test_what_was_run_is_said_without_empty_things():
    run = a_run(
        configuration={"costs": {"half_spread_bps": 5.0, "slippage_bps": {}}}, parameters={"trail": 0.1}, search="g"
    )
    said = dict(head_lines(run))
    assert "half spread bps 5" in said["configuration"]
    assert "slippage" not in said["configuration"]
    assert said["parameters"] == "trail 0.1; the best of search g"
    assert dict(head_lines(replace(run, made_at=None)))["made"].startswith("not known")


def test_only_what_differs_is_listed():
    assert differences([a_run(), a_run(name="again")]) is None
    other = a_run(name="other", configuration={"strategy": "three_sector", "costs": {"half_spread_bps": 20.0}})
    text = shown(differences([a_run(), other]))
    assert "costs.half_spread_bps" in text
    assert "strategy" not in text


def test_runs_part_at_the_first_trade_that_was_decided_otherwise():
    later = a_trade(opened_at=AS_OF + timedelta(days=9), closed_at=AS_OF + timedelta(days=12))
    dearer = replace(a_trade(), gain_usd=90.0, exit_price=109.0)
    assert first_difference([a_trade(), later], [later, dearer]) == (None, None)
    assert first_difference([a_trade(), later], [dearer]) == (later, None)
    smaller = replace(later, quantity=4.0)
    assert first_difference([a_trade(), later], [dearer, smaller]) == (later, smaller)
