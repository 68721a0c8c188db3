"""buy: a person wants a name now. The strategy decides whether, and how much; the person only says when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.instruments import BookId, Symbol
from trading.domain.interlock import RunOrigin
from trading.domain.market import Slot
from trading.engine.wish import Wished, wished
from trading.errors import PermanentError
from trading.ports import BrokerRole, Services, Transaction
from trading.ports.approvals import Answer
from trading.strategy.spec import StrategySpec
from trading.tasks.approval import WAIT, worth_usd
from trading.tasks.decide import live_hour
from trading.tasks.execute import send_operator_decision
from trading.tasks.facts import state_with_cash
from trading.tasks.interlock import during
from trading.tasks.operator import free_instant, store_operator_decision
from trading.tasks.report import StepReport
from trading.tasks.sync import gate_of, now_of


@dataclass(frozen=True, slots=True)
class Purchase:
    """A wish, weighed in the newest hour.

    Attributes:
        at: the broker's time. as_of: when its decision would stand.
    """

    symbol: Symbol
    at: datetime
    as_of: datetime
    decision_id: str
    found: Wished

    @property
    def lines(self) -> tuple[str, ...]:
        """Return what would be bought, in shares and dollars, or everything that stands against it."""
        if self.found.orders:
            entry = self.found.orders[0]
            limit = "at the market" if entry.limit_price is None else f"at up to {entry.limit_price:,.2f} USD"
            worth = worth_usd(entry) or float(entry.quantity) * (self.found.last_price or 0.0)
            detail = (f"{entry.detail}",) if entry.detail else ()
            bought = (
                f"buys {entry.quantity.normalize():f} {self.symbol} {limit}, {worth:,.2f} USD, with stop and target"
            )
            return (bought, *detail)
        rules = tuple(f"{r.rule}: {r.outcome}{_numbers(r.observed, r.threshold)}" for r in self.found.against)
        denials = tuple(f"{d.code}: {d.detail}" for veto in self.found.vetoes for d in veto.denials)
        return (*rules, *denials, *((self.found.why_not,) if self.found.why_not else ()))


def weigh_purchase(services: Services, spec: StrategySpec, book: BookId, symbol: Symbol) -> Purchase:
    """Return what buying a name now would be, by the newest hour that was decided; nothing is stored or sent.

    Raises:
        PermanentError: the newest hour is not decided, so that nobody knows what the rules say now.
    """
    with gate_of(services, book).connect(BrokerRole.OPERATOR) as broker:
        now = now_of(services, broker).replace(microsecond=0)
    slot = services.calendar.latest_slot(now)
    with services.store.snapshot() as tx:
        return _weighed(services, tx, spec, book, symbol, slot, now)


def _weighed(
    services: Services, tx: Transaction, spec: StrategySpec, book: BookId, symbol: Symbol, slot: Slot, now: datetime
) -> Purchase:
    newest = tx.decisions.newest(book, DecisionKind.HOURLY)
    if newest is None or newest.as_of != slot.as_of:
        raise PermanentError(
            f"the hour of {slot.as_of:%Y-%m-%d %H:%M} UTC is not decided yet, so nobody knows what the rules say of "
            f"{symbol}; run hourly_trading first"
        )
    as_of = free_instant(tx, book, DecisionKind.OPERATOR, now)
    decision_id = decision_id_for(book, DecisionKind.OPERATOR, as_of)
    # What the hour knew stays what it knew; only the time of planning is now.
    hour = replace(live_hour(services, tx, spec, book, slot), cutoff_at=now)
    found = wished(spec, state_with_cash(services, tx, book, slot), hour, symbol, decision_id)
    return Purchase(symbol, now, as_of, decision_id, found)


def buy(
    services: Services, spec: StrategySpec, book: BookId, symbol: Symbol, *, reason: str, actor: str
) -> tuple[Purchase, StepReport | None]:
    """Weigh a purchase again and send it by the path of every order; the report is None where nothing may be bought.

    The person who asks for it has seen shares and dollars: that is the approval of an order over the limit, and it is
    stored as such. Every check is made again at sending.
    """
    purchase = weigh_purchase(services, spec, book, symbol)
    if not purchase.found.orders:
        return purchase, None
    entry, now = purchase.found.orders[0], services.clock.now()
    limit_usd = services.approval_above_usd
    with services.store.transaction() as tx:
        store_operator_decision(
            services, tx, spec, book,
            as_of=purchase.as_of, now=purchase.at, orders=purchase.found.orders, note=f"buy {symbol}: {reason}",
        )  # fmt: skip
        if limit_usd is not None and worth_usd(entry) > limit_usd:
            tx.approvals.ask(entry.order_id, at=now, expires_at=now + WAIT)
            tx.approvals.answer(purchase.decision_id, Answer.APPROVED, by=actor, at=now)
    services = during(services, RunOrigin("operator", is_fresh=True))
    return purchase, send_operator_decision(services, spec, book, purchase.decision_id)


def _numbers(observed: float | None, threshold: float | None) -> str:
    if observed is None:
        return ""
    return f", {observed:.4g}" + ("" if threshold is None else f" against {threshold:.4g}")
