"""### Weekly model training

After the last close of each week it looks whether the promoted model still fits the market, and benches it if not;
then it trains a candidate on what was known by that close and walks it forward beside the rules alone. **Nothing is
promoted here**: `./airdesk model list` shows the candidates, `./airdesk model promote ID` lets one speak, and one that
did no better than the rules is refused unless a person says why.

A benched model is silent from the next hour on, a message says so, and the rules go on alone.

**Clear and rerun** is safe: the same history trains the same model, which is registered once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.steps import LIVE_DEFAULTS, step
from trading.entrypoints.airflow.timetable import NyseWeekTimetable

with DAG(
    "weekly_model_training",
    # Half a day later: the night's checks and corrections come first.
    schedule=NyseWeekTimetable(minutes_after=720),
    start_date=datetime(2015, 1, 2, tzinfo=UTC),
    catchup=False,
    allowed_run_types=["scheduled", "manual"],
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args={**LIVE_DEFAULTS, "priority_weight": 1},
    on_failure_callback=on_failure,
    tags=["airdesk", "model"],
    doc_md=__doc__,
):
    check_drift = step(
        "check_drift",
        "train:check_drift",
        judges=(),
        doc="Hold the promoted model against the time since its training; bench it where it drifted.",
    )
    train_candidate = step(
        "train_candidate",
        "train:train_candidate",
        trigger_rule="all_done",
        doc="Train a candidate, walk it forward, write file, hash and metrics; promote nothing.",
    )

    check_drift >> train_candidate
