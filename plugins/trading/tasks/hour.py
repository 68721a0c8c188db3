"""One hour of a book as a whole: what it decided, for every symbol by every rule, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trading.domain.decisions import Decision
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import SYNTHETIC
from trading.domain.orders import Order, OrderStatus
from trading.domain.signals import Reason
from trading.engine.verdict_book import VerdictBook
from trading.ports import StoredDenial, Transaction
from trading.ports.orders import RunName
from trading.strategy.margins import HELD, is_in_the_way
from trading.tasks.desk import decision_text


@dataclass(frozen=True)
class HourView:
    """What is stored about an hour.

    Attributes:
        decision_id, nav_usd: None for an in-process replay, which stores no decisions.
        head: one line of strategy, code and hash. said: what was done, in one line, the note included.
        reasons: every verdict. kept_out: how many symbols each rule kept out, most first; what is held is left out.
        targets: share of NAV [0–1] by symbol. run: which run decided; None where none is known.
    """

    book: BookId
    badge: str
    as_of: datetime
    decision_id: str | None
    head: str
    said: str
    nav_usd: float | None
    symbols: tuple[Symbol, ...]
    reasons: tuple[Reason, ...]
    kept_out: tuple[tuple[str, int], ...]
    orders: tuple[Order, ...]
    denials: tuple[StoredDenial, ...]
    targets: tuple[tuple[Symbol, float], ...]
    run: RunName | None


def hour_of_decision(tx: Transaction, decision: Decision, traded: Sequence[Symbol]) -> HourView:
    """Return the hour of a stored decision.

    Args:
        traded: symbols that the strategy may buy, in the order in which people read them.
    """
    reasons = tx.decisions.reasons(decision.decision_id)
    orders = tx.orders.of_decision(decision.decision_id)
    return HourView(
        book=decision.book,
        badge=decision.book.badge,
        as_of=decision.as_of,
        decision_id=decision.decision_id,
        head=f"{decision.strategy} {decision.spec_hash}, code {decision.code_version}, hash {decision.decision_hash}",
        said=decision_text(decision, traded, orders, reasons),
        nav_usd=decision.nav_usd,
        symbols=_ordered(reasons, traded),
        reasons=reasons,
        kept_out=kept_out(reasons, orders),
        orders=orders,
        denials=tx.checks.denials([order.order_id for order in orders]),
        targets=tuple(sorted(tx.decisions.targets(decision).weight_frac.items())),
        run=tx.decisions.run_of(decision.decision_id),
    )


def hour_of_file(kept: VerdictBook, row: int) -> HourView:
    """Return an hour of an in-process replay: its verdicts and orders; denials it only counted."""
    reasons, orders = tuple(kept.reasons(row)), kept.orders_of(row)
    entries = sum(not order.is_protective for order in orders)
    return HourView(
        book=kept.book,
        badge=f"{SYNTHETIC} {kept.book.badge}" if kept.is_synthetic else kept.book.badge,
        as_of=kept.as_of(row),
        decision_id=None,
        head=f"{kept.strategy} {kept.spec_hash}, code {kept.code_version}; in process: denials are counted only",
        said=f"{entries} orders beside protection",
        nav_usd=float(kept.curve.nav_usd[row]),
        symbols=_ordered(reasons, kept.symbols),
        reasons=reasons,
        kept_out=kept_out(reasons, orders),
        orders=orders,
        denials=(),
        targets=(),
        run=None,
    )


def kept_out(reasons: Sequence[Reason], orders: Sequence[Order]) -> tuple[tuple[str, int], ...]:
    """Return how many symbols each rule kept out, most first; symbols that are held or were ordered are left out."""
    against = [r for r in reasons if is_in_the_way(r)]
    busy = {r.symbol for r in against if r.rule == HELD}
    busy |= {o.symbol for o in orders if o.status is not OrderStatus.DENIED and not o.is_protective}
    counts = Counter(r.rule for r in against if r.symbol not in busy)
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _ordered(reasons: Sequence[Reason], traded: Sequence[Symbol]) -> tuple[Symbol, ...]:
    found = {r.symbol for r in reasons}
    return (*(s for s in traded if s in found), *sorted(found - set(traded)))
