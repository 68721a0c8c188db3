"""What an operator sells or takes back by hand: all, one name, or an order that works. Command and bot call these."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trading.domain.instruments import BookId, Symbol
from trading.domain.interlock import RunOrigin
from trading.domain.orders import OPEN, purpose_in
from trading.domain.portfolio import TradingState
from trading.errors import PermanentError
from trading.ports import BrokerOrder, BrokerRole, Services
from trading.reporting.wording import counted
from trading.strategy.spec import StrategySpec
from trading.tasks.execute import send_operator_decision
from trading.tasks.flatten import decide_to_flatten
from trading.tasks.interlock import during
from trading.tasks.kill_switch import DISCRETIONARY, ENTRIES, WAYS_OUT, Change, Sweep, change_state, sweep
from trading.tasks.operating import refuse_unequal
from trading.tasks.report import StepReport
from trading.tasks.sync import gate_of


@dataclass(frozen=True, slots=True)
class Sold:
    """What was sent to sell.

    Attributes:
        change: of the trading state; None where it stays.
        report: of the exits; None where nothing is held.
    """

    sweep: Sweep
    change: Change | None
    report: StepReport | None

    @property
    def lines(self) -> tuple[str, ...]:
        """Return what happened, a sentence each."""
        if self.report is None:
            return ("nothing is held; nothing was sent",)
        sent = counted(self.report.counts.get("sent", 0), "exit")
        return (f"{self.report.decision_id}: {sent} sent; see ./airdesk orders", *self.report.notes)

    @property
    def is_done(self) -> bool:
        """Whether every exit went, or nothing was there to sell."""
        if self.report is None:
            return self.sweep.is_safe
        return not self.report.degraded and bool(self.report.counts.get("sent"))


def flatten_book(
    services: Services, spec: StrategySpec, book: BookId, *, reason: str, actor: str, halt_file: Path
) -> Sold:
    """Take back entries and sell every position; the book stays in REDUCE_ONLY.

    Raises:
        PermanentError: the book is HALTED and does not equal the broker's, or it is LOCKED.
    """
    refuse_unequal(services, spec, book, halt_file=halt_file)
    change = change_state(
        services.store, book, TradingState.REDUCE_ONLY, reason=reason, actor=actor, leaving=TradingState.HALTED
    )
    found = sweep(services.broker, book, ENTRIES)
    return Sold(found, change, _sell(services, spec, book, reason=reason, only=None))


def close_symbol(services: Services, spec: StrategySpec, book: BookId, symbol: Symbol, *, reason: str) -> Sold:
    """Take back entries of one name and sell what is held of it; the trading state stays.

    Raises:
        PermanentError: the book is stopped, so that nothing may be sent.
    """
    with services.store.transaction() as tx:
        state = tx.controls.trading_state(book)
    if state in WAYS_OUT:
        raise PermanentError(f"{book} is {state}, so nothing is sent; {WAYS_OUT[state]} leads out")
    found = sweep(services.broker, book, ENTRIES, only=symbol)
    return Sold(found, None, _sell(services, spec, book, reason=reason, only=symbol))


def _sell(
    services: Services, spec: StrategySpec, book: BookId, *, reason: str, only: Symbol | None
) -> StepReport | None:
    decision = decide_to_flatten(services, spec, book, reason=reason, only=only)
    if decision is None:
        return None
    services = during(services, RunOrigin("operator", is_fresh=True))
    return send_operator_decision(services, spec, book, decision.decision_id)


def cancellable(services: Services, book: BookId, symbol: Symbol) -> tuple[BrokerOrder, ...]:
    """Return our orders in a symbol that work at the broker and may be taken back: no protection."""
    with gate_of(services, book).connect(BrokerRole.OPERATOR) as broker:
        snapshot = broker.snapshot(book)
    return tuple(
        o
        for o in snapshot.orders
        if o.symbol == symbol and o.status in OPEN and purpose_in(o.order_ref) in DISCRETIONARY
    )


def cancel_orders(services: Services, book: BookId, symbol: Symbol) -> Sweep:
    """Take back entries and exits of a symbol that still work; its protection stays."""
    return sweep(services.broker, book, DISCRETIONARY, only=symbol)
