"""### Nightly data check

After each close it holds the stored data against what should agree with it: the holidays and early closes that are
announced for the next ten days, a second source's closes, corporate actions against price jumps, and the bars that the
session should have brought. What it finds is a note, a message and a parked symbol; a day that is announced as closed
gets no entries. `./airdesk data status` says which gate holds which symbol and what opens it.

**Its own run**, so that a vendor's bad evening never turns the proof of the books red. Where a kind of source does not
exist the check says so and passes. It fails only when a source is out of service, and is then tried again.

**Clear and rerun** is safe: what already is parked stays as it is, and each difference is told once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.steps import LIVE_DEFAULTS, step
from trading.entrypoints.airflow.timetable import NyseCloseTimetable

with DAG(
    "nightly_data_check",
    schedule=NyseCloseTimetable(minutes_after=120),
    start_date=datetime(2015, 1, 2, tzinfo=UTC),
    catchup=False,
    allowed_run_types=["scheduled", "manual"],
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    default_args=LIVE_DEFAULTS,
    on_failure_callback=on_failure,
    tags=["airdesk", "data"],
    doc_md=__doc__,
):
    step(
        "check_data",
        "check_data:check_data",
        doc="Calendar, second source, corporate actions and completeness; parks what does not agree.",
    )
