"""analysis.models and analysis.model_events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.postgres_store.statements import Statements
from trading.domain.models import LabelSpec, ModelAction, ModelEvent, ModelRecord


class PostgresModelRows:
    """`ModelRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "models")

    def add(self, record: ModelRecord) -> bool:
        """Store a model; whether its id was free."""
        row = asdict(record) | {
            "features": list(record.features),
            "label": Json(asdict(record.label)),
            "metrics": Json(dict(record.metrics)),
        }
        return self._sql.run("add_model", **row) == 1

    def load(self, model_id: str) -> ModelRecord | None:
        """Return a model, or None."""
        row = self._sql.row("load_model", model_id=model_id)
        return None if row is None else _record(row)

    def all(self) -> tuple[ModelRecord, ...]:
        """Return every model, the newest first."""
        return tuple(map(_record, self._sql.rows("all_models")))

    def add_event(self, event: ModelEvent) -> None:
        """Store what happened to a model."""
        self._sql.run("add_model_event", **asdict(event) | {"action": event.action.value})

    def events(self, *, until: datetime) -> tuple[ModelEvent, ...]:
        """Return what happened until then, ascending."""
        rows = self._sql.rows("model_events", until=until)
        return tuple(ModelEvent(**row | {"action": ModelAction(row["action"])}) for row in rows)


def _record(row: Mapping[str, Any]) -> ModelRecord:
    read = {"features": tuple(row["features"]), "label": LabelSpec(**row["label"])}
    return ModelRecord(**{**row, **read})
