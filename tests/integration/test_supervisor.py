"""The supervisor keeps programs alive and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.run_record import RunRecord
from trading.entrypoints.supervisor import Program, Supervisor

SLEEPER = Program("sleeper", ("-c", "import time; time.sleep(300)"))


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    checkout = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path)})
    for folder in (checkout.logs, checkout.airflow_home):
        folder.mkdir(parents=True, exist_ok=True)
    return checkout


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(checkout, said):
    running = Supervisor(checkout, say=said.append)
    yield running
    running.stop()


def pid_of(checkout: Checkout) -> int:
    return RunRecord.read(checkout.state).children["sleeper"].pid


def wait_for(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in 20 seconds"
        time.sleep(0.05)


def test_a_killed_program_is_started_again_and_told(supervisor, checkout, said):
    supervisor.keep(SLEEPER, os.environ)
    first = pid_of(checkout)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: pid_of(checkout) != first and psutil.pid_exists(pid_of(checkout)))
    assert said == ["sleeper ended with code -9; starting it again (1 of 5)"]


def test_a_program_that_takes_long_to_start_is_watched_like_any_other(supervisor, checkout, monkeypatch):
    start = Supervisor._start

    def slowly(*arguments):
        time.sleep(1.2)  # two looks of the watcher
        return start(*arguments)

    monkeypatch.setattr(Supervisor, "_start", slowly)
    supervisor.keep(SLEEPER, os.environ)
    first = pid_of(checkout)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: pid_of(checkout) != first)


def test_stopping_leaves_nothing_running(checkout, said):
    supervisor = Supervisor(checkout, say=said.append)
    supervisor.keep(SLEEPER, os.environ)
    pid = pid_of(checkout)
    supervisor.stop()
    assert not psutil.pid_exists(pid)
    assert RunRecord.read(checkout.state).children == {}


def test_a_program_that_only_talks_to_people_never_ends_the_desk(supervisor, checkout, said):
    talker = Program("talker", ("-c", "raise SystemExit(3)"), is_vital=False)
    supervisor.keep(talker, os.environ)
    supervisor.keep(SLEEPER, os.environ)
    wait_for(lambda: len(said) >= 2)
    assert said[:2] == [f"talker ended with code 3; starting it again in {pause} s" for pause in (2, 4)]
    supervisor.check()
    assert psutil.pid_exists(pid_of(checkout))
