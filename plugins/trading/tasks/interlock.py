"""The live interlock in front of a broker connection: a live book sends only while all eight conditions hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.interlock import (
    Condition,
    InterlockFacts,
    LiveTerms,
    RunOrigin,
    conditions,
    is_reducing,
    missing_to_reduce,
    over_ramp,
    ramped,
)
from trading.domain.interlock import missing as missing_of
from trading.domain.market import Quote
from trading.domain.orders import Order, OrderEvent
from trading.engine.state import Step
from trading.errors import BrokerRefused
from trading.ports import (
    Broker,
    BrokerGate,
    BrokerIdentity,
    BrokerRole,
    BrokerSnapshot,
    ReservedLeg,
    Services,
    Transaction,
)


def missing(
    services: Services, book: BookId, who: BrokerIdentity | None, *, family: Sequence[Order]
) -> tuple[str, ...]:
    """Return a sentence for each condition that keeps a live book from sending; a book of another kind lacks none.

    Args:
        who: the broker that answered; None if none could be asked.
        family: what would be sent; what only reduces needs fewer conditions.
    """
    return _lacking(facts_of(services, book, who), family) if book.kind is BookKind.LIVE else ()


def _lacking(facts: InterlockFacts, family: Sequence[Order]) -> tuple[str, ...]:
    if is_reducing(family):
        return missing_to_reduce(facts)
    return (*missing_of(facts), *(text for order in family if (text := over_ramp(order, facts))))


def conditions_of(services: Services, book: BookId, who: BrokerIdentity | None) -> tuple[Condition, ...]:
    """Return the eight conditions for people."""
    return conditions(facts_of(services, book, who))


def facts_of(services: Services, book: BookId, who: BrokerIdentity | None) -> InterlockFacts:
    """Return what the conditions are judged on, read now."""
    terms = services.live or LiveTerms()
    now = services.clock.now()
    with services.store.transaction() as tx:
        papers = [b for b in tx.ledger.books() if b.kind is BookKind.PAPER]
        clean = [tx.reconciliations.clean_sessions(paper, services.code_hash) for paper in papers]
        nav = tx.ledger.last_nav(book)
        return InterlockFacts(
            is_live_mode=terms.is_live_mode,
            armed_account=terms.armed_account,
            account=terms.account,
            broker_accounts=None if who is None else who.accounts,
            arm=tx.controls.live_arm(book),
            code_hash=services.code_hash,
            clean_sessions=max(clean, default=0),
            proven_at=tx.reconciliations.last_clean_at(book),
            broker_now=None if who is None else who.server_now,
            now=now,
            origin=terms.origin,
            is_first_session=is_first_session(tx, book, now),
            nav_usd=None if nav is None else nav.nav_usd,
        )


def is_first_session(tx: Transaction, book: BookId, now: datetime) -> bool:
    """Return whether the book traded on no earlier day."""
    return not any(fill.executed_at.date() < now.date() for fill in tx.ledger.fills(book))


def ramped_on_first_session(tx: Transaction, book: BookId, now: datetime, taken: Step) -> Step:
    """Return what a live book decided on its first session with entries capped; anything else as it is."""
    if book.kind is not BookKind.LIVE or taken.nav_usd is None or not is_first_session(tx, book, now):
        return taken
    return replace(taken, orders=ramped(taken.orders, taken.nav_usd))


def during(services: Services, origin: RunOrigin) -> Services:
    """Return the services as a run of `origin` may use them; without a live gate they stay as they are."""
    gate, terms = services.broker, services.live
    if not isinstance(gate, LiveGate) or terms is None:
        return services
    origin = replace(origin, under_test=origin.under_test or terms.origin.under_test)
    return guarded(replace(services, broker=gate.inner, live=replace(terms, origin=origin)), gate.book)


def guarded(services: Services, book: BookId) -> Services:
    """Return the services with the interlock in front of every order that leaves through their broker."""
    if services.broker is None:
        return services
    return replace(services, broker=LiveGate(services.broker, services, book))


@dataclass(frozen=True)
class LiveGate:
    """`BrokerGate` whose connections refuse to send while a condition is missing; looking and cancelling stay free."""

    inner: BrokerGate
    services: Services
    book: BookId

    @contextmanager
    def connect(self, role: BrokerRole = BrokerRole.WRITER) -> Iterator[Broker]:
        """Open the one connection of `role`."""
        with self.inner.connect(role) as broker:
            yield LiveBroker(broker, self.services, self.book)


@dataclass(frozen=True)
class LiveBroker:
    """`Broker` with the interlock before `submit`."""

    inner: Broker
    services: Services
    book: BookId

    def identity(self) -> BrokerIdentity:
        """Return who we talk to."""
        return self.inner.identity()

    def snapshot(self, book: BookId) -> BrokerSnapshot:
        """Return everything the broker knows."""
        return self.inner.snapshot(book)

    def submit(self, family: Sequence[ReservedLeg]) -> tuple[OrderEvent, ...]:
        """Send a family, or refuse and name every condition that is missing.

        Raises:
            BrokerRefused: nothing was sent.
        """
        facts = facts_of(self.services, self.book, self.inner.identity())
        if faults := _lacking(facts, [leg.order for leg in family]):
            raise BrokerRefused(
                f"{self.book} stays paper and nothing was sent: {'; '.join(faults)}. ./airdesk doctor --live lists all "
                "conditions; settle what is missing"
            )
        return self.inner.submit(family)

    def cancel(self, reserved_ids: Sequence[int]) -> None:
        """Ask for cancellations."""
        self.inner.cancel(reserved_ids)

    def quotes(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Quote]:
        """Return the market of each symbol now."""
        return self.inner.quotes(symbols)

    def refusal(self, symbol: Symbol) -> str | None:
        """Return the broker's words against buying one share."""
        return self.inner.refusal(symbol)

    def advance_clock(self, to: datetime) -> None:
        """Refuse, as every real broker does."""
        self.inner.advance_clock(to)
