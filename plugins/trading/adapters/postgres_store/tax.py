"""desk.wash_matches and lot_methods, and what only taxes read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.accounting.tax.records import WashMatch
from trading.accounting.tax.trail import MethodChoice
from trading.adapters.postgres_store.statements import Statements, columns_of
from trading.domain.fills import LotMethod
from trading.domain.instruments import BookId
from trading.ports.tax import CashRow

_COLUMNS = ("fill_id", "loss_lot_id", "lot_id", "symbol", "quantity", "disallowed_usd", "is_permanent")


class PostgresTaxRows:
    """`TaxLedgerRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "tax")

    def matches(self, book: BookId) -> tuple[WashMatch, ...]:
        """Return the wash sales of a book as the newest night found them."""
        return tuple(WashMatch(**(row | {"book": book})) for row in self._sql.rows("read_matches", book=str(book)))

    def add_matches(self, book: BookId, matches: Sequence[WashMatch], *, found_at: datetime) -> None:
        """Add what is found now; 0 shares say that it is no wash sale any more."""
        if matches:
            self._sql.run("add_matches", book=str(book), found_at=found_at, **columns_of(matches, *_COLUMNS))

    def methods(self, book: BookId) -> tuple[MethodChoice, ...]:
        """Return how the book's sales close lots, ascending by day."""
        rows = self._sql.rows("read_methods", book=str(book))
        return tuple(MethodChoice(row["since"], LotMethod(row["method"])) for row in rows)

    def choose_method(self, book: BookId, since: date, method: LotMethod, *, chosen_by: str) -> bool:
        """Let sales from a day on close lots by another method; False (and nothing written) if that day has one."""
        chosen = {"since": since, "method": method.value, "chosen_by": chosen_by}
        return self._sql.row("add_method", book=str(book), **chosen) is not None

    def traded_usd(self, book: BookId) -> Decimal:
        """Return what executions and commissions sum to in cash."""
        return Decimal(self._sql.value("traded_usd", book=str(book)))

    def cash_besides_trades(self, book: BookId) -> tuple[CashRow, ...]:
        """Return dividends, cash in lieu, interest and fees, oldest first."""
        return tuple(CashRow(**row) for row in self._sql.rows("cash_besides_trades", book=str(book)))
