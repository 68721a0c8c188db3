"""flatten and close: an operator sells everything, or one name, by a decision of his own and every order's path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import FLATTEN, Order, OrderPurpose
from trading.domain.portfolio import Portfolio
from trading.execution.planner import PlanTerms, plan_sale
from trading.ports import BrokerRole, MarketCalendar, Services
from trading.strategy.spec import StrategySpec
from trading.tasks.operator import free_instant, store_operator_decision
from trading.tasks.submission import Submission
from trading.tasks.sync import gate_of, now_of


@dataclass(frozen=True, slots=True)
class Holding:
    """What one long is worth.

    Attributes:
        cost_usd: what its shares cost. price: what the broker shows now [USD/share]; None where it shows nothing.
    """

    symbol: Symbol
    quantity: Decimal
    cost_usd: Decimal
    price: Decimal | None

    def __str__(self) -> str:
        shares = f"{self.symbol}: {self.quantity.normalize():f} shares"
        if self.price is None:
            return f"{shares}, bought for {self.cost_usd:,.2f} USD"
        return f"{shares}, {self.quantity * self.price:,.2f} USD now, bought for {self.cost_usd:,.2f} USD"


def holdings(services: Services, book: BookId) -> tuple[Holding, ...]:
    """Return every long of the book with what the broker would show for it now."""
    with gate_of(services, book).connect(BrokerRole.OPERATOR) as broker:
        portfolio = _portfolio(services, book, now_of(services, broker))
        longs = {s: p for s, p in portfolio.positions.items() if p.quantity > 0}
        quotes = broker.quotes(sorted(longs)) if longs else {}
    return tuple(
        Holding(s, p.quantity, p.cost_usd, quotes[s].last or quotes[s].bid if s in quotes else None)
        for s, p in sorted(longs.items())
    )


def decide_to_flatten(
    services: Services, spec: StrategySpec, book: BookId, *, reason: str, only: Symbol | None = None
) -> Decision | None:
    """Store an operator's decision with one exit per long, or the exit of one, and return it; None without a long.

    While the market is closed the exits wait for the next open, where they are good for that one auction.
    """
    # An entry may have filled since the last look: what the book does not know of would stay.
    with services.store.order_writer(book) as epoch, gate_of(services, book).connect() as broker:
        Submission(services.store, broker, book, epoch).look()
        now = now_of(services, broker).replace(microsecond=0)
    portfolio = _portfolio(services, book, now)
    with services.store.transaction() as tx:
        as_of = free_instant(tx, book, DecisionKind.OPERATOR, now)
        terms = _terms(spec, book, decision_id_for(book, DecisionKind.OPERATOR, as_of), now)
        exits = _exits(portfolio, terms, only, at_open=not _is_open(services.calendar, now))
        if not exits:
            return None
        note = f"{'flatten' if only is None else f'close {only}'}: {reason}"
        return store_operator_decision(services, tx, spec, book, as_of=as_of, now=now, orders=exits, note=note)


def _portfolio(services: Services, book: BookId, now: datetime) -> Portfolio:
    with services.store.transaction() as tx:
        return tx.ledger.portfolio(book, now)


def _terms(spec: StrategySpec, book: BookId, decision_id: str, now: datetime) -> PlanTerms:
    return PlanTerms(
        book=book,
        decision_id=decision_id,
        planned_at=now,
        limit_offset_frac=spec.sizing.limit_offset_frac,
        trail_frac=spec.protection.trail_frac,
        take_profit_frac=spec.protection.take_profit_frac,
    )


def _exits(portfolio: Portfolio, terms: PlanTerms, only: Symbol | None, *, at_open: bool) -> list[Order]:
    held = sorted(portfolio.positions.items())
    longs = {s: p.quantity for s, p in held if p.quantity > 0 and only in (None, s)}
    return [
        plan_sale(terms, symbol, quantity, OrderPurpose.EXIT, at_open=at_open, cause=FLATTEN)
        for symbol, quantity in longs.items()
    ]


def _is_open(calendar: MarketCalendar, now: datetime) -> bool:
    session = calendar.session(now.date())
    return session is not None and session.opens_at <= now < session.closes_at
