"""What the page of a search says of the conditions under which its trials were made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from trading.domain.searches import Axis, Conditions, Plan, Search, SearchKind, Window
from trading.reporting.search_report import search_report

PLAN = Plan(SearchKind.SEARCH, "technical_core", date(2016, 1, 4), date(2023, 12, 29), (Axis("trail", (0.1, 0.12)),))


def shown(**told) -> str:
    plan = replace(PLAN, conditions=Conditions(**told))
    window = Window(0, PLAN.first_on, PLAN.last_on)
    search = Search("stops", plan, "spec", datetime(2026, 1, 2, tzinfo=UTC), "0.1.0", False, (window,))
    return search_report(search, (), (), tested_on=())


def test_the_page_names_everything_that_trials_were_charged():
    plain = shown()
    assert "100,000 USD in a margin account, fixed commissions, half a spread of 5 bp, costs times 1" in plain
    assert "intraday bars only, read 0 minutes late" in plain
    assert "slippage" not in plain
    told = shown(account_type="cash", commission="tiered", slippage_volatility=0.1, daily_pricing=True)
    assert "in a cash account, tiered commissions" in told
    assert "slippage of 0.1 daily volatilities" in told
    assert "daily bars where hours are missing" in told
