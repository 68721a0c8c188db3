"""`make docs`: write every page that is made of the code. Deterministic: the same code gives the same pages."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store.describing import columns_of
from trading.entrypoints.cli import build_parser
from trading.entrypoints.documentation import commands, configuration, dags, metrics, strategy, tables, telegram
from trading.entrypoints.documentation.markdown import between_marks, written
from trading.strategy.three_sector import three_sector

ROOT = Path(__file__).parents[4]


def main() -> int:
    """Write the pages and say which of them changed."""
    with tempfile.TemporaryDirectory(prefix="airdesk-docs-") as name:
        folder = Path(name)
        # As root the server runs under another account, which must be able to enter.
        folder.chmod(0o711)
        changed = written(ROOT, _pages(folder))
    for page in changed:
        print(f"wrote {page}")
    print(f"{len(changed) or 'no'} page{'' if len(changed) == 1 else 's'} changed")
    return 0


def _pages(folder: Path) -> Iterator[tuple[str, str]]:
    yield commands.NAME, commands.commands_page(build_parser())
    yield configuration.NAME, configuration.configuration_page(ROOT)
    readme = (ROOT / strategy.NAME).read_text(encoding="utf-8")
    yield strategy.NAME, between_marks(readme, strategy.MARK, strategy.strategy_table(three_sector()))
    page = (ROOT / strategy.UNIVERSE_NAME).read_text(encoding="utf-8")
    universe = strategy.universe_table(three_sector())
    yield strategy.UNIVERSE_NAME, between_marks(page, strategy.UNIVERSE_MARK, universe)
    operations = (ROOT / metrics.NAME).read_text(encoding="utf-8")
    yield metrics.NAME, between_marks(operations, metrics.MARK, metrics.metrics_table())
    yield telegram.NAME, telegram.telegram_page(ROOT)
    yield tables.NAME, _tables(folder)
    yield dags.NAME, _dags(folder)


def _tables(folder: Path) -> str:
    postgres = EmbeddedPostgres(folder / "postgres")
    try:
        url = postgres.start().url_for("documented")
        migrate(url)
        return tables.tables_page(columns_of(url))
    finally:
        postgres.stop()


def _dags(folder: Path) -> str:
    # Airflow reads its environment when it is imported.
    os.environ |= {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    bag = import_module("airflow.dag_processing.dagbag").DagBag(dag_folder=str(ROOT / "dags"))
    if bag.import_errors:
        print(bag.import_errors, file=sys.stderr)
        raise SystemExit(1)
    return dags.dags_page(bag.dags, json.loads((ROOT / "include" / "pools.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
