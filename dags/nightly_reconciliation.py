"""### Nightly reconciliation

After each close, also on half days: book late executions, then prove that our books equal the broker's and that they
tie in themselves. Every difference is a row in `ops.breaks` and a message; one that nothing explains sets the book to
HALTED until an operator has looked and resumed. By hand it compares now, as of the youngest session hour.

**Clear and rerun** is safe: it compares again and stores another reconciliation.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.checks import BooksCheck
from trading.entrypoints.airflow.steps import IBKR_POOL, LIVE_DEFAULTS, step
from trading.entrypoints.airflow.timetable import NyseCloseTimetable

# Task and file of include/sql/checks, whether a broken rule halts the book, and what the rule is.
CHECKS = (
    ("lots_tie_to_fills", True, "Open lots and disposals add up to the executions."),
    ("cash_ties_to_fills", True, "Cash entries add up to what the executions cost."),
    ("fills_within_orders", True, "No order filled more than it asked for, or more than it says."),
    ("orders_have_intents", True, "Nothing reached the broker that was not reserved first."),
    ("no_synthetic_input", True, "No paper or live book beside generated rows."),
    # A halted desk could not place the missing stop, so this one only fails and tells.
    ("longs_are_protected", False, "Every long has one live stop for exactly its shares."),
)

with DAG(
    "nightly_reconciliation",
    schedule=NyseCloseTimetable(minutes_after=90),
    start_date=datetime(2015, 1, 2, tzinfo=UTC),
    catchup=False,
    allowed_run_types=["scheduled", "manual"],
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    template_searchpath=[str(Path(__file__).parents[1] / "include" / "sql" / "checks")],
    default_args=LIVE_DEFAULTS,
    on_failure_callback=on_failure,
    tags=["airdesk", "books"],
    doc_md=__doc__,
):
    sync_broker = step(
        "sync_broker",
        "sync:sync_broker",
        pool=IBKR_POOL,
        doc="Book executions and commissions that came after the last hour.",
    )
    reconcile = step(
        "reconcile",
        "reconcile:reconcile",
        pool=IBKR_POOL,
        trigger_rule="all_done",
        judges=[],
        doc="Positions, cash, executions, orders and protections against the broker; red on any difference.",
    )
    checks = [BooksCheck(task_id=name, halts=halts, doc_md=doc, trigger_rule="all_done") for name, halts, doc in CHECKS]

    sync_broker >> [reconcile, *checks]
