"""Leaving HALTED: only with books that equal the broker's now, and with no order whose fate is unknown."""

from __future__ import annotations

from trading.accounting.reconciliation_kinds import GATING, DifferenceKind
from trading.domain.instruments import BookId
from trading.domain.orders import OrderStatus
from trading.ports import BrokerRole, ReconciliationKind, Services
from trading.ports.controls import RESTORE
from trading.strategy.spec import StrategySpec
from trading.tasks.reconcile import reconcile
from trading.tasks.sync import gate_of, now_of

BARRING = GATING - {DifferenceKind.PROTECTION}
"""Differences that keep a book halted; missing protection does not, because only a book that trades can place it."""
AFTER_RESTORE = BARRING | {DifferenceKind.FOREIGN_ORDER, DifferenceKind.FOREIGN_FILL}
"""After a restore what looks foreign may be the book's own, sent after the backup: a person says what it is first."""


def obstacles(services: Services, spec: StrategySpec, book: BookId) -> tuple[str, ...]:
    """Reconcile now and return what speaks against trading again; empty when nothing does."""
    with gate_of(services, book).connect(BrokerRole.OPERATOR) as broker:
        now = now_of(services, broker)
    reconcile(services, spec, book, services.calendar.latest_slot(now), kind=ReconciliationKind.OPERATOR)
    with services.store.transaction() as tx:
        event = tx.controls.state_event(book)
        barring = AFTER_RESTORE if event is not None and event.actor == RESTORE else BARRING
        breaks = [b for b in tx.reconciliations.breaks(book) if b.difference.kind in barring]
        unknown = [o for o in tx.orders.working(book) if o.status is OrderStatus.UNKNOWN]
    return (
        *(f"break {b.break_id}: {b.difference}" for b in breaks),
        *(f"{o.symbol}: the fate of {o.purpose} order {o.order_id} is unknown" for o in unknown),
    )
