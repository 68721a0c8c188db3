"""A person's answer in the real Airflow: no, silence, an answer that comes at once, and yes.

By the command, and by buttons on Telegram with the real bot and the real sender. All of it is SYNTHETIC."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from trading.adapters.loopback import free_port
from trading.adapters.postgres_store.connection import connect
from trading.bootstrap import services_for
from trading.domain.market import Slot
from trading.domain.orders import OrderPurpose, OrderStatus
from trading.entrypoints import cli
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.demo_loop import STEPS, slots_to_show
from trading.entrypoints.questions import REJECT, Question, answer, waiting
from trading.entrypoints.run_record import run_lock
from trading.entrypoints.running_desk import RunningDesk, running_desk
from trading.strategy.catalogue import spec_named
from trading.tasks.execute import execute

from tests.dags.desk import rows_of
from tests.desk_browser import chromium, complaints
from tests.telegram_stub import Shown, TelegramStub, telegram_stub

ROOT = Path(__file__).parents[2]
SECONDS = 150


PERSON = 42


@pytest.fixture(scope="module")
def telegram():
    with telegram_stub() as stub:
        yield stub


@pytest.fixture(scope="module")
def desk(telegram):
    """A demo desk on which every entry waits for a person, with its bot and its sender."""
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="airdesk-test-", ignore_cleanup_errors=True) as folder,
    ):
        for name in [name for name in os.environ if name.startswith(("AIRFLOW", "AIRDESK"))]:
            patch.delenv(name)
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        patch.setenv("AIRDESK_STATE_DIR", folder)
        patch.setenv("AIRDESK_UI_PORT", str(free_port()))
        patch.setenv("AIRDESK_APPROVAL_ABOVE_USD", "0")
        patch.setenv("AIRDESK_TELEGRAM_TOKEN", telegram.token)
        patch.setenv("AIRDESK_TELEGRAM_CHATS", str(PERSON))
        patch.setenv("AIRDESK_TELEGRAM_PEOPLE", f"{PERSON}:operate")
        patch.setenv("AIRDESK_TELEGRAM_BASE_URL", telegram.base_url)
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "vic:viewer,ann:user")
        # A run of an hour that ends while we test would move the SIMULATED clock past the hours that we decide.
        patch.setenv("AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE", "False")
        checkout = Checkout.from_environment(os.environ)
        checkout.make_folders()
        with run_lock(checkout.state) as free, running_desk(checkout, say=print) as running:
            assert free
            running.wait_until_ready()
            running.airflow.unpause("hourly_trading")
            yield running


def decide_the_next_entry(desk: RunningDesk) -> Slot:
    """Decide hour by hour, sending nothing, until one wants to buy; the hours before it are done."""
    services = replace(services_for(desk.settings), approval_above_usd=None)
    spec, book = spec_named(desk.settings.strategy), desk.settings.book
    for slot in slots_to_show(services, book, now=datetime.now(UTC)):
        for step in STEPS:
            if step is not execute:
                step(services, spec, book, slot)
        with services.store.transaction() as tx:
            orders = [o for o in tx.orders.recent(book, 20) if o.planned_at == slot.as_of]
        if any(o.purpose is OrderPurpose.ENTRY and o.status is OrderStatus.PLANNED for o in orders):
            return slot
    raise AssertionError("the synthetic market gives no entry; use another seed")


def until(desk: RunningDesk, look):
    """Return what `look` returns once it is something."""
    deadline = time.monotonic() + SECONDS
    while True:
        desk.supervisor.check()
        found = look()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.3)


def ask(desk: RunningDesk) -> tuple[str, Slot, Question]:
    """Run the hour of the next entry until it asks."""
    slot = decide_the_next_entry(desk)
    run = desk.airflow.trigger("hourly_trading", logical_date=None, conf={"as_of": slot.as_of.isoformat()})
    found = until(desk, lambda: [q for q in waiting(desk.airflow) if q.run_id == run.run_id])
    assert found, (desk.airflow.tasks("hourly_trading", run.run_id), entries(desk, slot))
    (question,) = found
    return run.run_id, slot, question


def ended(desk: RunningDesk, run_id: str) -> dict[str, str]:
    """Return the states of the run's tasks once it is over."""
    assert until(desk, lambda: desk.airflow.run("hourly_trading", run_id).is_over)
    return {task.task_id: task.state for task in desk.airflow.tasks("hourly_trading", run_id)}


def asked_on_telegram(telegram: TelegramStub, seen: int) -> Shown:
    """Return the message with the buttons that came after the first `seen` ones."""
    found = telegram.wait_for(lambda: [m for m in telegram.messages if m.buttons][seen:], seconds=SECONDS)
    return found[0]


def tap(telegram: TelegramStub, message: Shown, label: str, times: int = 1) -> list[str]:
    """Tap a button so often, at once; returns the words that come back, in alphabetical order."""
    data, before = message.data_of(label), len(telegram.answers)
    for _ in range(times):
        telegram.taps(data, user=PERSON, message_id=message.message_id)
    telegram.wait_for(lambda: len(telegram.answers) == before + times, seconds=SECONDS)
    return sorted(str(answer.parameters["text"]) for answer in telegram.answers[before:])


def entries(desk: RunningDesk, slot: Slot) -> list[tuple]:
    where = f"planned_at = '{slot.as_of.isoformat()}' AND purpose = 'entry'"
    return rows_of(desk.settings.database_url, f"SELECT status, detail FROM desk.orders WHERE {where} ORDER BY symbol")


@pytest.mark.airflow
@pytest.mark.timeout(900)
def test_a_person_answers_and_silence_is_a_no(desk, telegram):
    # No, on Telegram: shares, dollars and reasons are shown; the orders are denied with the name of who said it.
    run_id, slot, question = ask(desk)
    assert question.subject.startswith("SYNTHETIC demo:default: buy ")
    assert " shares at up to " in question.body
    assert "golden_cross: PASS" in question.body
    message = asked_on_telegram(telegram, 0)
    assert "SYNTHETIC" in message.plain
    assert "shares at up to" in message.plain
    assert "golden_cross: PASS" in message.plain
    assert tap(telegram, message, "Reject") == ["Done."]
    states = ended(desk, run_id)
    assert (states["approve"], states["execute_approved"]) == ("success", "success")
    assert {detail for _, detail in entries(desk, slot)} == {"APPROVAL: telegram:42 said no"}
    telegram.wait_for(lambda: "Refused by telegram:42." in message.plain and not message.buttons)

    # Silence: the scheduler ends the waiting, here by a deadline that is moved.
    run_id, slot, _ = ask(desk)
    airflow = desk.databases.airflow
    until(desk, lambda: rows_of(airflow, "SELECT 1 FROM task_instance WHERE state = 'awaiting_input'"))
    move_the_deadline(airflow)
    assert ended(desk, run_id)["execute_approved"] == "success"
    assert {detail for _, detail in entries(desk, slot)} == {"APPROVAL: nobody said yes"}
    late = asked_on_telegram(telegram, 0)
    tap(telegram, late, "Approve")
    telegram.wait_for(lambda: "The desk does not ask any more" in telegram.messages[-1].plain)
    assert {detail for _, detail in entries(desk, slot)} == {"APPROVAL: nobody said yes"}
    telegram.wait_for(lambda: not late.buttons)

    # Yes, on Telegram, with a thumb that taps twice: one answer, one order, and the message says whose it was.
    seen = len([m for m in telegram.messages if m.buttons])
    run_id, slot, _ = ask(desk)
    message = asked_on_telegram(telegram, seen)
    first, second = tap(telegram, message, "Approve", times=2)
    assert (first.startswith("Already confirmed by telegram:42 at"), second) == (True, "Done.")
    assert ended(desk, run_id)["execute_approved"] == "success"
    assert {status for status, _ in entries(desk, slot)} == {"filled"}
    telegram.wait_for(lambda: "Confirmed by telegram:42." in message.plain and not message.buttons)

    # At once, as by a fast click in the UI: Airflow may lose the answer; then it asks again.
    run_id, slot, question = ask(desk)
    desk.airflow.answer(question.dag_id, question.run_id, question.task_id, REJECT)
    asked_again = until(desk, lambda: waiting(desk.airflow) or desk.airflow.run("hourly_trading", run_id).is_over)
    for question in asked_again if isinstance(asked_again, list) else []:
        answer(desk.airflow, question, is_yes=False)
    assert ended(desk, run_id)["execute_approved"] == "success"
    assert {detail for _, detail in entries(desk, slot)} == {"APPROVAL: airflow:admin said no"}

    # Yes, by the command: the order is vetted again and sent.
    run_id, slot, question = ask(desk)
    assert cli.main(["approve", "--run", run_id]) == 0
    assert cli.main(["approve", "--yes", "--run", run_id]) == 0
    states = ended(desk, run_id)
    assert (states["execute_approved"], states["report"]) == ("success", "success")
    assert {status for status, _ in entries(desk, slot)} == {"filled"}

    # What the bot may read of Airflow, with the account that it has there.
    telegram.types("/runs", user=PERSON)
    found = telegram.wait_for(lambda: [m.plain for m in telegram.messages if "· runs" in m.plain], seconds=SECONDS)
    said = found[0]
    runs = dict(line.split(maxsplit=1) for line in said.splitlines()[1:])
    assert (runs["hourly_trading"], runs["hourly_replay"]) == ("success", "never ran"), said
    assert "cannot be imported" not in said

    answered = "SELECT DISTINCT answered_by FROM desk.approvals WHERE answer = 'approved' ORDER BY 1"
    assert rows_of(desk.settings.database_url, answered) == [("airflow:admin",), ("telegram:42",)]
    for log in desk.checkout.logs.glob("*.log"):
        assert telegram.token.split(":")[1] not in log.read_text(errors="replace"), log.name


@pytest.mark.airflow
@pytest.mark.timeout(240)
def test_a06_a_backfill_over_hours_that_were_traded_is_refused_and_changes_nothing(desk):
    book = "SELECT count(*), max(event_id) FROM desk.order_events"
    runs = "SELECT run_id, run_type, state, conf::text FROM dag_run ORDER BY run_id"
    airflow = desk.databases.airflow
    before = rows_of(desk.settings.database_url, book), rows_of(airflow, runs)
    today = datetime.now(UTC).date()
    said = airflow_says(
        "backfill", "create", "--dag-id", "hourly_trading", "--from-date", f"{today - timedelta(days=9)}",
        "--to-date", f"{today}", "--reprocess-behavior", "completed",
    )  # fmt: skip
    assert "does not allow backfill runs" in said or "DagRunTypeNotAllowed" in said
    assert (rows_of(desk.settings.database_url, book), rows_of(airflow, runs)) == before


# --- the Desk page, on the same desk ---------------------------------------------------------------


def token_of(desk: RunningDesk, name: str) -> str:
    """Log somebody in."""
    passwords = json.loads((desk.checkout.airflow_home / "passwords.json").read_text())
    given = {"username": name, "password": passwords[name]}
    return requests.post(f"{desk.airflow.url}/auth/token", json=given, timeout=30).json()["access_token"]


def asked(desk: RunningDesk, name: str | None, method: str = "GET", path: str = "/desk/", **more):
    """Ask the api-server for a page of the desk, with the cookie of somebody."""
    cookies = {} if name is None else {"_token": token_of(desk, name)}
    address = f"{desk.airflow.url}{path}"
    return requests.request(method, address, cookies=cookies, timeout=60, allow_redirects=False, **more)


def a_decided_run(desk: RunningDesk) -> tuple[str, str]:
    """Return a run of `hourly_trading` and the decision that it made; one is run if there is none yet."""
    made = "SELECT run_id, decision_id FROM desk.decision_runs JOIN desk.decisions USING (decision_id) ORDER BY as_of"
    if not rows_of(desk.settings.database_url, made):
        desk.airflow.trigger("hourly_trading", logical_date=None, conf={})
    return until(desk, lambda: rows_of(desk.settings.database_url, made))[0]


HALT = {"json": {"switch": "halt", "reason": "a test"}, "headers": {"X-Airdesk": "desk"}}


@pytest.mark.airflow
@pytest.mark.timeout(240)
def test_airflow_says_who_sees_the_page_and_who_may_halt(desk):
    for path in ("/desk/", "/desk/api/hour", "/desk/api/panels", "/desk/api/effect?switch=halt"):
        assert asked(desk, None, path=path).status_code == 401
    login = asked(desk, None, headers={"Accept": "text/html"})
    assert (login.status_code, login.headers["Location"]) == (302, "/auth/login?next=%2Fdesk%2F")
    assert asked(desk, None, "POST", "/desk/api/switch", **HALT).status_code == 401
    assert asked(desk, "vic").status_code == 200
    assert asked(desk, "vic", "POST", "/desk/api/switch", **HALT).status_code == 403
    assert asked(desk, "ann", "POST", "/desk/api/switch", json=HALT["json"]).status_code == 403
    assert rows_of(desk.settings.database_url, "SELECT count(*) FROM ops.controls WHERE state = 'HALTED'") == [(0,)]


@pytest.mark.airflow
@pytest.mark.timeout(300)
def test_the_page_in_the_frame_of_the_ui_halts_resumes_and_leads_to_its_run_and_back(desk):
    run_id, decision_id = a_decided_run(desk)
    with chromium() as browser:
        page = browser.new_context().new_page()
        page.set_default_timeout(60_000)
        found = complaints(page)
        page.context.add_cookies([{"name": "_token", "value": token_of(desk, "vic"), "url": desk.airflow.url}])
        page.goto(f"{desk.airflow.url}/plugin/desk")
        frame = page.frame_locator("iframe")
        assert frame.locator("[data-switch='halt']").is_disabled()
        assert "may look and not act" in frame.locator(".switches").inner_text()
        assert frame.locator("#badge").inner_text() == "SYNTHETIC"

        page.context.add_cookies([{"name": "_token", "value": token_of(desk, "ann"), "url": desk.airflow.url}])
        page.reload()
        frame.locator("[data-switch='halt']").click()
        frame.locator("#confirm-lines li").first.wait_for()
        frame.locator("#confirm-do").click()
        frame.get_by_text("→ HALTED").wait_for()
        assert " cancelled, 0 still work." in frame.locator("#confirm-result").inner_text()
        frame.locator("#confirm-close").click()
        frame.locator(".tile.HALTED").wait_for()
        frame.locator("[data-switch='resume']").click()
        assert frame.locator("#confirm-do").is_disabled()
        frame.locator("#confirm-reason").fill("all is well")
        frame.locator("#confirm-do").click()
        frame.get_by_text("HALTED → ACTIVE").wait_for()
        states = rows_of(
            desk.settings.database_url, "SELECT state, actor FROM ops.controls ORDER BY event_id DESC LIMIT 2"
        )
        assert states == [("ACTIVE", "airflow:ann"), ("HALTED", "airflow:ann")]

        (run_id, decision_id), *_ = rows_of(
            desk.settings.database_url,
            "SELECT run_id, decision_id FROM desk.decision_runs JOIN desk.decisions USING (decision_id) ORDER BY as_of",
        )
        page.goto(f"{desk.airflow.url}/dags/hourly_trading/runs/{run_id}/plugin/decision")
        frame.get_by_text(decision_id).wait_for()
        page.goto(f"{desk.airflow.url}/plugin/desk")
        frame.locator("a.run").click()
        page.wait_for_url("**/dags/hourly_trading/runs/**")
        assert found == []


def airflow_says(*words: str) -> str:
    """Return what `./airdesk airflow …` prints although it fails."""
    command = [sys.executable, "-m", "trading.entrypoints.cli", "airflow", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def move_the_deadline(airflow_url: str) -> None:
    """Let the time of the waiting task be over."""
    with closing(connect(airflow_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE task_instance SET trigger_timeout = now() WHERE state = 'awaiting_input'")
