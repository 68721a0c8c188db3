"""Splits and dividends of books at a broker: taken over once, on the morning of the ex-date, before anything else.

Our lots, marks and working orders move to the new share basis in the transaction that notes the action. The broker
moves in its own time: until its position shows a split, the difference is explained, for that session, and no new
protection is placed (`execution.protection`). A dividend is booked on the ex-date, as in a replay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from trading.domain.instruments import BookId, Symbol
from trading.domain.market import ActionKind, CorporateAction, Session
from trading.domain.messages import MessageKind
from trading.domain.money import ZERO, to_usd
from trading.ports import BrokerSnapshot, MarketCalendar, Transaction
from trading.tasks.booking import book_fills


def take_over_actions(
    tx: Transaction, calendar: MarketCalendar, book: BookId, snapshot: BrokerSnapshot, *, cutoff_at: datetime
) -> tuple[str, ...]:
    """Apply what is due at `snapshot` and not taken over yet; a sentence about each.

    Executions from before an ex-date are booked first, because they are on the old share basis.
    """
    told = []
    for action, session in _due(tx, calendar, book, snapshot, cutoff_at):
        earlier = tuple(f for f in snapshot.fills if f.executed_at < session.opens_at)
        book_fills(tx, book, replace(snapshot, fills=earlier))
        shares = _shares_on(tx, book, action.symbol, action.ex_on)
        if shares > 0 and tx.ledger.apply_action(book, action, snapshot.taken_at):
            apply = _split if action.kind is ActionKind.SPLIT else _pay
            told.append(apply(tx, book, action, session, shares))
    for text in told:
        body = f"{book.badge} {book}: {text}"
        tx.controls.notify(dedupe_key=f"action:{book}:{text}", book=book, kind=MessageKind.CORPORATE_ACTION, body=body)
    return tuple(told)


def positions_as_settled(
    tx: Transaction,
    book: BookId,
    snapshot: BrokerSnapshot,
    *,
    outside: Mapping[Symbol, Decimal],
    splits_outside: Mapping[Symbol, Decimal],
) -> Mapping[Symbol, Decimal]:
    """Return the broker's positions, one that does not show today's split yet on the new share basis.

    Args:
        outside: shares by symbol that are not the book's, on the new share basis.
        splits_outside: new shares per old one, of today's splits of those shares.
    """
    positions = dict(snapshot.positions)
    today = {**splits_outside, **tx.ledger.splits_on(book, snapshot.taken_at.date())}
    for symbol, ratio in today.items():
        theirs = positions.get(symbol, ZERO)
        ours = sum((lot.quantity for lot in tx.ledger.lots(book, symbol)), outside.get(symbol, ZERO))
        if theirs != ours and whole_after(theirs, ratio) == ours:
            positions[symbol] = ours
    return positions


def whole_after(shares: Decimal, ratio: Decimal) -> Decimal:
    """Return the whole shares that a split makes of `shares`; a broker pays the rest out in cash."""
    return (shares * ratio) // 1


def _due(
    tx: Transaction, calendar: MarketCalendar, book: BookId, snapshot: BrokerSnapshot, cutoff_at: datetime
) -> Iterator[tuple[CorporateAction, Session]]:
    """Yield the actions whose ex-date has opened, ascending, each with the session that it opened with."""
    for action in tx.ledger.due_actions(book, until_on=snapshot.taken_at.date(), cutoff_at=cutoff_at):
        session = calendar.session(action.ex_on)
        if session is not None and session.opens_at <= snapshot.taken_at:
            yield action, session


def _shares_on(tx: Transaction, book: BookId, symbol: Symbol, ex_on: date) -> Decimal:
    """Return the shares held at the open of an ex-date: those still here, and those sold since."""
    here = sum((lot.quantity for lot in tx.ledger.lots(book, symbol) if lot.acquired_on < ex_on), ZERO)
    gone = (d for d in tx.ledger.disposals(book) if d.symbol == symbol and d.acquired_on < ex_on <= d.disposed_on)
    return here + sum((d.quantity for d in gone), ZERO)


def _split(tx: Transaction, book: BookId, action: CorporateAction, session: Session, shares: Decimal) -> str:
    ratio = Decimal(repr(action.value))
    tx.ledger.split(book, action.symbol, ratio, ex_on=action.ex_on)
    held = whole_after(shares, ratio)
    return f"{action.symbol}: {action.value:g} for 1 split on {action.ex_on}, the book holds {held:f}"


def _pay(tx: Transaction, book: BookId, action: CorporateAction, session: Session, shares: Decimal) -> str:
    amount = to_usd(shares * Decimal(repr(action.value)))
    entry_id = f"dividend.{action.symbol}.{action.ex_on}"
    tx.ledger.add_cash(book, entry_id, "dividend", amount, session.opens_at, action.symbol)
    return f"{action.symbol}: dividend of {amount} USD on {action.ex_on}"
