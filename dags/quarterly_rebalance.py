"""### Quarterly rebalance

In the first hour of each quarter's first session: what grew over its target is trimmed to it; nothing is topped up.
`preview` writes a decision of its own kind with the trims that it wants, `execute` sends them. Trims never wait for a
person; an entry above AIRDESK_APPROVAL_ABOVE_USD would, in `approve`.

**By hand** it stands for the youngest completed session hour, or for exactly the one in
`{"as_of": "2026-11-23T15:30:00Z"}`.

**Clear and rerun** is safe: the decision is written once and each order is sent once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.steps import IBKR_POOL, LIVE_DEFAULTS, approval_steps, step
from trading.entrypoints.airflow.timetable import NyseQuarterTimetable

with DAG(
    "quarterly_rebalance",
    # The hourly run of the same hour ingests and analyses first; entries stay open for 25 minutes.
    schedule=NyseQuarterTimetable(minutes_after=5),
    start_date=datetime(2015, 1, 2, tzinfo=UTC),
    catchup=False,
    allowed_run_types=["scheduled", "manual"],
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    default_args=LIVE_DEFAULTS,
    on_failure_callback=on_failure,
    tags=["airdesk", "trading"],
    doc_md=__doc__,
):
    preview = step("preview", "rebalance:preview", doc="Write the rebalancing decision: what to trim.")
    execute = step(
        "execute",
        "approved:send_rebalance",
        pool=IBKR_POOL,
        judges=["preview"],
        waiting=["approve", "execute_approved"],
        doc="Send the rebalancing orders that the broker does not have yet.",
    )

    approve, execute_approved = approval_steps("rebalance", send="approved:send_answered_rebalance")

    preview >> execute >> approve
