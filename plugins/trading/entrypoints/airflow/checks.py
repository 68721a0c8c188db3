"""Nightly SQL checks: each file of include/sql/checks returns the rows that break one rule, and normally none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from trading.domain.instruments import BookId
from trading.entrypoints.airflow.context import CONNECTION_ID, settings_here
from trading.errors import InvariantBroken, PermanentError
from trading.tasks.failing import halt_and_tell

_SHOWN = 5


class BooksCheck(SQLExecuteQueryOperator):
    """Runs one check; a row fails the task and, if the check says so, halts the book in its first column."""

    def __init__(self, *, task_id: str, halts: bool, **operator: Any) -> None:
        super().__init__(task_id=task_id, sql=f"{task_id}.sql", conn_id=CONNECTION_ID, **operator)
        self.halts = halts

    def execute(self, context: Mapping[str, Any]) -> int:
        """Return 0, the number of rows that break the rule.

        Raises:
            InvariantBroken: at least one row breaks the rule; its book is HALTED.
            PermanentError: the same for a check that does not halt.
        """
        rows: Sequence[Sequence[Any]] = super().execute(context)
        if not rows:
            return 0
        text = broken_text(self.task_id, rows)
        if not self.halts:
            raise PermanentError(text)
        from trading.bootstrap import services_for

        store = services_for(settings_here()).store
        for book in sorted({str(row[0]) for row in rows}):
            halt_and_tell(store, BookId.parse(book), reason=text, actor=f"{self.dag_id}.{self.task_id}")
        raise InvariantBroken(text)


def broken_text(check: str, rows: Sequence[Sequence[Any]]) -> str:
    """Return one sentence about the rows that break a check, the first few spelt out."""
    shown = "; ".join(", ".join(str(value) for value in row) for row in rows[:_SHOWN])
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"{check}: {shown}{more}. Look at `./airdesk fills` and `./airdesk orders`, correct the book, then resume"
