"""`replay lookahead` and `replay warmup` on stored SYNTHETIC history: what they print, and their exit codes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.entrypoints import cli
from trading.strategy.catalogue import STRATEGIES
from trading.strategy.rules import rsi_above
from trading.strategy.three_sector import three_sector

from tests.fakes import ny
from tests.integration.worlds import fill_with_synthetic_market

RANGE = ("--from", "2024-07-15", "--to", "2024-07-26")


@pytest.fixture
def run(store, database_url, monkeypatch, capsys):
    fill_with_synthetic_market(store, NyseCalendar(), until=ny("2024-07-26 16:00"), days=30)
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "demo")

    def run(tool, *words):
        ended = cli.main(["replay", tool, *RANGE, *words])
        shown = capsys.readouterr()
        return ended, shown.out, shown.err

    return run


def rsi_above_its_mean(panel):
    """Scale by the whole sample, as a notebook would."""
    return rsi_above(replace(panel, rsi_14=panel.rsi_14 - np.nanmean(panel.rsi_14, axis=0)), threshold=9.0)


def leaky():
    spec = three_sector()
    return replace(spec, name="leaky", label="leaky", exits=(*spec.exits, rsi_above_its_mean))


def test_the_desks_own_strategy_is_clean_and_the_market_is_called_synthetic(run):
    ended, shown, _ = run("lookahead", "--instants", "4")
    assert ended == 0
    assert "look-ahead of SYNTHETIC three_sector" in shown
    assert shown.count("clean") > 8
    assert "model_agrees" in shown.split("nothing that came later reached")[1]


def test_a_strategy_that_looks_ahead_ends_with_4_and_is_told_where(run, monkeypatch):
    monkeypatch.setitem(STRATEGIES, "leaky", leaky)
    ended, shown, _ = run("lookahead", "--instants", "4", "--strategy", "leaky")
    assert ended == 4
    assert (
        "LOOKS AHEAD: rule exit.rsi_above_its_mean of AAPL is the first to change, at 2024-07-15 14:30 UTC"
        in " ".join(shown.split())
    )
    ended, shown, _ = run("lookahead", "--instants", "4", "--strategy", "leaky", "--json")
    told = json.loads(shown)
    assert (ended, told["is_clean"]) == (4, False)
    assert {leak["name"] for leak in told["leaks"]} >= {"exit.rsi_above_its_mean"}


def test_the_desks_warm_up_is_enough_and_each_length_is_told(run):
    ended, shown, _ = run("warmup", "--sessions", "3")
    assert ended == 0
    assert "warm-up of SYNTHETIC three_sector" in shown
    assert "15 bars change verdicts: golden_cross" in shown
    assert "200 daily bars are the fewest that suffice; the desk asks for 250: enough" in shown
    ended, shown, _ = run("warmup", "--sessions", "3", "--json")
    told = json.loads(shown)
    assert told["needs"] == 200
    assert told["as_loaded"] == {}


def test_a_range_that_ends_before_it_begins_is_refused(run):
    ended = cli.main(["replay", "lookahead", "--from", "2024-07-26", "--to", "2024-07-15"])
    assert ended == 1
