"""What was decided, ordered, filled and refused in a stretch of sessions, and what the prices of fills cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from trading.domain.decisions import Decision
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.orders import Order, OrderStatus, Side
from trading.ports import StoredDenial, Transaction
from trading.reporting.document import Rows
from trading.reporting.tables import shares
from trading.reporting.wording import UNKNOWN, counted, gain, number, whole
from trading.tasks.book_history import BookHistory
from trading.tasks.reports.pieces import cause_words, clock_words, usd


@dataclass(frozen=True, slots=True)
class Executed:
    """A fill beside the price at which its order was decided.

    Attributes:
        decided_price: USD/share; None for protection, which no hour decides, and where no input was kept.
    """

    fill: Fill
    order: Order | None
    decided_price: float | None

    @property
    def lost_usd(self) -> float | None:
        """What was paid more than the decided price, or got less [USD]; negative where it was better."""
        if self.decided_price is None:
            return None
        sign = 1 if self.fill.side is Side.BUY else -1
        return sign * (float(self.fill.price) - self.decided_price) * float(self.fill.quantity)

    @property
    def lost_bps(self) -> float | None:
        """The same in basis points of what it was worth at the decided price."""
        lost, price = self.lost_usd, self.decided_price
        return None if lost is None or not price else lost / (price * float(self.fill.quantity)) * 10_000


@dataclass(frozen=True, slots=True)
class Traded:
    """What a book did in a stretch of sessions.

    Attributes:
        orders: legs that the decisions of those sessions planned. denials: what stood against them.
    """

    decisions: tuple[Decision, ...]
    orders: tuple[Order, ...]
    denials: tuple[StoredDenial, ...]
    executed: tuple[Executed, ...]

    @property
    def lost_usd(self) -> float | None:
        """What fills cost against their decided prices [USD]; None where none has one."""
        known = [e.lost_usd for e in self.executed if e.lost_usd is not None]
        return sum(known) if known else None


def read_traded(tx: Transaction, history: BookHistory, first_on: date, last_on: date) -> Traded:
    """Return what a ledger book did in the sessions in [first_on, last_on]; nothing for a stored replay."""
    if history.ledger is None:
        return Traded((), (), (), ())
    book: BookId = history.book
    decisions, orders = (
        tx.standing.decisions(book, first_on, last_on),
        tx.standing.orders(book, first_on, last_on),
    )
    fills = [f for f in history.ledger.fills if _is_in(history, f, first_on, last_on)]
    named = {o.order_id: o for o in orders}
    older = {f.order_id for f in fills if f.order_id} - named.keys()
    named |= {o.order_id: o for order_id in sorted(older) if (o := tx.orders.get(order_id)) is not None}
    prices = dict(_decided_prices(tx, decisions, [named[f.order_id] for f in fills if f.order_id in named]))
    executed = tuple(Executed(f, named.get(f.order_id or ""), prices.get(f.order_id or "")) for f in fills)
    return Traded(decisions, orders, tx.checks.denials([o.order_id for o in orders]), executed)


def _is_in(history: BookHistory, fill: Fill, first_on: date, last_on: date) -> bool:
    on = history.session_of(fill.executed_at)
    return on is not None and first_on <= on <= last_on


def _decided_prices(
    tx: Transaction, decisions: Sequence[Decision], orders: Iterable[Order]
) -> Iterator[tuple[str, float]]:
    """Yield the last price that the decision of an order had seen; protections follow no hour's price."""
    known = {d.decision_id: d for d in decisions}
    wanted: dict[str, list[Order]] = {}
    for order in orders:
        if not order.is_protective:
            wanted.setdefault(order.decision_id, []).append(order)
    for decision_id, inside in wanted.items():
        decision = known.get(decision_id) or tx.decisions.get(decision_id)
        if decision is None:
            continue
        symbols = tuple(sorted({o.symbol for o in inside}))
        price = tx.analysis.read(symbols, decision.as_of, decision.cutoff_at).price[0]
        found: Mapping[str, float] = dict(zip(symbols, price.tolist(), strict=True))
        yield from ((o.order_id, found[o.symbol]) for o in inside if np.isfinite(found[o.symbol]))


def decision_rows(traded: Traded) -> Rows:
    """Return one line per decision."""
    rows = []
    for decision in traded.decisions:
        planned = [o for o in traded.orders if o.decision_id == decision.decision_id and not o.is_protective]
        gone = [o for o in planned if o.status is not OrderStatus.DENIED]
        bought, sold = (sum(o.side is side for o in gone) for side in Side)
        nav = "unknown: a held symbol has no price" if decision.nav_usd is None else whole(decision.nav_usd)
        at = f"{decision.as_of:%m-%d} {clock_words(decision.as_of)}"
        rows.append(
            (at, decision.kind.value, str(bought), str(sold), str(len(planned) - len(gone)), nav, decision.note)
        )
    head = ("New York time", "kind", "buys", "sales", "denied", "NAV, USD", "note")
    return Rows(head, rows, "Nothing was decided.", is_wordy=True)


def order_rows(traded: Traded) -> Rows:
    """Return one line per order that was meant for the broker and did not fill."""
    filled = {e.order.order_id for e in traded.executed if e.order is not None}
    rows = [
        (
            f"{clock_words(o.planned_at)}",
            o.symbol,
            f"{o.side} {shares(o.quantity)}",
            cause_words(o.cause or o.purpose.value),
            o.status.value,
            o.detail or "",
        )
        for o in traded.orders
        if o.order_id not in filled and o.status is not OrderStatus.DENIED and not o.is_protective
    ]
    head = ("New York time", "symbol", "order", "why", "status", "detail")
    return Rows(head, rows, "Every order that went was filled.", is_wordy=True)


def fill_rows(traded: Traded) -> Rows:
    """Return one line per execution, with its slippage: what the fill lost against the price it was decided at."""
    rows = [
        (
            f"{e.fill.executed_at:%m-%d} {clock_words(e.fill.executed_at)}",
            e.fill.symbol,
            f"{e.fill.side} {shares(e.fill.quantity)}",
            "not ours" if e.order is None else cause_words(e.order.cause or e.order.purpose.value),
            _price(e.decided_price),
            _price(e.fill.price),
            UNKNOWN if e.lost_bps is None else f"{e.lost_bps:+.1f}".replace("-", "\u2212"),
            gain(None if e.lost_usd is None else -e.lost_usd),
            "not yet" if e.fill.commission_usd is None else f"{e.fill.commission_usd:,.2f}",
        )
        for e in traded.executed
    ]
    head = (
        "New York time", "symbol", "fill", "why", "decided at, USD", "filled at, USD", "slippage, bp",
        "by slippage, USD", "commission, USD",
    )  # fmt: skip
    return Rows(head, rows, "Nothing was filled.")


def _price(value: float | Decimal | None) -> str:
    return UNKNOWN if value is None else f"{value:,.2f}"


def denial_rows(traded: Traded) -> Rows:
    """Return what kept orders back, by symbol and code: how often, and the newest numbers and words."""
    named = {o.order_id: o for o in traded.orders}
    grouped: dict[tuple[str, str], list[StoredDenial]] = {}
    for stored in traded.denials:
        order = named[stored.order_id]
        if not order.is_protective:
            grouped.setdefault((order.symbol, stored.denial.code), []).append(stored)
    rows = []
    for (symbol, code), found in sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0])):
        newest = found[-1].denial
        seen = f"{number(newest.observed)} against {number(newest.threshold)}"
        rows.append((symbol, code, whole(len(found)), seen, newest.detail))
    head = ("symbol", "check", "orders", "newest: seen against limit", "why")
    return Rows(head, rows, "No order was denied.", is_wordy=True)


def trading_words(traded: Traded) -> str:
    """Return what was traded in one sentence."""
    bought = [e.fill for e in traded.executed if e.fill.side is Side.BUY]
    sold = [e.fill for e in traded.executed if e.fill.side is Side.SELL]
    if not traded.executed:
        return f"{counted(len(traded.decisions), 'decision')}, nothing was traded."
    worth = [float(sum((f.quantity * f.price for f in side), Decimal(0))) for side in (bought, sold)]
    lost = traded.lost_usd
    slippage = "" if lost is None else f"; slippage cost {usd(lost)} against the prices at the decisions"
    return (
        f"{counted(len(traded.decisions), 'decision')}; bought for {usd(worth[0])} in {counted(len(bought), 'fill')}, "
        f"sold for {usd(worth[1])} in {counted(len(sold), 'fill')}{slippage}."
    )
