"""desk.approvals: orders that wait for a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.statements import Statements
from trading.domain.orders import OrderRef
from trading.ports.approvals import Answer, Approval


class PostgresApprovalRows:
    """`ApprovalRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "approvals")

    def ask(self, order_id: OrderRef, *, at: datetime, expires_at: datetime) -> Approval:
        """Store a request and return it; one that is stored already stays as it was."""
        self._sql.run("ask_approval", order_id=order_id, at=at, expires_at=expires_at)
        row = self._sql.row("read_approval", order_id=order_id)
        assert row is not None, f"the request of {order_id} was just stored"
        return _approval(row)

    def waiting(self, decision_id: str) -> tuple[Approval, ...]:
        """Return the unanswered requests of a decision, oldest first."""
        return tuple(map(_approval, self._sql.rows("waiting_approvals", decision_id=decision_id)))

    def answer(self, decision_id: str, answer: Answer, *, by: str | None, at: datetime) -> int:
        """Answer every request of a decision that waits; how many there were. The first answer stands."""
        return self._sql.run("answer_approvals", decision_id=decision_id, answer=answer.value, by=by, at=at)


def _approval(row: dict[str, Any]) -> Approval:
    return Approval(**row | {"answer": Answer(row["answer"]) if row["answer"] else None})
