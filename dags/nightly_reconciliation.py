"""### Nightly reconciliation

After each close, also on half days: book late executions, take over the broker's statement, then prove that our books
equal the broker's and that they tie in themselves. Every difference is a break with an age (`./airdesk reconcile list`)
and a message; it turns the run red and keeps entries waiting. One that nothing explains sets the book to HALTED until
an operator has looked and resumed. Activity that is not ours holds its symbol only.

**The order matters.** Interactive Brokers forgets the day's executions at midnight in New York, so this run starts 90
minutes after the close, and its first step books what the API still lists. The statement covers the day before: what
midnight swallowed comes back with it, under the same execution ids, and cash that moved without a trade is booked
before cash is compared. Without Flex settings the statement is skipped, and says so.

**Parity.** The same night replays the session from the book that its first hour found, on the facts known then, and
stores what differs (`./airdesk replay parity --history`): inputs, verdicts, orders, fills. A difference stops nothing.

**Taxes.** The tax ledger is worked out anew from the first execution (`./airdesk tax tie-out`): the wash sales that it
finds are stored, and a difference from the stored lots and disposals is told.

**Reports.** The night writes what the session came to, as page and picture, into the state folder's reports/ (kept for
400 days), and puts the picture of the day into the outbox; at the end of a week also that of the week, and that of a
rebalance in the night after it (`./airdesk report`, docs/reports.md). A report that fails is told and left out; it
turns no run red.

**By hand** it compares now, as of the youngest session hour; `./airdesk reconcile run` does the same without Airflow.

**Clear and rerun** is safe: it compares again and stores another reconciliation; a statement is imported once.
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
    statement = step(
        "statement",
        "statements:import_statement",
        trigger_rule="all_done",
        doc="Executions, commissions and cash items that the broker's newest statement adds; skipped without Flex.",
    )
    reconcile = step(
        "reconcile",
        "reconcile:reconcile",
        pool=IBKR_POOL,
        trigger_rule="all_done",
        judges=["sync_broker", "statement"],
        doc="Positions, cash, executions, commissions, orders and protections against the broker; red on any break.",
    )
    parity = step(
        "parity",
        "parity:parity",
        trigger_rule="all_done",
        doc="The day beside its replay from the same start: stored, told once if they differ, never red for it.",
    )
    tax = step(
        "tax",
        "tax:tax",
        trigger_rule="all_done",
        doc="Lots, disposals and wash sales worked out anew from the executions; wash sales stored, differences told.",
    )
    checks = [BooksCheck(task_id=name, halts=halts, doc_md=doc, trigger_rule="all_done") for name, halts, doc in CHECKS]

    reports = step(
        "reports",
        "nightly_reports:report_night",
        trigger_rule="all_done",
        doc="Page and picture of the day, of the comparison, of a week at its end and of a rebalance; each sent once.",
    )

    housekeeping = step(
        "housekeeping",
        "housekeeping:keep_house",
        trigger_rule="all_done",
        # Airflow colours a run by its last tasks only, and those after `reconcile` run whatever it found.
        judges=["reconcile"],
        doc="Throw away old replies, evidence, messages and logs; nothing of a book. Red if reconcile is.",
    )

    sync_broker >> statement >> reconcile >> checks
    reconcile >> tax
    # Nothing waits for a report but the tidying up, which runs whatever became of it.
    reconcile >> parity >> reports >> housekeeping
