"""Splits and dividends in the book, on the morning of the ex-date: lots, marks and orders move together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from trading.domain.fills import Disposal, Lot
from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, CorporateAction
from trading.domain.money import PRICE_STEP, ZERO, round_to_tick, to_price, to_usd
from trading.domain.orders import Order, Side
from trading.domain.portfolio import Position
from trading.engine.state import BookState


@dataclass(frozen=True, slots=True)
class Dividend:
    """Cash that the book is owed on an ex-date: a dividend, or cash in lieu of the broken share that a split leaves.

    Attributes:
        action: the dividend, or the split.
    """

    symbol: Symbol
    amount_usd: Decimal
    action: CorporateAction


def apply_actions(
    state: BookState, actions: Iterable[CorporateAction], opens: Mapping[Symbol, float | None]
) -> tuple[BookState, tuple[Dividend, ...]]:
    """Return the book on the new share basis, with what the actions pay added to cash on the ex-date.

    A split leaves whole shares; the broken part of one is paid out at the open of the ex-date.

    Args:
        opens: first price of the session by symbol [USD/share]; where it is not known, a broken share pays its cost.
    """
    dividends: list[Dividend] = []
    for action in actions:
        position = state.portfolio.positions.get(action.symbol)
        held = ZERO if position is None else position.quantity
        if action.kind is ActionKind.SPLIT:
            ratio = Decimal(repr(action.value))
            amount = _in_lieu_usd(position, ratio, opens.get(action.symbol)) if position is not None else ZERO
            state = _split(state, action.symbol, ratio)
        else:
            amount = to_usd(held * Decimal(repr(action.value)))
        if amount > 0:
            dividends.append(Dividend(action.symbol, amount, action))
            cash = state.portfolio.cash_usd + amount
            state = replace(state, portfolio=replace(state.portfolio, cash_usd=cash))
    return state, tuple(dividends)


def _in_lieu_usd(position: Position, ratio: Decimal, open_price: float | None) -> Decimal:
    """Return what the broken share of a split is worth [USD]; 0 where every share comes out whole."""
    shares = sum((split_lot(lot, ratio).quantity for lot in position.lots), ZERO)
    each = position.cost_usd / shares if open_price is None else to_price(open_price)
    return to_usd(shares % 1 * each)


def split_ratios(actions: Iterable[CorporateAction]) -> Iterator[tuple[Symbol, Decimal]]:
    """Yield (symbol, new shares per old share) of the splits among `actions`."""
    return ((a.symbol, Decimal(repr(a.value))) for a in actions if a.kind is ActionKind.SPLIT)


def _split(state: BookState, symbol: Symbol, ratio: Decimal) -> BookState:
    positions, sold = dict(state.portfolio.positions), state.disposals
    if (position := positions.get(symbol)) is not None:
        lots = tuple(whole_lots(split_lot(lot, ratio) for lot in position.lots))
        sold = tuple(split_disposal(d, ratio) if d.symbol == symbol else d for d in sold)
        positions[symbol] = Position(symbol, lots, position.high_water_price / float(ratio))
        if not lots:
            del positions[symbol]
    moved = (split_order(o, ratio) if o.symbol == symbol else o for o in state.working)
    working = tuple(o for o in moved if o.quantity > 0)
    return replace(state, portfolio=replace(state.portfolio, positions=positions), working=working, disposals=sold)


def split_lot(lot: Lot, ratio: Decimal) -> Lot:
    """Return the lot on the new basis: more shares, the same total cost and dates."""
    return replace(
        lot,
        quantity=(lot.quantity * ratio).quantize(PRICE_STEP),
        cost_per_share=(lot.cost_per_share / ratio).quantize(Decimal("1e-8")),
    )


def split_disposal(disposal: Disposal, ratio: Decimal) -> Disposal:
    """Return a disposal from before a split on the new basis: a loss that waits for a replacement waits for as many."""
    return replace(disposal, quantity=(disposal.quantity * ratio).quantize(PRICE_STEP))


def whole_lots(lots: Iterable[Lot]) -> list[Lot]:
    """Return lots that add up to whole shares: the broken part leaves the youngest, its cost stays with what is left.

    The cost of a lot that goes altogether passes to the youngest one that stays.
    """
    kept = sorted(lots, key=lambda lot: (lot.acquired_on, lot.lot_id))
    broken, freed = sum((lot.quantity for lot in kept), ZERO) % 1, ZERO
    while broken > 0:
        youngest = kept.pop()
        gone = min(youngest.quantity, broken)
        broken -= gone
        freed += youngest.cost_per_share * gone
        if gone < youngest.quantity:
            kept.append(replace(youngest, quantity=youngest.quantity - gone))
    if freed and kept:
        last = kept[-1]
        cost = last.cost_per_share * last.quantity + freed
        kept[-1] = replace(last, cost_per_share=(cost / last.quantity).quantize(Decimal("1e-8")))
    return kept


def split_order(order: Order, ratio: Decimal) -> Order:
    """Return the order on the new basis, in whole shares and on ticks, which is how a broker takes it anew."""

    def rebased(price: Decimal | None) -> Decimal | None:
        return None if price is None else round_to_tick(price / ratio, up=order.side is Side.SELL)

    return replace(
        order,
        quantity=(order.quantity * ratio).to_integral_value(ROUND_DOWN),
        limit_price=rebased(order.limit_price),
        stop_price=rebased(order.stop_price),
    )
