"""What an in-process replay saw and said in every hour, for whoever asks why afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from trading.analysis.facts import utc64
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import Order
from trading.domain.signals import Reason
from trading.engine.result import EquityCurve, ReplayResult
from trading.strategy.judging import RuleVerdicts, reasons_of


@dataclass(frozen=True)
class VerdictBook:
    """The verdicts of every hour of one replay, as arrays, beside its curve and its orders.

    Attributes:
        strategy, spec_hash, code_version: as a stored decision carries them.
        delay_minutes: source delay; `cutoff_at` = `as_of` + this.
        verdicts: of each rule; their rows are the rows of `curve`, their columns `symbols`.
    """

    book: BookId
    strategy: str
    spec_hash: str
    code_version: str
    is_synthetic: bool
    delay_minutes: int
    symbols: tuple[Symbol, ...]
    verdicts: RuleVerdicts
    curve: EquityCurve
    orders: tuple[Order, ...]

    @classmethod
    def of(cls, result: ReplayResult, *, code_version: str, delay_minutes: int, is_synthetic: bool) -> VerdictBook:
        """Return what is kept of a replay."""
        return cls(
            book=result.book,
            strategy=result.spec.label,
            spec_hash=result.spec.spec_hash,
            code_version=code_version,
            is_synthetic=is_synthetic,
            delay_minutes=delay_minutes,
            symbols=result.panel.symbols,
            verdicts=result.judgement.verdicts,
            curve=result.curve,
            orders=result.orders,
        )

    def row_at(self, at: datetime | None) -> int | None:
        """Return the row of the newest hour that ended by `at`, the last one for None; None where none had."""
        row = len(self.curve) - 1 if at is None else int(np.searchsorted(self.curve.as_of, utc64(at), side="right")) - 1
        return row if row >= 0 else None

    def as_of(self, row: int) -> datetime:
        """Return the end of an hour."""
        moment: datetime = self.curve.as_of[row].astype("datetime64[us]").item()
        return moment.replace(tzinfo=UTC)

    def reasons(self, row: int) -> Iterator[Reason]:
        """Return every verdict of an hour, symbol by symbol."""
        return reasons_of(self.symbols, self.verdicts, row, self.as_of(row))

    def orders_of(self, row: int) -> tuple[Order, ...]:
        """Return the orders that an hour decided; those that a check stopped are only counted by the run."""
        planned_at = self.as_of(row) + timedelta(minutes=self.delay_minutes)
        return tuple(order for order in self.orders if order.planned_at == planned_at)
