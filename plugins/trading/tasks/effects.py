"""What turning a switch would change, in shares and dollars, before anybody turns it; by our own records alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trading.domain.guards import guards_of
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import Order, OrderPurpose
from trading.domain.portfolio import TradingState
from trading.ports import Services, Transaction
from trading.reporting.wording import counted, whole
from trading.tasks.kill_switch import DISCRETIONARY, ENTRIES


class Switch(StrEnum):
    """What a person may do to a book without a code."""

    HALT = "halt"
    REDUCE = "reduce"
    RESUME = "resume"


_GOING: dict[Switch, Collection[OrderPurpose]] = {Switch.HALT: DISCRETIONARY, Switch.REDUCE: ENTRIES}
_MEANS = {
    Switch.HALT: "Nothing new is sent from now on. Entries and exits that work are taken back; protection stays.",
    Switch.REDUCE: "Exits still go, entries do not. Entries that work are taken back.",
    Switch.RESUME: "The book is compared with the broker's now. It trades again only if the two are equal.",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a switch would do now.

    Attributes:
        means: in one or two sentences. lines: each order that goes and what stays, with shares and dollars.
        before: the state as it is.
    """

    switch: Switch
    before: TradingState
    means: str
    lines: tuple[str, ...]


def effect_of(services: Services, book: BookId, switch: Switch) -> Effect:
    """Return what `switch` would change, by our own records of what works."""
    with services.store.snapshot() as tx:
        state, why = tx.controls.trading_state(book), tx.controls.state_reason(book)
        working = tx.orders.working(book)
        prices = _prices(tx, book)
        going = _GOING.get(switch, ())
        held = tx.ledger.portfolio(book, services.clock.now()).positions if going else {}
        longs = {symbol: position.quantity for symbol, position in held.items()}
        lines = [*_of_orders(working, going, prices), *_left_bare(working, going, longs)]
        if switch is Switch.RESUME:
            lines += _in_the_way(tx, book)
    if switch is Switch.RESUME and why:
        lines.insert(0, f"It is {state} by {why}.")
    return Effect(switch, state, _MEANS[switch], tuple(lines))


def _of_orders(working: Sequence[Order], going: Collection[OrderPurpose], prices: dict[str, float]) -> list[str]:
    gone = [order for order in working if order.purpose in going]
    guards = [order for order in working if order.is_protective]
    lines = [f"Takes back {_sentence(order, prices)}." for order in gone]
    if not gone and going:
        lines.append("No order works that would be taken back.")
    if guards and going:
        held = {order.symbol: order.remaining for order in guards}
        worth = sum(float(quantity) * prices.get(symbol, 0.0) for symbol, quantity in held.items())
        lines.append(
            f"{counted(len(guards), 'protective order')} of {counted(len(held), 'position')} stay, "
            f"guarding about {whole(worth)} USD."
        )
    return lines


def _left_bare(working: Sequence[Order], going: Collection[OrderPurpose], longs: Mapping[Symbol, Decimal]) -> list[str]:
    """Return a line for each position whose sale goes: stop and target went before it."""
    gone = {order.symbol for order in working if order.purpose in going}
    stay = [(o.symbol, o.purpose, o.remaining) for o in working if o.purpose not in going]
    return [
        f"{guard.symbol} is then not protected as it should be until the next hour places what is missing."
        for guard in guards_of(longs, stay)
        if guard.symbol in gone and guard.held and not guard.is_ok
    ]


def _sentence(order: Order, prices: dict[str, float]) -> str:
    price = float(order.limit_price or order.stop_price or Decimal(0)) or prices.get(order.symbol)
    worth = "at a price not known" if price is None else f"about {whole(float(order.remaining) * price)} USD"
    return f"{order.purpose} {order.side} {order.remaining.normalize():f} {order.symbol}, {worth}"


def _in_the_way(tx: Transaction, book: BookId) -> list[str]:
    return [f"Open break {b.break_id}: {b.difference}." for b in tx.reconciliations.breaks(book)]


def _prices(tx: Transaction, book: BookId) -> dict[str, float]:
    nav = tx.ledger.last_nav(book)
    marks = {} if nav is None else tx.ledger.marks_at(book, nav.as_of)
    return {symbol: price for symbol, (_, price, _) in marks.items()}
