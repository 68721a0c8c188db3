"""The report of a replay: whole, self-contained, escaped, and adding up to what the replay did."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from rich.console import Console
from trading.domain.instruments import BookId, BookKind
from trading.domain.portfolio import TradingState
from trading.domain.signals import ABSTAIN, FAIL, PASS, RuleRole
from trading.engine.hours import Terms
from trading.engine.replay import replay
from trading.engine.result import BreakerTurn
from trading.execution.costs import CostModel
from trading.reporting.attribution import (
    BREAKER,
    ON_CLOSE,
    gains_by_exit,
    gains_by_optional_rule,
    open_by_year,
    rule_counts,
    sector_exposure,
)
from trading.reporting.replay_files import trades_csv, write_report
from trading.reporting.replay_report import Findings, replay_report
from trading.reporting.replay_summary import entries_table
from trading.strategy.three_sector import technical_core
from trading.tasks.replay_runs import RunLabel, benchmark_figures, benchmarks_of, configuration_of, run_of

from tests.html_reader import Reader, assert_loads_nothing
from tests.html_reader import read as read_page
from tests.replay.leak_world import timeline, world

SECTIONS = (
    "What speaks against this result",
    "Equity and drawdown",
    "Figures",
    "Returns by month",
    "Crisis windows",
    "Exposure by sector",
    "What let entries in, and kept them out",
    "Entries by verdict of optional rules",
    "How often entries were open",
    "How often the sentiment gate opened",
    "Orders that the checks denied",
    "What ended positions",
    "Worst and best trades",
    "Costs",
    "Changes of the trading state",
    "Data holes",
    "What the figures mean",
)


@pytest.fixture(scope="module")
def found() -> Findings:
    spec, facts, line, terms = technical_core(), world(), timeline(), Terms()
    cash, costs = Decimal(100_000), CostModel()
    book = BookId(BookKind.REPLAY, "weeks")
    result = replay(spec, facts, line, book=book, cash_usd=cash, terms=terms, costs=costs)
    benchmarks = benchmarks_of(facts, spec, line)
    label = RunLabel(
        name="weeks",
        made_at=datetime(2026, 1, 2, tzinfo=UTC),
        configuration=configuration_of(spec, line, terms, cash_usd=cash, costs=costs.described()),
        data_cutoff_at=datetime(2026, 1, 2, tzinfo=UTC),
        code_version="0.1.0+abc",
        is_synthetic=True,
    )
    run = run_of(result, label, benchmarks)
    return Findings(result, run, benchmark_figures(run), (run.trial,), 12, {1: run.figures, 2: run.figures})


@pytest.fixture(scope="module")
def page(found) -> str:
    return replay_report(found)


@pytest.fixture(scope="module")
def read(page) -> Reader:
    return read_page(page)


def test_the_world_trades(found):
    assert len(found.run.trades) > 2
    assert found.result.disposals


def test_the_page_is_whole_and_has_every_section(page, read):
    assert read.open == []
    heads = re.findall(r"<h2>([^<]*)</h2>", page)
    assert tuple(heads) == SECTIONS


def test_the_page_loads_nothing_and_runs_nothing(page):
    assert_loads_nothing(page)


def test_what_was_run_is_said(read):
    words = " ".join(read.words)
    run = (
        "replay:weeks",
        "2024-07-01 to 2024-08-16",
        "0.1.0+abc",
        "2026-01-02",
        "half spread bps 5",
        "commission fixed",
    )
    for text in (*run, "every figure here is flattered", "technical_core (sentiment optional)"):
        assert text in words
    assert technical_core().spec_hash in words


def test_a_synthetic_market_is_marked_and_an_imported_one_is_not(found, page):
    assert '<span class="badge loud">SYNTHETIC market</span>' in page
    assert "<title>SYNTHETIC " in page
    imported = replay_report(replace(found, run=replace(found.run, is_synthetic=False)))
    assert "SYNTHETIC" not in imported


def test_what_comes_from_outside_is_escaped(found):
    hostile = '<script>alert("x")</script>'
    run = replace(found.run, configuration={"costs": hostile}, code_version=hostile)
    result = replace(
        found.result,
        spec=replace(found.result.spec, label=hostile),
        denials={hostile: 3},
        state_changes=((datetime(2024, 7, 2, 14, 30, tzinfo=UTC), hostile),),
    )
    page = replay_report(replace(found, run=run, result=result))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5


def test_a_turn_of_the_breaker_stands_in_the_curve(found):
    on = found.run.equity.session_on[5]
    turn = BreakerTurn(datetime(2024, 7, 9, 14, 30, tzinfo=UTC), on, TradingState.REDUCE_ONLY, 94_000.0, "over <5 %>")
    page = replay_report(replace(found, result=replace(found.result, breaker_turns=(turn,))))
    assert page.count('<line class="event"') == 1
    assert f"<title>{on} REDUCE_ONLY: over &lt;5 %&gt;</title>" in page


def test_a_replay_without_a_trade_has_a_report_too(found):
    no_trades = dict.fromkeys(found.run.figures) | {"trades": 0, "total_frac": 0.0, "exposure_frac": 0.0}
    nothing = replace(found.result.ledger, sent=(), booked=())
    result = replace(found.result, ledger=nothing, denials={}, state_changes=())
    page = replay_report(
        replace(found, result=result, run=replace(found.run, figures=no_trades, trades=()), by_cost={})
    )
    for words in (
        "No trade was closed",
        "Nothing was sold",
        "No order was denied",
        "ACTIVE throughout",
        "Not measured",
    ):
        assert words in page


def test_sales_by_cause_add_up_to_every_realised_gain(found):
    exits = gains_by_exit(found.result)
    assert sum(e.gain_usd for e in exits) == pytest.approx(float(sum(d.gain_usd for d in found.result.disposals)))
    assert sum(e.count for e in exits) == len({d.fill_id for d in found.result.disposals})
    assert {e.name for e in exits} <= {
        "trailing stop", "take profit", "trim", "rsi_above", "negative_news", "drawdown breaker",
    }  # fmt: skip


def test_a_sale_that_no_rule_decided_is_the_breakers_only_while_it_is_tripped(found):
    judgement = found.result.judgement
    others = tuple(each for each in judgement.verdicts if each[0] is not RuleRole.EXIT)
    result = replace(found.result, judgement=replace(judgement, verdicts=others), state_changes=())
    assert {e.name for e in gains_by_exit(result)} & {ON_CLOSE, BREAKER} == {ON_CLOSE}
    long_ago = datetime(2020, 1, 2, tzinfo=UTC)
    tripped = replace(result, state_changes=((long_ago, "drawdown 5.1% is over 5%: REDUCE_ONLY"),))
    assert {e.name for e in gains_by_exit(tripped)} & {ON_CLOSE, BREAKER} == {BREAKER}


def test_verdicts_of_optional_rules_cover_every_trade(found):
    by_rule: dict[str, int] = {}
    for rule, count in gains_by_optional_rule(found.result, found.run.trades):
        by_rule[rule] = by_rule.get(rule, 0) + count.count
    may_abstain = (RuleRole.ENTRY_OPTIONAL, RuleRole.SHRINK)
    optional = [name for role, name, _ in found.result.judgement.verdicts if role in may_abstain]
    assert by_rule == dict.fromkeys(optional, len(found.run.trades))


def test_rules_are_counted_as_a_loop_over_hours_and_symbols_counts_them(found):
    judgement = found.result.judgement
    rows, columns = judgement.enters.shape
    alone = dict.fromkeys((name for _, name, _ in judgement.verdicts), 0)
    for row in range(rows):
        for column in range(columns):
            against = [
                name
                for role, name, v in judgement.verdicts
                if {
                    RuleRole.ENTRY_REQUIRED: v.outcome(row)[column] != PASS,
                    RuleRole.ENTRY_OPTIONAL: v.outcome(row)[column] == FAIL,
                    RuleRole.SHRINK: v.outcome(row)[column] == FAIL,
                    RuleRole.EXIT: v.outcome(row)[column] == PASS,
                    RuleRole.BLOCK: v.outcome(row)[column] in (PASS, ABSTAIN),
                }[role]
            ]
            is_open = judgement.enters[row, column] and not judgement.blocked[row, column]
            assert is_open == (not against)
            if len(against) == 1:
                alone[against[0]] += 1
    counts = rule_counts(found.result)
    assert {c.rule: c.alone for c in counts} == alone
    assert all(c.passed + c.failed + c.abstained == rows * columns for c in counts)


def test_open_hours_of_the_years_are_those_of_the_masks(found):
    years, frac = open_by_year(found.result)
    opened = found.result.judgement.enters & ~found.result.judgement.blocked
    assert years == (2024,)
    assert frac[:, 0] == pytest.approx(opened.mean(axis=0))
    assert list(found.result.hours_open.values()) == opened.sum(axis=0).tolist()


def test_fifteen_years_of_entries_fit_into_a_terminal(found):
    curve = found.result.curve
    days = np.linspace(0, 15 * 365 - 1, len(curve)).astype("timedelta64[D]") + np.datetime64("2012-01-03")
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(entries_table(replace(found.result, curve=replace(curve, session_on=days))))
    shown = console.export_text()
    assert "…" not in shown
    assert "filled entries a year, 2012 to 2026" in shown


def test_sectors_add_up_to_what_is_invested(found):
    closing = found.result.curve.is_closing
    total = np.sum(list(sector_exposure(found.result).values()), axis=0)
    assert total == pytest.approx(found.result.curve.invested_frac[closing], abs=1e-6)


def test_the_trades_are_a_csv_that_adds_up(found):
    rows = list(csv.DictReader(io.StringIO(trades_csv(found.run))))
    assert len(rows) == len(found.run.trades)
    assert sum(float(r["gain_usd"]) for r in rows) == pytest.approx(found.run.figures["gain_usd"])
    assert datetime.fromisoformat(rows[0]["opened_at"]).tzinfo is not None
    assert {r["market"] for r in rows} == {"SYNTHETIC"}


def test_pictures_are_made_only_when_asked(found, tmp_path):
    assert [p.name for p in write_report(found, tmp_path / "plain")] == ["report.html", "trades.csv"]
    written = write_report(found, tmp_path / "with", with_png=True)
    assert [p.name for p in written[2:]] == ["replay.png"]
    assert written[2].read_bytes().startswith(b"\x89PNG")
    assert 10_000 < written[2].stat().st_size < 150_000
