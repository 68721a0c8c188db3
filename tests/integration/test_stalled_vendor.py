"""A vendor that never ends its answer does not hold a task: each vendor has its share of the task's time."""

from __future__ import annotations

from datetime import date

import pytest
from trading.adapters.http import client
from trading.adapters.sources import combined
from trading.bootstrap import services_for
from trading.domain.market import session_slots
from trading.errors import TransientError
from trading.settings import load_settings
from trading.strategy.three_sector import three_sector
from trading.tasks.ingest import ingest_fundamentals, ingest_news, ingest_prices
from trading.tasks.pull import Pull
from trading.tasks.pull_plan import Planner, What, window_of

from tests.http_stub import STALL_SECONDS, Answer, http_stub
from tests.integration.test_vendors import CALENDAR, Vendor, environment

SLOT = session_slots(CALENDAR.session(date(2026, 11, 20)))[0]
BODY = {"status": "OK", "results": [], "more": "x" * 100_000}
# Each byte is an answer of a kind, so that no ordinary timeout ends it: this one would take an hour and a half.
STALLS = {
    "dribbles its body": Answer(BODY, dribble_seconds=0.05),
    "dribbles its headers": Answer(BODY, dribble_seconds=0.05, dribbles_headers=True),
    "says nothing": Answer(BODY, delay_seconds=STALL_SECONDS),
}
STEPS = {"prices": ingest_prices, "fundamentals": ingest_fundamentals, "news": ingest_news}

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(params=STALLS.values(), ids=STALLS)
def desk(request, database_url, monkeypatch):
    """Settings of a desk whose vendors all stall."""
    monkeypatch.setattr(combined, "TASK_SECONDS", 0.7)
    monkeypatch.setattr(client, "BACKOFF_SECONDS", (0.01, 0.01))
    with http_stub(request.param) as stub:
        vendor = Vendor(stub)
        stub.answer = lambda path: request.param
        keys = {"FRED_API_KEY": "not-a-key-at-all", "SEC_USER_AGENT": "Test test@example.com"}
        yield load_settings(environment(database_url, vendor, POLYGON_PLAN="advanced", AIRDESK_IBKR_BARS="0", **keys))


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_of_the_hour_ends_and_is_tried_again(desk, step):
    services = services_for(desk)
    with pytest.raises(TransientError, match="try"):
        step(services, three_sector(), desk.book, SLOT)
    with services.store.transaction() as tx:
        assert tx.history.sources() == [], "nothing of an answer that did not end is stored"


def test_a_pull_gives_each_call_its_time_and_ends(desk, monkeypatch):
    monkeypatch.setattr(client, "CALL_SECONDS", 0.3)
    services = services_for(desk, is_history=True)
    planner = Planner(services, window_of(services, date(2025, 11, 3), date(2025, 11, 7)), three_sector().universe)
    pull = Pull(services)
    with pytest.raises(TransientError, match="try again later"):
        pull.run(list(planner.units(["NVDA", "VIX"], list(What))))
    assert pull.loaded_count == 0
    assert pull.waiting_count > 5
