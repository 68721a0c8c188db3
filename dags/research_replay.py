"""### Research replay

A parameter search over stored history, spread over the executor's workers: `plan` checks the parameters and cuts the
work, `trials` runs once for each batch of the grid (or each walk-forward window), `summarise` says which numbers did
best and how much to believe it. It trades nothing and gets no broker.

```
./airdesk airflow dags trigger research_replay --conf '{"name": "stops", "from": "2016-01-04", "to": "2023-12-29", \\
    "strategy": "technical_core", "sets": ["trail=0.10..0.15:0.01", "take_profit=0.20..0.30:0.05"]}'
```

The result is in Postgres: `./airdesk replay search stops` prints it, `--report DIR` writes the robustness plot. A
trial that is stored is not run again: clear, retry or trigger the same search again at any time, here or by the command
line. A name stands for one search; other parameters need another name.

Workers share the database only, so it runs unchanged on Local, Celery and Kubernetes executors. The pool `research`
says how many tasks run at once; on one machine one, so that a live hour finds a free worker.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param
from trading.domain.searches import Objective, SearcherName, SearchKind
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.research import RESEARCH_DEFAULTS, research_steps

with DAG(
    "research_replay",
    schedule=None,
    start_date=datetime(2015, 1, 2, tzinfo=UTC),
    catchup=False,
    allowed_run_types=["manual"],
    dagrun_timeout=timedelta(days=7),
    default_args=RESEARCH_DEFAULTS,
    on_failure_callback=on_failure,
    params={
        # Not without defaults: Airflow then cannot build the context of a failed mapped task for its callback.
        "name": Param(
            None, type=["null", "string"], pattern="^[a-z0-9_-]{1,40}$", title="Name", description="Of the search."
        ),
        "kind": Param(SearchKind.SEARCH.value, type="string", enum=list(SearchKind), title="Kind"),
        "strategy": Param(
            None,
            type=["null", "string"],
            title="Strategy",
            description="Its name; empty for the desk's own.",
        ),
        "from": Param(None, type=["null", "string"], format="date", title="From", description="First session."),
        "to": Param(None, type=["null", "string"], format="date", title="To", description="Last session."),
        "sets": Param(
            ["trail=0.10..0.15:0.01"],
            type="array",
            items={"type": "string"},
            title="What varies",
            description="One a line: trail=0.10..0.15:0.01 or rsi_exit=65,70,75.",
        ),
        "objective": Param(Objective.SHARPE.value, type="string", enum=list(Objective), title="Objective"),
        "searcher": Param(
            SearcherName.GRID.value,
            type="string",
            enum=list(SearcherName),
            title="Searcher",
            description="optuna in walk-forward windows only: it learns from one trial after the other.",
        ),
        "trials": Param(None, type=["null", "integer"], minimum=1, title="Most trials of a window"),
        "seed": Param(1, type="integer", minimum=0, title="Seed of optuna"),
        "min_trades": Param(20, type="integer", minimum=0, title="Fewest filled entries that count"),
        "train": Param(24, type="integer", minimum=1, title="Walk-forward: months to search on"),
        "test": Param(6, type="integer", minimum=1, title="Walk-forward: months to test on"),
        "embargo": Param(5, type="integer", minimum=0, title="Walk-forward: sessions left out before a test"),
        "anchored": Param(False, type="boolean", title="Walk-forward: always search from the first month on"),
        "batch": Param(25, type="integer", minimum=1, title="Trials of one task"),
    },
    tags=["airdesk", "replay"],
    doc_md=__doc__,
):
    research_steps()
