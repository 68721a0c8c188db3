"""What a task leaves for machines: ids on its log lines, and its counts as metrics in Airflow's own OpenTelemetry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trading.tasks.metrics import Metric

from tests.integration.standing_desk import measured_book

TASK = """
import logging, os, sys
from datetime import UTC, datetime
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils
from airflow.sdk._shared.logging import configure_logging
from trading.domain.instruments import BookId
from trading.entrypoints.airflow.observing import note_report, with_book, with_ids
from trading.tasks.report import StepReport

def note_desk_of(book):
    from trading.bootstrap import services_for, strategy_of
    from trading.entrypoints.airflow.observing import note_desk
    from trading.settings import load_settings
    settings = load_settings()
    hour = datetime(2019, 6, 3, 20, tzinfo=UTC)
    note_desk(services_for(settings), strategy_of(settings), book=book, as_of=hour)

# As Airflow's own task runner does it.
stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
configure_logging(json_output=True, output=sys.stdout.buffer)
with with_ids(run="scheduled__1", task="execute"):
    with_book(BookId.parse("paper:mine"))
    report = StepReport("execute", {"sent": 3, "denied": 1}, decision_id="hourly.1", degraded=True)
    note_report(report, book="paper:mine")
    if "AIRDESK_DATABASE_URL" in os.environ:
        note_desk_of(BookId.parse("demo:test"))
    logging.getLogger("trading").info("inside")
logging.getLogger("trading").info("outside")
"""


class Collector:
    """An OpenTelemetry collector on loopback that keeps what it is sent."""

    def __enter__(self) -> Collector:
        received: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def run_task(home, **environment: str) -> list[dict[str, object]]:
    env = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **environment}
    done = subprocess.run([sys.executable, "-c", TASK], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_a_task_sends_its_counts_and_names_run_book_and_decision_on_its_lines(tmp_path, store, desk_url) -> None:
    measured_book(store)
    with Collector() as collector:
        lines = run_task(
            tmp_path,
            AIRFLOW__METRICS__OTEL_ON="True",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_METRIC_EXPORT_INTERVAL="60000",
            AIRDESK_DATABASE_URL=desk_url,
            AIRDESK_STATE_DIR=str(tmp_path / "state"),
        )
    sent = b"".join(collector.received)
    for name in (b"airdesk.execute.sent", b"airdesk.execute.denied", b"airdesk.execute.degraded", b"paper:mine"):
        assert name in sent
    missing = [metric for metric in Metric if f"airdesk.{metric}".encode() not in sent]
    assert missing == [], "every gauge of the table reaches the collector"
    assert b"newsapi" in sent
    assert b"sector" in sent
    inside, outside = (next(line for line in lines if line["event"] == event) for event in ("inside", "outside"))
    ids = {"run": "scheduled__1", "task": "execute", "book": "paper:mine", "decision": "hourly.1"}
    assert ids.items() <= inside.items()
    assert not ids.keys() & outside.keys()


def test_a_collector_that_is_away_fails_nothing(tmp_path) -> None:
    lines = run_task(tmp_path, AIRFLOW__METRICS__STATSD_ON="True")
    assert any(line["event"] == "inside" for line in lines), "StatsD's client is not installed, and the task went on"
