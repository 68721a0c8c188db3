"""Workers are processes of their own: together they keep to a plan that none of them could count alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import pairwise

import pytest
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.adapters.postgres_store.connection import connect
from trading.errors import CircuitOpen, QuotaExhausted, TransientError
from trading.ports.calls import CallResult, Quota

from tests.architecture.sources import ROOT

WINDOW_SECONDS = 1.5
WORKER = """
import sys
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.errors import QuotaExhausted
from trading.ports.calls import CallResult, Quota
url, window, per_day, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
ledger = PostgresCallLedger(url)
quota = Quota(per_window=5, window_seconds=window, per_day=per_day)
refused = 0
for _ in range(count):
    try:
        ledger.note(ledger.acquire("polygon", "/v2/aggs", quota, wait_seconds=60.0), CallResult(200, 1))
    except QuotaExhausted:
        refused += 1
print(refused)
"""
PLAN = Quota(per_window=5, window_seconds=60.0)


def workers(url, *, processes=3, per_day, count):
    """Run workers at the same time and return how many calls of each were refused."""
    command = [sys.executable, "-c", WORKER, url, str(WINDOW_SECONDS), str(per_day), str(count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * processes
    return [int(text) for text in said]


def call_times(url):
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM called_at)::float FROM ops.api_calls ORDER BY call_id")
        return [at for (at,) in cursor.fetchall()]


def test_three_processes_never_make_more_than_five_calls_in_a_window(database_url):
    assert workers(database_url, per_day=1_000, count=5) == [0, 0, 0]
    times = call_times(database_url)
    assert len(times) == 15
    assert all(later >= earlier for earlier, later in pairwise(times))
    assert min(later - earlier for earlier, later in zip(times, times[5:], strict=False)) >= WINDOW_SECONDS


def test_three_processes_make_the_days_calls_and_skip_the_rest(database_url):
    refused = workers(database_url, per_day=7, count=4)
    assert (len(call_times(database_url)), sum(refused)) == (7, 5)


def test_what_one_process_saw_fail_the_next_one_leaves_alone(database_url):
    first, second = PostgresCallLedger(database_url), PostgresCallLedger(database_url)
    roomy = Quota(per_window=100, window_seconds=60.0)
    for _ in range(5):
        call_id = first.acquire("polygon", "/v2/aggs", roomy, wait_seconds=0.0)
        first.note(call_id, CallResult(None, 5, "no answer in time", is_outage=True))
    with pytest.raises(CircuitOpen):
        second.acquire("polygon", "/v2/aggs", roomy, wait_seconds=0.0)


def test_a_call_whose_process_died_stays_counted(database_url):
    killed = (
        "import os, signal, sys\nfrom trading.adapters.postgres_store.calls import PostgresCallLedger\n"
        "from trading.ports.calls import Quota\n"
        "PostgresCallLedger(sys.argv[1]).acquire('polygon', '/a', Quota(1, 60.0, per_day=1), wait_seconds=0.0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run([sys.executable, "-c", killed, database_url], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(QuotaExhausted):
        PostgresCallLedger(database_url).acquire("polygon", "/a", Quota(1, 60.0, per_day=1), wait_seconds=0.0)


def test_a_process_that_sleeps_in_its_count_does_not_hold_the_others(database_url):
    with closing(connect(database_url)) as sleeper, sleeper.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('airdesk.calls.polygon', 0))")
        with pytest.raises(TransientError):
            PostgresCallLedger(database_url).acquire("polygon", "/a", PLAN, wait_seconds=0.3)
        assert PostgresCallLedger(database_url).acquire("fred", "/a", PLAN, wait_seconds=0.3)


def test_a_ledger_whose_connection_was_cut_connects_anew(database_url):
    ledger = PostgresCallLedger(database_url)
    ledger.acquire("polygon", "/a", PLAN, wait_seconds=0.0)
    with closing(connect(database_url)) as other, other.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(TransientError):
        ledger.acquire("polygon", "/a", PLAN, wait_seconds=0.0)
    assert ledger.acquire("polygon", "/a", PLAN, wait_seconds=0.0)


def test_a_forked_worker_opens_a_connection_of_its_own(database_url):
    ledger = PostgresCallLedger(database_url)
    ledger.acquire("polygon", "/a", PLAN, wait_seconds=0.0)
    if (child := os.fork()) == 0:
        status = 1
        try:
            status = int(ledger.acquire("polygon", "/a", PLAN, wait_seconds=0.0) != 2)
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert ledger.acquire("polygon", "/a", PLAN, wait_seconds=0.0) == 3


def test_two_threads_share_one_ledger(database_url):
    ledger = PostgresCallLedger(database_url)
    roomy = Quota(per_window=1_000, window_seconds=60.0)

    def ask():
        for _ in range(10):
            ledger.note(ledger.acquire("polygon", "/a", roomy, wait_seconds=5.0), CallResult(200, 1))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ledger.usage("polygon").calls_today == 30


def test_what_a_thread_switches_off_is_off_for_one_that_asked_just_before(database_url):
    ledger = PostgresCallLedger(database_url)
    asks = threading.Thread(target=ledger.off_reason, args=("polygon", "bars"))
    switches = threading.Thread(target=ledger.switch_off, args=("polygon", "bars"), kwargs={"reason": "403"})
    with closing(connect(database_url)) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE ops.capabilities_off")
        asks.start()
        while asks.is_alive() and not waiting_sessions(database_url):
            time.sleep(0.01)
        switches.start()
        time.sleep(0.1)
    asks.join(20)
    switches.join(20)
    assert ledger.off_reason("polygon", "bars") == "403"


def waiting_sessions(url):
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE relation = 'ops.capabilities_off'::regclass AND NOT granted")
        return cursor.fetchall()
