import subprocess
import sys

import psutil
import pytest
from trading.entrypoints.processes import ProcessRecord, stop_family, wait_until_gone


@pytest.fixture
def sleeper(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    process = subprocess.Popen(command, start_new_session=True, cwd=tmp_path)
    yield process
    process.kill()
    process.wait()


def test_a_process_that_we_started_is_stopped(sleeper, tmp_path):
    record = ProcessRecord.of(sleeper.pid, str(tmp_path))
    assert record.is_alive()
    assert stop_family(record, grace_seconds=5)
    assert not record.is_alive()
    assert not stop_family(record, grace_seconds=0)


def test_a_recycled_pid_is_never_stopped(sleeper, tmp_path):
    before = ProcessRecord(sleeper.pid, psutil.Process(sleeper.pid).create_time() - 100, str(tmp_path))
    assert not before.is_alive()
    assert not stop_family(before, grace_seconds=0)
    assert sleeper.poll() is None


def test_orphans_of_a_killed_leader_are_found_by_its_session(tmp_path):
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], start_new_session=True, cwd=tmp_path, stdout=subprocess.PIPE
    ) as leader:
        orphan = int(leader.stdout.readline())
        record = ProcessRecord.of(leader.pid, str(tmp_path))
        leader.kill()
        leader.wait()
        assert [process.pid for process in record.family()] == [orphan]
        assert stop_family(record, grace_seconds=5)
    assert not record.family()


def test_waiting_for_a_process_that_stays_ends_in_time(sleeper, tmp_path):
    record = ProcessRecord.of(sleeper.pid, str(tmp_path))
    assert not wait_until_gone(record, timeout_seconds=0)
