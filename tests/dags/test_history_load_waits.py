"""A planned piece of history whose source is off, or is not the first one, never turns green with nothing loaded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from trading.errors import DataRejected, TransientError
from trading.tasks.pull import gaps
from trading.tasks.pull_plan import Planner, What, window_of

from tests.http_stub import http_stub
from tests.integration.test_vendors import Vendor, desk

BARS_OF_ONE = 14 + 14 * 13


class Second:
    """A source behind the first that has the same bars, or is off."""

    def __init__(self, first, name="second", *, is_on=True):
        self.first, self.name, self.is_on, self.asked = first, name, is_on, 0

    def served_until(self, symbol, resolution, as_of):
        return self.first.served_until(symbol, resolution, as_of) if self.is_on else None

    def bars(self, *question):
        self.asked += 1
        return (replace(bar, source=self.name) for bar in self.first.bars(*question))


class Pushed:
    """The task instance, which keeps the report for the summary."""

    def xcom_push(self, *, key, value):
        self.report = value


@pytest.fixture
def services(database_url):
    with http_stub() as stub:
        yield desk(database_url, Vendor(stub), is_history=True)[1]


@pytest.fixture
def load(airflow_home, monkeypatch):
    """Load the units of one batch with some services; returns its report."""
    from trading.entrypoints.airflow import history

    def run(services, units):
        monkeypatch.setattr(history, "_services", lambda: (services, None))
        pushed = Pushed()
        try:
            history.run_load("batch", [unit.as_xcom() for unit in units], ti=pushed)
        except TransientError as error:
            return pushed.report, error
        return pushed.report, None

    return run


def planned(services, *what, source=None):
    window = window_of(services, date(2026, 11, 2), date(2026, 11, 19))
    return window, list(Planner(services, window, source=source).units(("NVDA",), what or (What.BARS,)))


def with_bars(services, *sources):
    return replace(services, sources=replace(services.sources, bars=sources))


def test_a_source_that_went_off_after_the_plan_is_waited_for_and_the_report_says_so(services, load):
    window, units = planned(services)
    (first,) = services.sources.bars
    off = Second(first, "polygon", is_on=False)
    report, error = load(with_bars(services, off), units)
    assert (report["counts"]["waiting"], report["counts"]["already_there"], report["degraded"]) == (2, 0, True)
    assert "NVDA 1d 2026-11..2026-11: polygon does not serve it now" in str(error)
    assert off.asked == 0
    assert sum(gap.missing_count for gap in gaps(services, ["NVDA"], window)) == BARS_OF_ONE


def test_a_source_that_is_named_and_not_the_first_one_is_asked(services, load):
    (first,) = services.sources.bars
    second = Second(first)
    both = with_bars(services, first, second)
    window, units = planned(both, source="second")
    report, error = load(both, units)
    assert (error, report["counts"]["bars_stored"], report["counts"]["waiting"]) == (None, BARS_OF_ONE, 0)
    assert second.asked == 2
    assert sum(gap.missing_count for gap in gaps(services, ["NVDA"], window)) == 0


def test_what_was_stored_meanwhile_needs_no_source_at_all(services, load):
    _, units = planned(services)
    load(services, units)
    none = replace(services, sources=replace(services.sources, bars=()))
    report, error = load(none, units)
    assert (error, report["counts"]["already_there"], report["degraded"]) == (None, len(units), False)


def test_refused_bars_leave_the_batch_degraded_with_the_reason(services, load):
    (first,) = services.sources.bars
    quarter = lambda bar: replace(bar, **{name: getattr(bar, name) / 4 for name in ("open", "high", "low", "close")})  # noqa: E731

    class Split(Second):
        def bars(self, *question):
            return (quarter(bar) if bar.starts_at.day > 10 else bar for bar in super().bars(*question))

    _, units = planned(services)
    report, error = load(with_bars(services, Split(first, "polygon")), units)
    assert (error, report["degraded"], report["counts"]["refused"]) == (None, True, 7 + 7 * 13)
    assert "NVDA 1d 2026-11..2026-11: 7 bars of polygon were refused (jump)" in report["notes"][0]


def test_a_load_that_nobody_serves_fails_at_its_plan(services, airflow_home, monkeypatch):
    from trading.entrypoints.airflow import history
    from trading.settings import load_settings

    settings = load_settings({"AIRDESK_DATABASE_URL": "postgresql://x", "AIRDESK_MODE": "paper"})
    monkeypatch.setattr(history, "_services", lambda: (with_bars(services), settings))
    monkeypatch.setattr(history, "facts_of", lambda context: type("Facts", (), {"conf": {}}))
    params = {"symbols": ["NVDA"], "from": "2026-11-02", "to": "2026-11-19", "what": ["bars"]}
    with pytest.raises(DataRejected, match="no source serves 1d bars of NVDA"):
        history.run_plan(params=params)


class Told:
    """The task instance of the summary, to whom the other tasks told something."""

    def __init__(self, plan, load, unserved):
        self.told = {("plan", None): plan, ("load", None): load, ("plan", "unserved"): unserved}

    def xcom_pull(self, *, task_ids, key=None):
        return self.told[task_ids, key]


def test_the_summary_names_what_no_source_serves_and_is_red_while_a_bar_was_refused(airflow_home):
    from airflow.sdk.exceptions import AirflowFailException
    from trading.entrypoints.airflow.history import run_summary

    whole = {"counts": {"refused": 0}, "degraded": False, "notes": []}
    told = run_summary(ti=Told([{}], [whole], ["no source serves 30m bars of VIX"]))
    assert told["notes"] == ["no source serves 30m bars of VIX"]
    torn = {"counts": {"refused": 7}, "degraded": True, "notes": ["7 bars were refused"]}
    with pytest.raises(AirflowFailException, match=r"1 of 2 batches are not whole.*7 bars were refused"):
        run_summary(ti=Told([{}, {}], [whole, torn], []))


def test_a_symbol_that_was_asked_about_alone_does_not_stand_for_its_group(services):
    window, (unit,) = planned(services, What.ACTIONS)
    with services.store.transaction() as tx:
        tx.history.remember("actions", "NVDA", unit.span, source=unit.source, at=services.clock.now())
    (left,) = Planner(services, window).units(("NVDA", "GLD"), (What.ACTIONS,))
    assert (left.symbols, left.span) == (("NVDA", "GLD"), window)
