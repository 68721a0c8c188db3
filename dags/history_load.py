"""### History load

Years of bars, splits and dividends, headlines, filings, earnings or monthly values from the vendors, by hand. `plan`
lists the pieces (a symbol's quarter of half hours, year of days, month of headlines) and leaves out what is stored;
`load` runs once for each, under a name such as *NVDA 30m 2024-01..2024-03*; `summary` adds up and is red while one is
missing.

**By hand.** Trigger it in the UI, where each parameter is a field, or

```
./airdesk airflow dags trigger history_load \\
    --conf '{"symbols": ["NVDA"], "from": "2021-01-04", "to": "2025-12-31", "what": ["bars", "actions"]}'
```

**Clear, retry or trigger again** is safe at any time: a piece that is stored is not asked for again, nor is what the
vendor said it does not have. `./airdesk data pull` does the same without Airflow.

**Quotas.** History uses at most 60 % of a vendor's calls, counted with everybody's: the rest is left to the hourly run,
which goes before it in the queue too. A piece that finds no quota left is up for retry until there is some.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.history import HISTORY_DEFAULTS, KINDS, SYMBOL_PATTERN, history_steps

with DAG(
    "history_load",
    schedule=None,
    start_date=datetime(2015, 1, 2, tzinfo=UTC),
    catchup=False,
    allowed_run_types=["manual"],
    max_active_runs=1,
    dagrun_timeout=timedelta(days=14),
    default_args=HISTORY_DEFAULTS,
    on_failure_callback=on_failure,
    params={
        "symbols": Param(
            [],
            type=["null", "array"],
            items={"type": "string", "pattern": SYMBOL_PATTERN},
            title="Symbols",
            description="Of the strategy's universe, one a line; empty for all of it.",
        ),
        # Not without a default: Airflow then cannot build the context of a failed mapped task for its callback.
        "from": Param(
            None, type=["null", "string"], format="date", title="From", description="First day; it must be given."
        ),
        "to": Param(None, type=["null", "string"], format="date", title="To", description="Last day; empty for today."),
        "what": Param(
            ["actions", "bars"],
            type="array",
            items={"type": "string", "enum": list(KINDS)},
            examples=list(KINDS),
            minItems=1,
            title="What",
            description="Splits and dividends are loaded first: they explain the jumps between bars.",
        ),
        "source": Param(
            None,
            type=["null", "string"],
            title="Source",
            description="The only one to ask, e.g. polygon; empty for whoever serves.",
        ),
    },
    tags=["airdesk", "history"],
    doc_md=__doc__,
):
    history_steps()
