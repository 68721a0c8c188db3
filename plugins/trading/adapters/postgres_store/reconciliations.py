"""ops.reconciliations, breaks, externals and staging.statements: how book and broker were compared."""

from __future__ import annotations

import gzip
import hashlib
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.accounting.reconciliation_kinds import GATING, Difference, DifferenceKind
from trading.adapters.postgres_store.statements import Statements
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.money import ZERO
from trading.domain.orders import OrderRef, Side
from trading.domain.statements import Statement
from trading.ports import Break, DividendDue, External, Filed, Proof

_GATING = sorted(kind.value for kind in GATING)


class PostgresReconciliationRows:
    """`ReconciliationRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "reconciliations")

    def file(self, proof: Proof) -> Filed:
        """Store a proof: a difference seen again keeps its break, one that was compared and is gone closes it.

        The comparison counts as clean only if no break of another kind stays open either.
        """
        book = str(proof.book)
        self._sql.rows("lock_reconciliations", book=book)
        seen = [d.key for d in proof.found]
        compared = [kind.value for kind in proof.compared]
        gone = self._sql.run("close_gone", book=book, at=proof.at, compared=compared, seen=seen)
        open_kinds = {*(d.kind for d in proof.found), *(b.difference.kind for b in self.breaks(proof.book))}
        number = int(
            self._sql.value(
                "add_reconciliation",
                book=book,
                session_on=proof.session_on,
                at=proof.at,
                is_clean=not open_kinds,
                lets_trade=not open_kinds & GATING,
                detail=Json(dict(proof.detail)),
                kind=proof.kind.value,
                code_hash=proof.code_hash,
            )
        )
        rows = [self._see(number, proof, difference) for difference in proof.found]
        return Filed(
            number,
            opened=tuple(_break(row) for row in rows if row["is_new"]),
            repeated=tuple(_break(row) for row in rows if not row["is_new"]),
            gone=gone,
        )

    def _see(self, number: int, proof: Proof, difference: Difference) -> dict[str, Any]:
        rows = self._sql.rows(
            "see_break",
            reconciliation_id=number,
            book=str(proof.book),
            kind=difference.kind.value,
            symbol=difference.symbol,
            ours=difference.ours,
            theirs=difference.theirs,
            break_key=difference.key,
            reference=difference.reference,
            quantity=difference.quantity,
            cash_usd=difference.cash_usd,
            price=difference.fill.price if difference.fill else None,
            commission_usd=difference.fill.commission_usd if difference.fill else None,
            executed_at=difference.fill.executed_at if difference.fill else None,
            at=proof.at,
        )
        return rows[0]

    def gate(self, book: BookId) -> str | None:
        """Return a sentence that names the oldest break which keeps entries waiting, or None."""
        row = self._sql.row("gating_break", book=str(book), kinds=_GATING)
        if row is None:
            return None
        found = _break(row)
        return (
            f"break {found.break_id} is open since {found.first_seen_at:%Y-%m-%d %H:%M} UTC ({found.difference}); "
            f"look at it with `./airdesk reconcile show {found.break_id}`"
        )

    def last_clean_at(self, book: BookId) -> datetime | None:
        """Return when the newest comparison was made that lets the book trade, or None."""
        at: datetime | None = self._sql.value("last_clean", book=str(book))
        return at

    def clean_sessions(self, book: BookId, code_hash: str) -> int:
        """Return how many sessions have a newest nightly comparison without any difference, by this very code."""
        return int(self._sql.value("clean_sessions", book=str(book), code_hash=code_hash))

    def breaks(self, book: BookId, *, is_open: bool = True) -> tuple[Break, ...]:
        """Return the open breaks, oldest first, or the closed ones, youngest first."""
        return tuple(map(_break, self._sql.rows("open_breaks" if is_open else "closed_breaks", book=str(book))))

    def find_break(self, break_id: int) -> Break | None:
        """Return one break, or None."""
        row = self._sql.row("break_by_id", break_id=break_id)
        return _break(row) if row else None

    def close_break(self, break_id: int, *, resolution: str, actor: str) -> bool:
        """Close a break with an explanation; False if it is closed already."""
        return bool(self._sql.run("close_break", break_id=break_id, resolution=resolution, actor=actor))

    def opened_at(self, book: BookId) -> datetime | None:
        """Return when the book was opened with the cash that the broker showed, or None."""
        at: datetime | None = self._sql.value("opened_at", book=str(book))
        return at

    def order_of_perm(self, book: BookId, perm_id: int) -> OrderRef | None:
        """Return our reference of the order that the broker knows under this permanent id, or None."""
        ref: OrderRef | None = self._sql.value("order_of_perm", book=str(book), perm_id=perm_id)
        return ref

    def externals(self, book: BookId) -> tuple[External, ...]:
        """Return what is outside the book, oldest first."""
        return tuple(External(**row) for row in self._sql.rows("read_externals", book=str(book)))

    def add_external(self, book: BookId, external: External, *, reason: str, actor: str) -> bool:
        """Take foreign activity out of all comparisons; False if its reference is stored already."""
        row = {
            "reference": external.reference,
            "symbol": external.symbol,
            "quantity": external.quantity,
            "cash_usd": external.cash_usd,
            "counted_at": external.counted_at,
        }
        return bool(self._sql.run("add_external", book=str(book), **row, reason=reason, actor=actor))

    def dividends_due(self, book: BookId, *, since: datetime) -> tuple[DividendDue, ...]:
        """Return the dividends counted at or after `since` that no statement confirmed, oldest first."""
        return tuple(DividendDue(**row) for row in self._sql.rows("dividends_due", book=str(book), since=since))

    def add_statement(self, book: BookId, statement: Statement, body: bytes, *, at: datetime) -> bool:
        """Store a statement as received, once per content; True if it is new."""
        return bool(
            self._sql.run(
                "add_statement",
                book=str(book),
                account=statement.account,
                from_on=statement.from_on,
                to_on=statement.to_on,
                at=at,
                sha256=hashlib.sha256(body).hexdigest(),
                body_gzip=gzip.compress(body, mtime=0),
            )
        )


def _break(row: dict[str, Any]) -> Break:
    return Break(
        break_id=row["break_id"],
        book=BookId.parse(row["book"]),
        difference=Difference(
            DifferenceKind(row["kind"]),
            row["symbol"],
            row["ours"] or "",
            row["theirs"] or "",
            row["reference"],
            row["quantity"],
            row["cash_usd"],
            _fill(row),
        ),
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        closed_at=row["closed_at"],
        resolution=row["resolution"],
        resolved_by=row["resolved_by"],
    )


def _fill(row: dict[str, Any]) -> Fill | None:
    """Return the execution that a break is about; the sign of its shares gives the side."""
    if row["executed_at"] is None:
        return None
    side = Side.BUY if row["quantity"] > ZERO else Side.SELL
    book = BookId.parse(row["book"])
    return Fill(
        row["reference"], None, book, row["symbol"], side, abs(row["quantity"]), row["price"], row["commission_usd"],
        row["executed_at"],
    )  # fmt: skip
