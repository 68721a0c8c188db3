"""### Quarterly rebalance

In the first hour of each quarter's first session, and whenever the hourly decision asks for it (a market shift, buys
that wait for their sales): held names are brought back to target. The hour that asks has decided it, beside its own
decision; in any other hour `preview` does. Its log has the weights before and after, the trades in shares and dollars,
and what the tax law makes of them; `execute` sends them. Trims go first; the top-ups are a decision of the next hour
that can buy, from the cash that is there then.

Trims and top-ups above AIRDESK_APPROVAL_ABOVE_USD wait in `approve` for a person. `./airdesk rebalance preview` shows
what a rebalance would change now.

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
    allowed_run_types=["scheduled", "manual", "operator_triggered"],
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    default_args=LIVE_DEFAULTS,
    on_failure_callback=on_failure,
    tags=["airdesk", "trading"],
    doc_md=__doc__,
):
    preview = step("preview", "rebalance:preview", doc="Show the rebalancing decision; write it if its hour did not.")
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
