"""What a replay did: the book hour by hour as arrays, orders and fills as objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from trading.domain.fills import Disposal, Fill
from trading.domain.instruments import BookId
from trading.domain.orders import Order
from trading.domain.panel import FeaturePanel, FloatArray, TimeArray
from trading.domain.portfolio import TradingState
from trading.engine.corporate import Dividend
from trading.engine.plain_trades import Ledger
from trading.engine.state import BookState, Hour, Step
from trading.strategy.judging import Judgement
from trading.strategy.spec import StrategySpec


@dataclass(frozen=True, slots=True)
class BreakerTurn:
    """The drawdown breaker changed what the book may do.

    Attributes:
        state: REDUCE_ONLY for a trip, HALTED for a loss since the beginning, ACTIVE for a re-entry.
        nav_usd: at the turn. why: the sentence with the numbers.
    """

    as_of: datetime
    session_on: date
    state: TradingState
    nav_usd: float
    why: str

    @classmethod
    def of(cls, hour: Hour, taken: Step) -> BreakerTurn:
        """Return the turn that an hour's step took."""
        state, nav = taken.state.trading_state, taken.nav_usd
        return cls(hour.slot.as_of, hour.slot.session_on, state, nav or 0.0, taken.state_change or "")


@dataclass(frozen=True)
class EquityCurve:
    """The book at every session hour, as the decision of the hour found it.

    Attributes:
        as_of: end of each hour, shape (hours,). session_on: New York date. is_closing: whether it ends its session.
        nav_usd: NaN in an hour in which a held symbol had no price. cash_usd: settled or not.
        quantity: shares held, shape (hours, symbols), columns as in the panel.
    """

    as_of: TimeArray
    session_on: NDArray[np.datetime64]
    is_closing: NDArray[np.bool_]
    nav_usd: FloatArray
    cash_usd: FloatArray
    quantity: FloatArray

    def __len__(self) -> int:
        return len(self.as_of)

    @property
    def invested_frac(self) -> FloatArray:
        """Part of NAV that is not cash, shape (hours,); 0 where NAV is unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(self.nav_usd > 0, 1.0 - self.cash_usd / self.nav_usd, 0.0))

    @property
    def exposure_frac(self) -> float | None:
        """Mean part of NAV that is not cash, over the hours whose NAV is known; None without one."""
        known = np.isfinite(self.nav_usd)
        return float(self.invested_frac[known].mean()) if known.any() else None

    def session_equity(self, starting_usd: float) -> FloatArray:
        """Return starting equity and the NAV of each close; a close with an unknown price keeps the last known NAV."""
        row = np.maximum.accumulate(np.where(np.isnan(self.nav_usd), -1, np.arange(len(self))))
        known = np.where(row >= 0, self.nav_usd[np.maximum(row, 0)], starting_usd)
        return np.concatenate([[starting_usd], known[self.is_closing]])


@dataclass(frozen=True)
class ReplayResult:
    """What `spec` did with `starting_usd`.

    Attributes:
        panel, judgement: facts and verdicts of every hour; their rows are the rows of `curve`.
        ledger: orders in the order in which they were sent, fills and disposals in the order in which they were booked.
        denials: entries, exits and trims that the pre-trade checks stopped, by the code that stopped them first.
        state_changes: (as_of, sentence) for each change of trading state.
        breaker_turns: each trip of the drawdown breaker, each re-entry and each halt.
        rebalances: (as_of, reason) for each time the book was brought back to its targets.
        final: the book after the last hour.
    """

    book: BookId
    spec: StrategySpec
    starting_usd: float
    panel: FeaturePanel
    judgement: Judgement
    curve: EquityCurve
    ledger: Ledger
    dividends: tuple[Dividend, ...]
    denials: dict[str, int]
    state_changes: tuple[tuple[datetime, str], ...]
    breaker_turns: tuple[BreakerTurn, ...]
    rebalances: tuple[tuple[datetime, str], ...]
    final: BookState

    @property
    def orders(self) -> tuple[Order, ...]:
        """What was sent, in that order."""
        return self.ledger.orders

    @property
    def fills(self) -> tuple[Fill, ...]:
        """What was executed, in the order in which it was booked."""
        return self.ledger.fills

    @property
    def disposals(self) -> tuple[Disposal, ...]:
        """What sales closed, in the order in which it was booked."""
        return self.ledger.disposals

    @property
    def hours_open(self) -> dict[str, int]:
        """Hours in which the entry rules passed and nothing blocked, by symbol."""
        is_open = self.judgement.may_enter
        return {s: int(n) for s, n in zip(self.panel.symbols, is_open.sum(axis=0), strict=True)}
