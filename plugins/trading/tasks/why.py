"""Why: what is stored about a symbol at a decision. Command, Desk page and bot show what stands here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import SYNTHETIC
from trading.domain.orders import Order
from trading.domain.sentiment import StoryScore
from trading.domain.signals import Reason
from trading.engine.verdict_book import VerdictBook
from trading.errors import PermanentError
from trading.ports import StoredDenial, Transaction
from trading.reporting.explain_tables import Held, held_of
from trading.reporting.parked import parked_lines
from trading.tasks.book_history import badge_of


@dataclass(frozen=True)
class Why:
    """What is said about a symbol.

    Attributes:
        decision_id: None for an in-process replay, which stores no decisions. head: one line of it.
        held: None where nothing is held, or nothing says.
    """

    title: str
    as_of: datetime
    decision_id: str | None
    head: str
    reasons: tuple[Reason, ...]
    orders: tuple[Order, ...]
    denials: tuple[StoredDenial, ...] = ()
    held: Held | None = None
    notes: tuple[str, ...] = ()
    stories: tuple[StoryScore, ...] = ()


def hourly_decision(tx: Transaction, book: BookId, at: datetime | None) -> Decision | None:
    """Return the hourly decision of the newest hour that ended by `at`, the newest of all for None, or None."""
    kind = DecisionKind.HOURLY
    return tx.decisions.newest(book, kind) if at is None else tx.decisions.newest_until(book, kind, at)


def why_of_decision(tx: Transaction, decision: Decision, symbol: Symbol) -> Why:
    """Return what a stored decision says about a symbol."""
    orders = tuple(o for o in tx.orders.of_decision(decision.decision_id) if o.symbol == symbol)
    newest = tx.decisions.newest(decision.book, decision.kind)
    # Where protection stood at an older hour nobody wrote down.
    guards = () if newest != decision else (o for o in tx.orders.working(decision.book) if o.is_protective)
    mark = tx.ledger.marks_at(decision.book, decision.as_of).get(symbol)
    return Why(
        title=f"{badge_of(tx, decision.book)} {decision.book}: {symbol} at {decision.as_of:%Y-%m-%d %H:%M} UTC",
        as_of=decision.as_of,
        decision_id=decision.decision_id,
        head=f"decision {decision.decision_id}  hash {decision.decision_hash}  {decision.note}",
        reasons=tx.decisions.reasons(decision.decision_id, symbol),
        orders=orders,
        denials=tx.checks.denials([o.order_id for o in orders]),
        held=held_of(symbol, mark, [o for o in guards if o.symbol == symbol]),
        notes=tuple(parked_lines({symbol: tx.market.parked().get(symbol, ())})),
        stories=tx.analysis.stories(symbol, decision.as_of, decision.cutoff_at),
    )


def why_of_file(kept: VerdictBook, symbol: Symbol, at: datetime | None) -> Why:
    """Return what an in-process replay says about a symbol in the newest hour that ended by `at`."""
    row = kept.row_at(at)
    if row is None:
        raise PermanentError(f"{kept.book} begins at {kept.as_of(0):%Y-%m-%d %H:%M} UTC; give a later --at")
    badge = f"{SYNTHETIC} " if kept.is_synthetic else ""
    shares = float(kept.curve.quantity[row, kept.symbols.index(symbol)]) if symbol in kept.symbols else 0.0
    return Why(
        title=f"{badge}{kept.book.badge} {kept.book}: {symbol} at {kept.as_of(row):%Y-%m-%d %H:%M} UTC",
        as_of=kept.as_of(row),
        decision_id=None,
        head=f"{kept.strategy} {kept.spec_hash}, code {kept.code_version}; in process: denials are counted only",
        reasons=tuple(r for r in kept.reasons(row) if r.symbol == symbol),
        orders=tuple(o for o in kept.orders_of(row) if o.symbol == symbol),
        notes=(f"holds {shares:,g} {symbol}",) if shares else (),
    )
