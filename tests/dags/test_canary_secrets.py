"""No key, token or password is in anything that a run leaves behind, however a vendor fails.

Whatever sources are switched on are asked, so a new one is covered as soon as it has a key in `.env.example`.
"""

from __future__ import annotations

import dataclasses
import logging
import traceback
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import pytest
from trading.adapters import flex
from trading.adapters.http import client
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store.connection import connect
from trading.adapters.sources import combined
from trading.bootstrap import services_for
from trading.domain.market import Resolution, TimeWindow, session_slots
from trading.entrypoints import cli
from trading.errors import AirdeskError
from trading.settings import VendorSettings, load_settings

from tests.canaries import (
    BASE_URLS,
    CANARIES,
    DATABASE,
    KEPT,
    KEYS,
    TELEGRAM,
    echo,
    found_in,
    in_airflow,
    in_desk,
    in_files,
)
from tests.dags.desk import rows_of
from tests.http_stub import STALL_SECONDS, Answer, http_stub

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]

ROLE = "canary_of_the_desk"
# X looks back seven days and no further, from the day on which the test runs.
_ENDED = NyseCalendar().sessions((TODAY := datetime.now(UTC).date()) - timedelta(days=14), TODAY - timedelta(days=1))
DAY_BEFORE, DAY = _ENDED[-2:]
AS_OF = session_slots(DAY)[0].as_of.isoformat()
HISTORY = {"symbols": ["NVDA"], "from": f"{_ENDED[-4].session_on}", "to": f"{DAY_BEFORE.session_on}",
           "what": ["bars", "actions", "news", "filings", "macro"]}  # fmt: skip
REFUSED_URL = f"http://127.0.0.1:1/{quote(CANARIES[KEYS[0]], safe='')}"
MALFORMED_URL = f"http://[{CANARIES[KEYS[0]]}]:port/"


def story() -> dict[str, object]:
    """Return what Polygon serves, with the key that it was sent in a headline, and every other one beside it."""
    own = CANARIES["POLYGON_API_KEY"]
    title = f"Example {own} {quote(own, safe='')}"
    told = {"id": "n1", "title": title, "tickers": ["NVDA"], "published_utc": f"{DAY_BEFORE.session_on}T15:00:00Z"}
    return {"status": "OK", "results": [told], "you_sent": echo()}


def location(target: str) -> Answer:
    return Answer(b"", status=302, headers={"Location": f"{target}?apiKey={quote(CANARIES[KEYS[0]], safe='')}"})


KINDS = {
    "data that repeats the keys": Answer(story()),
    "401": Answer({"error": echo()}, status=401),
    "403": Answer({"status": "NOT_AUTHORIZED", "message": echo()}, status=403),
    "429": Answer({"error": echo()}, status=429, headers={"Retry-After": "0"}),
    "500": Answer(echo(), status=500),
    "a page": Answer(f"<html>{echo()}</html>"),
    "cut off": Answer({"status": "OK", "results": [], "said": echo()}, truncate_bytes=300),
    "stalled": Answer({"said": echo()}, delay_seconds=STALL_SECONDS),
    "sent elsewhere": location("https://elsewhere.example/data"),
    "sent in circles": location("/data"),
}

OF_THE_NIGHT = {"data that repeats the keys", "401", "500", "sent in circles"}
"""The night asks for the broker's statement only, which is asked for by itself in every case."""


@pytest.fixture
def canary_url(database_url):
    """The test's database, entered with a password that is a canary."""
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN SUPERUSER PASSWORD %s", (CANARIES[DATABASE],))
    place = urlsplit(database_url)
    login = f"{ROLE}:{quote(CANARIES[DATABASE], safe='')}"
    yield place._replace(netloc=f"{login}@{place.hostname}:{place.port}").geturl()
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"DROP ROLE {ROLE}")


@pytest.fixture
def world(airflow_dags, canary_url, monkeypatch):
    """Set every key, point every vendor at an address, and give each task one try."""
    monkeypatch.setattr(combined, "TASK_SECONDS", 1.5)
    monkeypatch.setattr(combined, "HISTORY_SECONDS", 1.5)
    monkeypatch.setattr(flex, "TIMEOUT_SECONDS", (1.0, 1.0))
    monkeypatch.setattr(client, "BACKOFF_SECONDS", (0.01, 0.01))
    for dag_id in ("hourly_trading", "nightly_reconciliation", "history_load"):
        for task in airflow_dags[dag_id].tasks:
            if task.is_mapped:
                monkeypatch.setitem(task.partial_kwargs, "retries", 0)
            else:
                monkeypatch.setattr(task, "retries", 0)
    settings = {
        **{name: CANARIES[name] for name in KEYS},
        "AIRDESK_MODE": "paper", "AIRDESK_BOOK": "paper:canary", "AIRDESK_SOURCES": "vendors",
        "AIRDESK_IBKR_BARS": "0", "AIRDESK_FLEX_QUERY": "424242", "AIRDESK_TELEGRAM_CHATS": "42",
        "POLYGON_PLAN": "advanced", "SEC_USER_AGENT": "Airdesk test@example.com", "X_MONTHLY_BUDGET_USD": "5",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    use_database(monkeypatch, canary_url)
    return monkeypatch


def use_database(patch, url):
    patch.setenv("AIRDESK_DATABASE_URL", url)
    patch.setenv("AIRFLOW_CONN_AIRDESK_DB", url.replace("postgresql://", "postgres://", 1))


def use_address(patch, url):
    for name in BASE_URLS:
        patch.setenv(name, url)
    patch.setenv("AIRDESK_FLEX_URL", url)


def forget(database_url):
    """Let every vendor be asked again, whatever it did before."""
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE ops.circuits, ops.capabilities_off, ops.asked_spans")


def questions(sources):
    """Return one question for every port of every source."""
    until = DAY_BEFORE.closes_at
    window, asked = TimeWindow(until - timedelta(days=3), until), []
    for source in sources.bars:
        asked += [lambda s=source, r=r: s.bars("NVDA", window, r) for r in (Resolution.DAY, Resolution.HALF_HOUR)]
    asked += [lambda s=source: s.news(["NVDA"], window) for source in sources.news]
    asked += [lambda s=source: s.filings(["NVDA"], window) for source in sources.filings]
    asked += [lambda s=source: s.macro(window) for source in sources.macro]
    asked += [lambda s=source: s.earnings(["NVDA"], window) for source in sources.earnings]
    asked += [lambda s=source: s.corporate_actions(["NVDA"], window) for source in sources.actions]
    return asked + [source.upcoming for source in sources.holidays]


def told_by_errors(database_url):
    """Return all that the exceptions of every question say, and all that settings and services show of themselves."""
    said = []
    try:
        settings = load_settings()
        services = services_for(settings)
        # An address that a person gave may be shown; only here does it hold a key.
        said += [repr(settings), repr(services)] if settings.flex_url not in {REFUSED_URL, MALFORMED_URL} else []
        asked = [*questions(services.sources), services.statements.fetch]
    except AirdeskError as error:
        return [str(error), repr(error), *traceback.format_exception(error)]
    for question in asked:
        forget(database_url)
        try:
            tuple(question())
        except Exception as error:  # noqa: BLE001
            said += [str(error), repr(error), *traceback.format_exception(error), repr(getattr(error, "excerpt", ""))]
    return said


def leaks(airflow_home, database_url, said):
    found = [*in_files(airflow_home), *in_airflow(airflow_home / "airflow.db"), *in_desk(database_url)]
    for text in said:
        found += found_in("what was printed, logged or raised", text)
    return sorted(set(found))


def run_everything(airflow_dags, database_url, *, with_night=True):
    """Run the hour, the load of history, the night and the commands; returns how the DAGs ended."""
    ended = {}
    runs = {"hourly_trading": {"as_of": AS_OF}, "history_load": HISTORY}
    for dag_id, conf in (runs | ({"nightly_reconciliation": {"as_of": AS_OF}} if with_night else {})).items():
        forget(database_url)
        ended[dag_id] = str(airflow_dags[dag_id].test(run_conf=conf).state)
    forget(database_url)
    since = f"{_ENDED[-3].session_on}"
    for command in (["data", "pull", "NVDA", "--from", since, "--what", "news"], ["data", "status"], ["doctor"]):
        cli.main(command)
    return ended


def test_every_secret_setting_holds_a_canary(world, canary_url):
    settings = load_settings()
    secrets = {field.name: getattr(settings.vendors, field.name) for field in dataclasses.fields(VendorSettings)
               if not field.repr}  # fmt: skip
    assert set(secrets.values()) <= set(CANARIES.values()), secrets.keys()
    assert len(set(secrets.values())) == len(secrets) >= 5
    assert settings.flex_token == CANARIES["AIRDESK_FLEX_TOKEN"]
    assert settings.telegram.token == CANARIES[TELEGRAM]


def test_the_search_finds_a_secret_in_each_of_its_forms():
    for form in echo().split():
        assert list(found_in("here", f"before {form} after")), form


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_left_behind_when_every_vendor_answers(
    kind, airflow_dags, airflow_home, database_url, world, capfd, caplog
):
    caplog.set_level(logging.DEBUG)
    with http_stub(KINDS[kind]) as stub:
        use_address(world, stub.url)
        said = told_by_errors(database_url)
        ended = run_everything(airflow_dags, database_url, with_night=kind in OF_THE_NIGHT)
        asked = {vendor for (vendor,) in rows_of(database_url, "SELECT DISTINCT vendor FROM ops.api_calls")}
        assert asked >= set(services_for(load_settings()).sources.quotas), "every vendor was asked"
        sent = str([(request.query, request.headers) for request in stub.asked])
        assert {name for name in KEYS if CANARIES[name] not in sent} == KEPT, "every other key was sent, and came back"
    assert set(ended.values()) <= {"failed", "success"}
    printed = capfd.readouterr()
    assert leaks(airflow_home, database_url, [*said, printed.out, printed.err, caplog.text]) == []


@pytest.mark.parametrize("url", [REFUSED_URL, MALFORMED_URL], ids=["refuses connections", "is malformed"])
def test_no_secret_is_left_behind_when_an_address(url, airflow_dags, airflow_home, database_url, world, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    use_address(world, url)
    said = told_by_errors(database_url)
    ended = run_everything(airflow_dags, database_url)
    assert set(ended.values()) == {"failed"}, ended
    printed = capfd.readouterr()
    assert leaks(airflow_home, database_url, [*said, printed.out, printed.err, caplog.text]) == []


@pytest.mark.parametrize("fault", ["refuses the password", "is away"])
def test_no_secret_is_left_behind_when_the_database(
    fault, airflow_dags, airflow_home, database_url, canary_url, world, capfd, caplog
):
    caplog.set_level(logging.DEBUG)
    place = urlsplit(canary_url)
    if fault == "is away":
        netloc = place.netloc.replace(f":{place.port}", ":1")
    else:
        netloc = place.netloc.replace(ROLE, "postgres", 1)
    use_address(world, REFUSED_URL)
    use_database(world, place._replace(netloc=netloc).geturl())
    ended = {
        dag_id: str(airflow_dags[dag_id].test(run_conf=conf).state)
        for dag_id, conf in (("hourly_trading", {"as_of": AS_OF}), ("history_load", HISTORY))
    }
    assert set(ended.values()) == {"failed"}, ended
    for command in (["data", "status"], ["doctor"]):
        assert cli.main(command) != 0
    printed = capfd.readouterr()
    assert leaks(airflow_home, database_url, [printed.out, printed.err, caplog.text]) == []
