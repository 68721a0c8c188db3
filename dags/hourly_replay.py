"""### Hourly replay

History through the very code that trades: one run per session, each looping the hours of its session, into a book
`replay:<name>` with simulated fills. It never runs by itself and never gets a broker.

```
./airdesk airflow dags unpause hourly_replay
./airdesk airflow backfill create --dag-id hourly_replay --from-date 2019-06-03 --to-date 2019-06-14T23:59 \\
    --dag-run-conf '{"book": "june", "strategy": "technical_core"}'
```

The last date needs its time: without one it means midnight, before that day's session. In the UI: Trigger, Backfill.

`book` is 1 to 40 of a-z, 0-9, `_` and `-` (default `backfill`). A session of a book is replayed once: the same dates
again change nothing, later dates continue the book, earlier ones are refused unless `replace` is true, which starts
the book anew. A session waits by retry for the one before it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.steps import REPLAY_DEFAULTS, replay_step
from trading.entrypoints.airflow.timetable import NyseReplayTimetable

with DAG(
    "hourly_replay",
    schedule=NyseReplayTimetable(),
    start_date=datetime(2005, 1, 3, tzinfo=UTC),
    catchup=False,
    allowed_run_types=["backfill", "manual"],
    default_args=REPLAY_DEFAULTS,
    on_failure_callback=on_failure,
    tags=["airdesk", "replay"],
    doc_md=__doc__,
):
    replay_step(
        "replay_session",
        doc="Replay each hour of the session from the state that the session before left; writes the next state.",
    )
