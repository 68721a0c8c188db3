"""What a book holds at its newest mark, and its sectors beside their bands; `tasks.standing` hands it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from trading.accounting.lots import long_from
from trading.domain.instruments import BookId, Sector, Symbol
from trading.domain.money import ZERO
from trading.domain.orders import LEAVING, Order, OrderPurpose
from trading.domain.portfolio import Position
from trading.ports import Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.book_history import BookHistory, Ledger
from trading.tasks.halting import is_stopped
from trading.tasks.risk import LOW_BAND_FRAC


@dataclass(frozen=True, slots=True)
class Holding:
    """An open position.

    Attributes:
        price: USD/share at the newest mark; None without one, and then nothing that follows from it is known.
        weight_frac: of NAV [0–1]. held_since, long_on: of its oldest lot; from `long_on` on its sale is long-term.
        stop_price, target_price: of the orders that guard it [USD/share]; None where none works.
        leaving: shares that a sale works on which is decided, e.g. at the next open; stop and target guard the rest.
    """

    symbol: Symbol
    sector: Sector | None
    quantity: Decimal
    cost_usd: Decimal
    price: float | None
    value_usd: float | None
    unrealised_usd: float | None
    weight_frac: float | None
    held_since: date
    long_on: date
    stop_price: Decimal | None
    target_price: Decimal | None
    leaving: Decimal

    @property
    def is_leaving(self) -> bool:
        """Whether all of it is being sold, which leaves nothing to guard: a stop beside it would sell short."""
        return self.leaving >= self.quantity

    @property
    def unguarded_text(self) -> str:
        """What stands in the place of a stop or a target that is missing."""
        return "being sold" if self.is_leaving else "NONE"


@dataclass(frozen=True, slots=True)
class SectorWeight:
    """A sleeve beside its band; all are shares of NAV [0–1].

    Attributes:
        aim_frac: what the desk last brought its names to; None if that of one of them is not known.
    """

    sector: Sector
    symbols: tuple[Symbol, ...]
    weight_frac: float | None
    aim_frac: float | None
    low_frac: float
    cap_frac: float

    @property
    def is_over(self) -> bool:
        """Whether it is over its band."""
        return self.weight_frac is not None and self.weight_frac > self.cap_frac


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a book holds.

    Attributes:
        as_of: of the newest mark; None before the first, and then NAV and weights are not known.
    """

    as_of: datetime | None
    nav_usd: float | None
    cash_usd: Decimal
    cash_frac: float | None
    holdings: tuple[Holding, ...]
    sectors: tuple[SectorWeight, ...]


def exposure_of(tx: Transaction, spec: StrategySpec, history: BookHistory) -> Exposure | None:
    """Return positions and sectors at the newest mark; None for a stored replay, which keeps none."""
    ledger = history.ledger
    if ledger is None:
        return None
    newest = history.marks[-1] if history.marks else None
    nav = None if newest is None or newest.nav_usd <= 0 else newest.nav_usd
    working = working_now(tx, history.book)
    risk = tx.risk.newest(history.book)
    aims = {} if risk is None else {s.sector: s.aim_frac for s in risk.sectors}
    held = [p for _, p in sorted(ledger.portfolio.positions.items()) if p.lots]
    holdings = tuple(_holding(ledger, spec, position, nav, working) for position in held)
    cash = ledger.portfolio.cash_usd
    return Exposure(
        as_of=None if newest is None else newest.as_of,
        nav_usd=nav,
        cash_usd=cash,
        cash_frac=None if nav is None else float(cash) / nav,
        holdings=holdings,
        sectors=tuple(_sector(spec, sector, holdings, nav, aims) for sector in dict.fromkeys(spec.universe.sectors)),
    )


def working_now(tx: Transaction, book: BookId) -> tuple[Order, ...]:
    """Return the orders that the book knows to work; of a stopped one its guards alone, as a halt takes sales back."""
    working = tx.orders.working(book)
    return tuple(o for o in working if o.is_protective) if is_stopped(tx, book) else working


def _holding(
    ledger: Ledger, spec: StrategySpec, position: Position, nav: float | None, working: Sequence[Order]
) -> Holding:
    price = price_of(ledger, position.symbol)
    value = None if price is None else float(position.quantity) * price
    guards = {o.purpose: o for o in working if o.symbol == position.symbol and o.is_protective}
    stop, target = guards.get(OrderPurpose.STOP), guards.get(OrderPurpose.TARGET)
    starts_on = min(lot.holding_starts_on for lot in position.lots)
    return Holding(
        symbol=position.symbol,
        sector=spec.universe.sector_of.get(position.symbol),
        quantity=position.quantity,
        cost_usd=position.cost_usd,
        price=price,
        value_usd=value,
        unrealised_usd=unrealised_of(position, price),
        weight_frac=None if value is None or nav is None else value / nav,
        held_since=min(lot.acquired_on for lot in position.lots),
        long_on=long_from(starts_on),
        stop_price=None if stop is None else stop.stop_price,
        target_price=None if target is None else target.limit_price,
        leaving=sum((o.remaining for o in working if o.symbol == position.symbol and o.purpose in LEAVING), ZERO),
    )


def _sector(
    spec: StrategySpec,
    sector: Sector,
    holdings: Sequence[Holding],
    nav: float | None,
    aims: Mapping[Sector, float | None],
) -> SectorWeight:
    inside = [h for h in holdings if h.sector is sector]
    weights = [h.weight_frac for h in inside]
    known = None if nav is None or None in weights else sum(w for w in weights if w is not None)
    symbols = tuple(h.symbol for h in inside)
    return SectorWeight(sector, symbols, known, aims.get(sector), LOW_BAND_FRAC, spec.sizing.sector_cap_frac)


def price_of(ledger: Ledger, symbol: Symbol) -> float | None:
    """Return the price of a symbol at the newest mark [USD/share]; None without one."""
    mark = ledger.marks.get(symbol)
    return None if mark is None else mark[1]


def unrealised_of(position: Position, price: float | None) -> float | None:
    """Return what a position is worth over its cost [USD]; None without a price."""
    return None if price is None else float(position.quantity) * price - float(position.cost_usd)
