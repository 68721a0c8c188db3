"""Real prices and headlines through Airflow's own task runner, with the real gateway on the same stored bars.

By default one session, so that the suite stays quick; `AIRDESK_REAL_SESSIONS=2019-06-03..2019-06-14` runs a stretch,
and `AIRDESK_REAL_STRATEGY=three_sector` another strategy.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import date

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.market import session_slots
from trading.entrypoints.cli_gateway import stored_days
from trading.gateway.feed import DailyFeed
from trading.strategy.catalogue import spec_named

from tests.dags.desk import COUNTED, rows_of
from tests.fakes import ACCOUNT, running_gateway
from tests.shared_data import import_shared, needs_shared

pytestmark = [pytest.mark.airflow, pytest.mark.shared, needs_shared, pytest.mark.timeout(3_000)]

STRETCH = os.environ.get("AIRDESK_REAL_SESSIONS", "2019-06-03..2019-06-03").split("..")
STRATEGY = os.environ.get("AIRDESK_REAL_STRATEGY", "technical_core")
CALENDAR = NyseCalendar()
SESSIONS = CALENDAR.sessions(*(date.fromisoformat(on) for on in STRETCH))


@pytest.fixture
def gateway(store):
    """The paper gateway on the imported bars, before the first session."""
    import_shared(store, CALENDAR)
    feed = DailyFeed(spec_named(STRATEGY).universe.traded, stored_days(store))
    with running_gateway(feed, SESSIONS[0].opens_at) as running:
        yield running


def test_real_hours_decide_trade_and_stay_as_they_are_when_run_again(airflow_dags, database_url, gateway, monkeypatch):
    settings = {
        "AIRFLOW_CONN_AIRDESK_DB": database_url.replace("postgresql://", "postgres://", 1),
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": "paper:real",
        "AIRDESK_SOURCES": "stored",
        "AIRDESK_STRATEGY": STRATEGY,
        "AIRDESK_DAILY_PRICING": "1",
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_PORT": str(gateway.port),
        "AIRDESK_GATEWAY_CONTROL_PORT": str(gateway.control_port),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def ask(query: str):
        return rows_of(database_url, query)

    def run(as_of) -> str:
        return str(airflow_dags["hourly_trading"].test(run_conf={"as_of": as_of.isoformat()}).state)

    slots = [slot for session in SESSIONS for slot in session_slots(session)]
    states = Counter(run(slot.as_of) for slot in slots)
    assert states == {"success": len(slots)}
    ((decided, reasons),) = ask(
        "SELECT count(DISTINCT d.as_of), count(*) FROM desk.reasons JOIN desk.decisions d USING (decision_id)"
    )
    assert decided == len(slots)
    assert reasons >= 10 * 10 * decided, "every rule of every symbol has its row"
    entries = ask(
        "SELECT symbol, status, count(*) FROM desk.orders WHERE purpose = 'entry' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    fills = ask("SELECT symbol, side, quantity, price, executed_at FROM desk.fills ORDER BY executed_at")
    print(f"\n{STRATEGY} {STRETCH}: {decided} hours, {reasons} reasons, entries {entries}")
    for fill in fills:
        print("fill", *fill)
    for order in gateway.orders():
        print("at the gateway", order["ticket"]["order_ref"], order["status"])

    before, sent = {table: ask(f"SELECT count(*) FROM {table}") for table in COUNTED}, gateway.orders()
    for slot in (slots[-1], slots[0]):
        assert run(slot.as_of) == "success"
    assert {table: ask(f"SELECT count(*) FROM {table}") for table in COUNTED} == before
    assert gateway.orders() == sent
