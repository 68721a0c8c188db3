"""Models: their rows in the registry, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from trading.domain.models import ModelEvent, ModelRecord


class ModelRows(Protocol):
    """analysis.models and analysis.model_events."""

    def add(self, record: ModelRecord) -> bool:
        """Store a model; whether its id was free. One that is stored stays as it is."""
        ...

    def load(self, model_id: str) -> ModelRecord | None:
        """Return a model, or None."""
        ...

    def all(self) -> Sequence[ModelRecord]:
        """Return every model, the newest first."""
        ...

    def add_event(self, event: ModelEvent) -> None:
        """Store what happened to a model."""
        ...

    def events(self, *, until: datetime) -> tuple[ModelEvent, ...]:
        """Return what happened until then, ascending."""
        ...


class ModelFiles(Protocol):
    """The files of models; a file is written once and never changed."""

    def read(self, file_name: str) -> bytes | None:
        """Return what stands in a file; None if there is none, or it cannot be read."""
        ...

    def write(self, file_name: str, content: bytes) -> None:
        """Write a file as a whole."""
        ...
