"""From fills and disposals to trades: what each position brought from its entry to its last sale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.domain.fills import Disposal, Fill
from trading.domain.orders import OrderPurpose, OrderRef, Side, purpose_in
from trading.domain.replays import RunTrade

_NO_SPLIT = Decimal("0.005")
"""Costs of a share that are as near as this are of one basis; no split is so small."""


def closed_trades(
    fills: Sequence[Fill], disposals: Iterable[Disposal], open_fill_ids: Collection[str]
) -> tuple[RunTrade, ...]:
    """Return the positions that were closed, in the order of their last sales.

    The lots of one entry order are one position, whatever sold them and in however many pieces.

    Args:
        fills: bought and sold. open_fill_ids: purchases of which something is still held.
    """
    fill_of = {f.fill_id: f for f in fills}
    entry_of_lot = {f"lot.{f.fill_id}": f for f in fills if f.side is Side.BUY}
    sold: dict[OrderRef, list[Disposal]] = defaultdict(list)
    bought: dict[OrderRef, list[Fill]] = defaultdict(list)
    for fill in entry_of_lot.values():
        bought[fill.order_id or fill.fill_id].append(fill)
    for disposal in disposals:
        if entry := entry_of_lot.get(disposal.lot_id):
            sold[entry.order_id or entry.fill_id].append(disposal)
    still_open = {key for key, entries in bought.items() if any(f.fill_id in open_fill_ids for f in entries)}
    trades = [
        _trade(bought[key], parts, [_split_by(entry_of_lot[d.lot_id], d) for d in parts], fill_of)
        for key, parts in sold.items()
        if key not in still_open
    ]
    return tuple(sorted(trades, key=lambda t: (t.closed_at, t.symbol, t.opened_at)))


def _split_by(entry: Fill, sold: Disposal) -> Decimal:
    """Return how many shares of the sale each share of the purchase had become; 1 without a split in between.

    A split leaves a lot's total cost as it is, so the costs of a share before and after it say its ratio.
    """
    paid = (entry.quantity * entry.price + (entry.commission_usd or Decimal(0))) / entry.quantity
    ratio = paid * sold.quantity / sold.basis_usd
    return Decimal(1) if abs(ratio - 1) < _NO_SPLIT else ratio


def _trade(
    entries: Sequence[Fill], parts: Sequence[Disposal], split_by: Sequence[Decimal], fill_of: Mapping[str, Fill]
) -> RunTrade:
    """Return the trade, its shares and prices on the basis of its last sale."""
    sales = [fill_of[d.fill_id] for d in parts]
    last, now = max(zip(sales, split_by, strict=True), key=lambda sale: (sale[0].executed_at, sale[0].fill_id))
    later = [now / before for before in split_by]
    cost = sum((d.basis_usd for d in parts), Decimal(0))
    return RunTrade(
        symbol=last.symbol,
        opened_at=min(f.executed_at for f in entries),
        closed_at=last.executed_at,
        quantity=round(float(sum((d.quantity * by for d, by in zip(parts, later, strict=True)), Decimal(0))), 6),
        entry_price=_mean_price([(f.quantity * now, f.price / now) for f in entries]),
        exit_price=_mean_price([(d.quantity * by, f.price / by) for d, f, by in zip(parts, sales, later, strict=True)]),
        cost_usd=float(cost),
        gain_usd=float(sum((d.proceeds_usd for d in parts), Decimal(0)) - cost),
        closed_by=purpose_in(last.order_id) or OrderPurpose.EXIT,
    )


def _mean_price(pieces: Sequence[tuple[Decimal, Decimal]]) -> float:
    return float(sum((q * p for q, p in pieces), Decimal(0)) / sum((q for q, _ in pieces), Decimal(0)))


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Closed trades in numbers; None where they do not say.

    Attributes:
        hit_frac: part of the trades that gained [0–1].
        profit_factor: gains over losses, None without a loss. payoff: mean gain over mean loss, None without both.
        gain_usd: of all trades. mean_days: calendar days held.
    """

    count: int
    hit_frac: float | None
    profit_factor: float | None
    payoff: float | None
    gain_usd: float
    mean_days: float | None


def trade_figures(trades: Sequence[RunTrade]) -> TradeFigures:
    """Return the figures of closed trades."""
    gains = [t.gain_usd for t in trades if t.gain_usd > 0]
    losses = [-t.gain_usd for t in trades if t.gain_usd < 0]
    total = sum(t.gain_usd for t in trades)
    if not trades:
        return TradeFigures(0, None, None, None, 0.0, None)
    factor = sum(gains) / sum(losses) if losses else None
    payoff = factor * len(losses) / len(gains) if factor is not None and gains else None
    days = sum((t.closed_at - t.opened_at).total_seconds() for t in trades) / 86_400 / len(trades)
    return TradeFigures(len(trades), len(gains) / len(trades), factor, payoff, total, days)


def turnover(fills: Iterable[Fill], mean_nav_usd: float) -> float | None:
    """Return one-way turnover: the smaller of purchases and sales over mean NAV; None without NAV."""
    worth = {Side.BUY: Decimal(0), Side.SELL: Decimal(0)}
    for fill in fills:
        worth[fill.side] += fill.quantity * fill.price
    return float(min(worth.values())) / mean_nav_usd if mean_nav_usd > 0 else None


@dataclass(frozen=True, slots=True)
class GainCount:
    """Gains under one heading: count, how many gained, and together in USD."""

    name: str
    count: int
    won: int
    gain_usd: float

    @property
    def hit_frac(self) -> float | None:
        """Part that gained; None of none."""
        return self.won / self.count if self.count else None


def gain_count(name: str, gains: Sequence[float]) -> GainCount:
    """Return gains under one heading."""
    return GainCount(name, len(gains), sum(g > 0 for g in gains), sum(gains))


def gains_by_cause(disposals: Iterable[Disposal], causes: Mapping[str, str]) -> tuple[GainCount, ...]:
    """Return what sales brought, by what asked for them, the most frequent first; a sale in pieces counts once each.

    Args:
        causes: by fill; a fill without one was not ordered by us.
    """
    gain_of_fill: dict[str, Decimal] = defaultdict(Decimal)
    for disposal in disposals:
        gain_of_fill[disposal.fill_id] += disposal.gain_usd
    gains: dict[str, list[float]] = defaultdict(list)
    for fill_id, gain in gain_of_fill.items():
        gains[causes.get(fill_id, BY_HAND)].append(float(gain))
    return tuple(sorted((gain_count(name, found) for name, found in gains.items()), key=lambda c: (-c.count, c.name)))


BY_HAND = "by_hand"
"""Cause of a sale that carries no order of ours."""
