"""A stalled or dribbling server never holds a task past its deadline, wherever it stalls."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress

import pytest
from trading.adapters.http import HttpClient, Quota, VendorRateLimited, VendorUnavailable

from tests.fakes_http import MemoryCalls, terms_for
from tests.http_stub import STALL_SECONDS, Answer, http_stub

# Each of them would end well, or in another way, if nobody cut it off at the deadline.
SLOW = {
    "says nothing": Answer({}, delay_seconds=STALL_SECONDS),
    "dribbles its headers": Answer({}, dribble_seconds=0.05, dribbles_headers=True),
    "dribbles its body": Answer({"a": "x" * 100}, dribble_seconds=0.05),
}


def client_for(url, calls, *, deadline_seconds, **changes):
    return HttpClient(terms_for(url, **changes), calls, deadline_seconds=deadline_seconds, sleep=lambda seconds: None)


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_the_deadline_of_the_task_ends_it(answer):
    calls = MemoryCalls()
    with http_stub(answer) as stub, pytest.raises(VendorUnavailable) as failure:
        client_for(stub.url, calls, deadline_seconds=0.4, read_seconds=60.0).get_json("/v1/data")
    assert "try again later" in str(failure.value)
    assert [call.result.status for call in calls.calls] == [None]


@pytest.mark.parametrize(("read_seconds", "is_outage"), [(0.2, True), (20.0, False)])
def test_a_task_in_its_last_moment_does_not_blame_the_vendor(read_seconds, is_outage):
    calls = MemoryCalls()
    with http_stub(Answer({}, delay_seconds=STALL_SECONDS)) as stub, pytest.raises(VendorUnavailable):
        client_for(stub.url, calls, deadline_seconds=0.5, read_seconds=read_seconds).get_json("/v1/data")
    assert calls.calls[0].result.is_outage is is_outage


def test_a_server_that_stops_in_the_body_is_tried_again_and_given_up():
    calls = MemoryCalls()
    with http_stub(Answer({"a": 1}, headers={"Content-Length": "5000"})) as stub, pytest.raises(VendorUnavailable):
        client_for(stub.url, calls, deadline_seconds=30.0).get_json("/v1/data")
    assert len(calls.calls) == 3


def test_a_read_timeout_is_tried_again_within_the_deadline():
    with http_stub(Answer({}, delay_seconds=STALL_SECONDS), Answer({"a": 1})) as stub:
        client = client_for(stub.url, MemoryCalls(), deadline_seconds=20.0, read_seconds=0.2)
        assert client.get_json("/v1/data") == {"a": 1}


@contextmanager
def dribbling_handshake():
    """A server that begins a TLS record and then sends one byte of it now and then."""
    stopped = threading.Event()

    def serve(listener):
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"\x16\x03\x03\x3f\xff")
                while not stopped.wait(0.05):
                    connection.sendall(b"\x00")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join(10)


def test_a_handshake_that_dribbles_ends_at_the_deadline():
    with dribbling_handshake() as url, pytest.raises(VendorUnavailable, match="out of time"):
        client_for(url, MemoryCalls(), deadline_seconds=0.4, connect_seconds=60.0, read_seconds=60.0).get_json("/a")


def test_nobody_is_asked_once_the_time_is_used_up():
    with http_stub(Answer({})) as stub, pytest.raises(VendorUnavailable, match="time is used up"):
        client_for(stub.url, MemoryCalls(), deadline_seconds=0.0).get_json("/v1/data")
    assert stub.asked == []


def test_the_wait_for_a_full_quota_counts_too():
    calls = MemoryCalls()
    hourly = Quota(per_window=1, window_seconds=3600.0)
    with http_stub(Answer({})) as stub:
        client = client_for(stub.url, calls, deadline_seconds=30.0, quota=hourly)
        client.get_json("/v1/data")
        with pytest.raises(VendorRateLimited) as failure:
            client.get_json("/v1/data")
    assert failure.value.retry_after_seconds > 3500
    assert len(stub.asked) == 1


def test_no_watch_is_kept_once_the_reply_is_there():
    with http_stub(Answer({"a": 1})) as stub:
        client_for(stub.url, MemoryCalls(), deadline_seconds=600.0).get_json("/v1/data")
        watching = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert all(thread.finished.is_set() for thread in watching)
