"""The second vetting: the checks of the decision again, on the book, the market and the clock of the moment of sending.

What the broker shows (its clock, snapshot and quotes) comes through the writer's one connection; everything else is
read in one transaction per family. Between it and the send no other writer moves the book, because this one holds the
lock, and a state that changes meanwhile is seen by the gate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.decisions import Decision
from trading.domain.instruments import BookKind, Symbol
from trading.domain.market import Quote, Slot
from trading.domain.messages import MessageKind, Severity
from trading.domain.orders import Order, OrderPurpose, OrderRef, OrderStatus
from trading.domain.portfolio import nav_usd
from trading.engine.desk_view import desk_of, limits_of, prices_of
from trading.engine.state import BookState
from trading.execution.desk import Desk, Placement, placement_of
from trading.execution.vetoes import Veto, vet
from trading.ports import Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.decide import live_hour
from trading.tasks.facts import code_of, load_state, session_before
from trading.tasks.halting import RESUME, halt
from trading.tasks.interlock import missing
from trading.tasks.submission import Submission
from trading.tasks.sync import now_of

LIVE_PROOF_AGE = timedelta(minutes=90)
"""How old the last clean comparison may be where real money trades; paper needs one since the last close."""
_MINUTE = timedelta(minutes=1)
_NEVER_SENT = frozenset({OrderStatus.PLANNED, OrderStatus.DENIED})
_RECENT = 200
"""Orders and fills that may belong to this session."""


class Vetting:
    """Judges the families of one decision while they are sent."""

    def __init__(
        self,
        services: Services,
        spec: StrategySpec,
        desk: Submission,
        decision: Decision,
        slot: Slot,
        ends_at: datetime,
    ) -> None:
        self._services, self._spec, self._desk = services, spec, desk
        self._decision, self._slot, self._ends_at = decision, slot, ends_at
        self._quotes: Mapping[Symbol, Quote] | None = None

    def judge(
        self, family: Sequence[Order], entering: Sequence[Symbol] = ()
    ) -> tuple[tuple[Order, ...], tuple[Veto, ...]]:
        """Return `family` as it may go, with what was noted on it, or its vetoes.

        Args:
            entering: symbols of every entry still to be judged; the broker is asked for all their quotes at once.
        """
        quotes = self._quotes_for(entering) if family[0].purpose is OrderPurpose.ENTRY else None
        now = now_of(self._services, self._desk.broker)
        lacking = missing(self._services, self._desk.book, self._desk.broker.identity(), family=family)
        with self._services.store.transaction() as tx:
            passed, vetoes = vet(
                family, replace(self._facts(tx, family, now, quotes), missing_for_live=lacking), limits_of(self._spec)
            )
            if any(denial.code == "RATE" for veto in vetoes for denial in veto.denials):
                _stop_the_runaway(tx, vetoes[0])
        return passed, vetoes

    @property
    def quotes(self) -> Mapping[Symbol, Quote]:
        """What the broker was asked for and showed, so far."""
        return self._quotes or {}

    def _quotes_for(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Quote]:
        """Ask once; a broker that refuses quotes leaves every entry without one."""
        if self._quotes is None:
            self._quotes = self._desk.quotes(symbols)
        return self._quotes

    def _facts(
        self, tx: Transaction, family: Sequence[Order], now: datetime, quotes: Mapping[Symbol, Quote] | None
    ) -> Desk:
        """Return what the checks read: the hour's analysis, the book as it stands, and what only this moment knows."""
        services, book, slot = self._services, self._desk.book, self._slot
        hour = live_hour(services, tx, self._spec, book, slot)
        stored = load_state(tx, book, slot, client_category=services.client_category, taxpayer=services.taxpayer)
        state = _without(_as_booked(tx, stored), family)
        prices = prices_of(hour)
        snapshot = self._desk.seen
        is_new = family[0].status is OrderStatus.PLANNED
        desk = desk_of(self._spec, state, hour, prices, nav_usd(state.portfolio, prices))
        return replace(
            desk,
            now=now,
            # A gate may have closed since the decision, and it has more to say than that it is closed.
            unfit={**desk.unfit, **{s: f"parked by {held[0]}" for s, held in tx.market.parked().items()}},
            settled_cash_usd=snapshot.settled_cash_usd,
            quotes=quotes,
            placed=self._placed(tx, family),
            at_broker=frozenset(o.order_ref for o in snapshot.orders if o.order_ref) if is_new else frozenset(),
            orders_last_minute=tx.checks.sent_since(book, now - _MINUTE),
            rejected=tx.checks.rejected(book, slot.session_on),
            sendable_until=self._ends_at,
            open_break=tx.reconciliations.gate(book),
            proven_at=tx.reconciliations.last_clean_at(book),
            proof_due_at=self._proof_due_at(now),
            decided_by=f"{self._decision.code_version}, strategy {self._decision.spec_hash}",
            running=f"{code_of(services)}, strategy {self._spec.spec_hash}",
        )

    def _placed(self, tx: Transaction, family: Sequence[Order]) -> frozenset[Placement]:
        own = {o.order_id for o in family}
        sent = (o for o in tx.orders.of_decision(self._decision.decision_id) if o.status not in _NEVER_SENT)
        return frozenset(placement_of(o) for o in sent if o.order_id not in own)

    def _proof_due_at(self, now: datetime) -> datetime:
        if self._desk.book.kind is BookKind.LIVE:
            return now - LIVE_PROOF_AGE
        return session_before(self._services.calendar, self._slot.session_on).closes_at


def _as_booked(tx: Transaction, state: BookState) -> BookState:
    """Return the book with every order filled exactly as far as its executions are booked.

    An entry that filled a second ago has left `working`, while its cash and shares arrive with the next snapshot; until
    then it counts as under way.
    """
    booked: dict[OrderRef | None, Decimal] = defaultdict(Decimal)
    for fill in tx.ledger.fills(state.book, _RECENT):
        booked[fill.order_id] += fill.quantity
    recent = [o for o in tx.orders.recent(state.book, _RECENT) if not o.is_protective]
    unbooked = [
        replace(o, status=OrderStatus.SUBMITTED)
        for o in recent
        if o.status is OrderStatus.FILLED
        and o.planned_at.date() == state.portfolio.as_of.date()
        and booked[o.order_id] < o.quantity
    ]
    working = [
        o if o.is_protective else replace(o, filled_quantity=booked[o.order_id]) for o in (*state.working, *unbooked)
    ]
    return replace(state, working=tuple(working))


def _without(state: BookState, family: Sequence[Order]) -> BookState:
    """Return the book without the family's own legs, which are not in each other's way."""
    own = {order.order_id for order in family}
    return replace(state, working=tuple(o for o in state.working if o.order_id not in own))


def _stop_the_runaway(tx: Transaction, veto: Veto) -> None:
    """Halt a book that sends faster than any decision of ours: only a defect does."""
    book, why = veto.order.book, veto.order.detail or veto.code
    if halt(tx, book, reason=why, actor="vetting"):
        tx.controls.notify(
            dedupe_key=f"rate:{veto.order.order_id}",
            book=book,
            kind=MessageKind.STATE_CHANGE,
            severity=Severity.ERROR,
            body=f"{book.badge} {book}: HALTED, {why}; look at the orders, then {RESUME}",
        )
