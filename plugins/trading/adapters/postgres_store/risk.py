"""desk.risk and desk.rebalances: what a book risks, and what its rebalances changed."""

from __future__ import annotations

from datetime import datetime

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.postgres_store.statements import Statements
from trading.domain.codec import decode, encode
from trading.domain.instruments import BookId
from trading.domain.rebalances import Preview
from trading.domain.risk import BookRisk, regime_of


class PostgresRiskRows:
    """`RiskRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "risk")

    def add(self, decision_id: str, book: BookId, risk: BookRisk) -> None:
        """Store the risk of a book at a decision."""
        self._sql.run(
            "add_risk",
            decision_id=decision_id,
            book=str(book),
            kind=risk.kind,
            as_of=risk.as_of,
            nav_usd=risk.nav_usd,
            drawdown_frac=risk.drawdown_frac,
            breaker=risk.phase,
            vix=risk.vix,
            vix_regime=regime_of(risk.vix),
            rebalance_due=risk.rebalance_due,
            detail=Json(encode(risk)),
        )

    def newest(self, book: BookId, until: datetime | None = None) -> BookRisk | None:
        """Return the youngest risk of a book, by an instant if one is given; None without a decision."""
        detail = self._sql.value("newest_risk", book=str(book), until=until)
        return None if detail is None else decode(BookRisk, detail)

    def add_rebalance(self, preview: Preview) -> None:
        """Store what a rebalance changes, before anything is sent."""
        self._sql.run(
            "add_rebalance",
            decision_id=preview.decision_id,
            book=str(preview.book),
            as_of=preview.as_of,
            reason=preview.reason,
            preview=Json(encode(preview)),
        )

    def preview(self, decision_id: str) -> Preview | None:
        """Return what a rebalance decision changes; None for another decision."""
        detail = self._sql.value("read_rebalance", decision_id=decision_id)
        return None if detail is None else decode(Preview, detail)

    def preview_at(self, book: BookId, as_of: datetime | None = None) -> Preview | None:
        """Return the youngest preview of a book, or that of an instant; None without one."""
        detail = self._sql.value("rebalance_at", book=str(book), as_of=as_of)
        return None if detail is None else decode(Preview, detail)

    def rebalance_due(self, book: BookId, as_of: datetime) -> str | None:
        """Return why the hourly decision of an hour asks for a rebalance; None if it does not."""
        found: str | None = self._sql.value("rebalance_due", book=str(book), as_of=as_of)
        return found
