"""### Hourly trading

Each hour of the New York session, and at its close: bring the book up to date with the broker, ingest, analyse,
decide, send orders, report. `decide` runs whatever the ingests did: missing input blocks entries, exits are judged
on what is fresh, and `report` turns the run red.

Orders above AIRDESK_APPROVAL_ABOVE_USD wait in `approve` for a person, at most 15 minutes, under Required Actions or by
`./airdesk approve`; exits and every other order never wait. Without the setting both tasks are skipped.

`rebalance_when_due` triggers `quarterly_rebalance` for the same hour when the decision asks for it; else it is skipped.

**By hand.** Without a date the run stands for the youngest completed session hour. With
`{"as_of": "2026-11-23T15:30:00Z"}` it stands for exactly that hour.

**Clear and rerun** is safe: a decision is written once, an order is sent once, and clearing an older run sends nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.rebalancing import RebalanceWhenDue
from trading.entrypoints.airflow.steps import DATA_POOL, IBKR_POOL, LIVE_DEFAULTS, approval_steps, step
from trading.entrypoints.airflow.timetable import NyseTimetable

INGESTS = ("ingest_prices", "ingest_fundamentals", "ingest_news")
ANALYSES = ("technicals", "sentiment", "risk")

with DAG(
    "hourly_trading",
    schedule=NyseTimetable(),
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
    sync_broker = step(
        "sync_broker",
        "sync:sync_broker",
        pool=IBKR_POOL,
        doc="Book what happened at the broker since the last hour: executions, commissions, order states.",
    )
    ingests = [
        step(
            "ingest_prices",
            "ingest:ingest_prices",
            pool=DATA_POOL,
            trigger_rule="all_done",
            doc="Store the bars since the last run.",
        ),
        step(
            "ingest_fundamentals",
            "ingest:ingest_fundamentals",
            trigger_rule="all_done",
            doc="Store filings, macro values, splits and dividends that became known.",
        ),
        step("ingest_news", "ingest:ingest_news", trigger_rule="all_done", doc="Store headlines since the last run."),
    ]
    analyses = [
        step("technicals", "analyse:technicals", trigger_rule="all_done", doc="Averages, RSI, MACD, ATR per symbol."),
        step("sentiment", "analyse:sentiment", trigger_rule="all_done", doc="One score per symbol from its headlines."),
        step("risk", "analyse:risk", trigger_rule="all_done", doc="Volatility, VIX, macro and valuation per symbol."),
    ]
    decide = step(
        "decide",
        "decide:decide",
        trigger_rule="all_done",
        needs=["sync_broker"],
        doc="Judge every rule for every symbol and plan orders; written once. Needs a book that is up to date.",
    )
    execute = step(
        "execute",
        "approved:send",
        pool=IBKR_POOL,
        waiting=["approve", "execute_approved"],
        doc="Send what the newest decision planned and the broker does not have yet. Sends nothing for an older hour.",
    )
    approve, execute_approved = approval_steps("hourly", send="approved:send_answered")
    rebalance_when_due = RebalanceWhenDue(
        task_id="rebalance_when_due",
        trigger_rule="all_done",
        doc_md="Trigger `quarterly_rebalance` for this hour if its decision asks for it: a shift, waiting buys.",
    )
    report = step(
        "report",
        "desk:report",
        trigger_rule="all_done",
        judges=["sync_broker", *INGESTS, *ANALYSES, "decide", "execute", "approve", "execute_approved"],
        doc="Tell people what was decided and filled; red if any step failed or worked on missing input.",
    )

    sync_broker >> ingests
    for ingest in ingests:
        ingest >> analyses
    analyses >> decide >> execute >> approve
    execute >> rebalance_when_due
    [execute, execute_approved] >> report
