"""desk.decisions, reasons, targets: what was decided, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.orders import add_orders
from trading.adapters.postgres_store.statements import Statements, columns_of
from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import Order
from trading.domain.signals import Outcome, Reason, RuleRole, Targets
from trading.ports.orders import RunName

_REASON_COLUMNS = ("symbol", "rule", "role", "outcome", "observed", "threshold", "input_at", "why")


class PostgresDecisionRows:
    """`DecisionRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "decisions")

    def find(self, book: BookId, kind: DecisionKind, as_of: datetime) -> Decision | None:
        """Return the stored decision, or None."""
        return _decision(self._sql.row("find_decision", book=str(book), kind=kind.value, as_of=as_of))

    def newest(self, book: BookId, kind: DecisionKind) -> Decision | None:
        """Return the book's youngest decision of that kind, or None."""
        return _decision(self._sql.row("newest_decision", book=str(book), kind=kind.value))

    def get(self, decision_id: str) -> Decision | None:
        """Return the decision of that name, or None."""
        return _decision(self._sql.row("decision_by_id", decision_id=decision_id))

    def newest_until(self, book: BookId, kind: DecisionKind, until: datetime) -> Decision | None:
        """Return the book's youngest decision of that kind with `as_of <= until`, or None."""
        return _decision(self._sql.row("newest_decision_until", book=str(book), kind=kind.value, until=until))

    def add(self, decision: Decision, reasons: Iterable[Reason], targets: Targets, orders: Sequence[Order]) -> bool:
        """Store a decision with everything it says; False (and no change) if it is already stored."""
        head = asdict(decision) | {"book": str(decision.book), "kind": decision.kind.value}
        if self._sql.row("add_decision", **head) is None:
            return False
        if given := list(reasons):
            columns = columns_of(given, *_REASON_COLUMNS)
            self._sql.run("add_reasons", decision_id=decision.decision_id, **columns)
        if targets.weight_frac:
            self._sql.run(
                "add_targets",
                decision_id=decision.decision_id,
                symbol=list(targets.weight_frac),
                weight_frac=list(targets.weight_frac.values()),
            )
        if orders:
            add_orders(self._sql.connection, orders)
        return True

    def reasons(self, decision_id: str, symbol: Symbol | None = None) -> tuple[Reason, ...]:
        """Return the verdicts of a decision, of one symbol or of all."""
        return _reasons(self._sql.rows("read_reasons", decision_id=decision_id, symbol=symbol))

    def reasons_since(self, book: BookId, kind: DecisionKind, since: datetime) -> tuple[Reason, ...]:
        """Return the verdicts of every decision of that kind with `as_of >= since`, hour by hour."""
        return _reasons(self._sql.rows("read_reasons_since", book=str(book), kind=kind.value, since=since))

    def targets(self, decision: Decision) -> Targets:
        """Return the target weights of a decision."""
        rows = self._sql.rows("read_targets", decision_id=decision.decision_id)
        weights = {row["symbol"]: row["weight_frac"] for row in rows}
        return Targets(decision.as_of, decision.nav_usd or 0.0, weights)

    def instants(self, book: BookId, kind: DecisionKind) -> tuple[int, ...]:
        """Return when the book's decisions of that kind stand, ascending [seconds since 1970, UTC]."""
        return tuple(self._sql.value("decision_instants", book=str(book), kind=kind.value) or ())

    def note_run(self, decision_id: str, run: RunName) -> None:
        """Remember which run made a decision; the first one stands."""
        self._sql.run("note_run", decision_id=decision_id, **asdict(run))

    def note_session_run(self, book: BookId, session_on: date, run: RunName) -> None:
        """Remember which run made the decisions of a session; the first one stands."""
        self._sql.run("note_session_run", book=str(book), session_on=session_on, **asdict(run))

    def run_of(self, decision_id: str) -> RunName | None:
        """Return the run that made a decision; None where none is known."""
        row = self._sql.row("run_of_decision", decision_id=decision_id)
        return None if row is None else RunName(**row)

    def of_run(self, run: RunName) -> Decision | None:
        """Return the youngest decision that a run made, or None."""
        return _decision(self._sql.row("decision_of_run", **asdict(run)))


def _reasons(rows: Iterable[dict[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(**(row | {"role": RuleRole(row["role"]), "outcome": Outcome(row["outcome"])})) for row in rows)


def _decision(row: dict[str, Any] | None) -> Decision | None:
    return None if row is None else decision_of(row)


def decision_of(row: dict[str, Any]) -> Decision:
    """Return the decision that a row is."""
    return Decision(**(row | {"book": BookId.parse(row["book"]), "kind": DecisionKind(row["kind"])}))
