"""/runs: the newest run of each DAG."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say, table


def run(ask: Ask) -> Reply:
    """List the newest runs, and what cannot be imported."""
    api = ask.desk.airflow()
    rows = []
    for dag_id in sorted(api.dag_ids()):
        newest = api.newest_run(dag_id)
        rows.append((dag_id, "never ran" if newest is None else newest.state))
    blocks = [table(rows, ("DAG", "newest run"), left=2)]
    blocks += [say(f"cannot be imported: {name}") for name in api.import_errors()]
    return Reply(tuple(blocks), more="the Airflow UI")


COMMAND = Command("runs", "the newest run of each DAG", run)
