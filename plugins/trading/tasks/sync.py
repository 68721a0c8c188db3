"""sync_broker: the first task of every hour. The book learns what the broker did since the last look."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime

from trading.domain.instruments import BookId, Symbol
from trading.domain.market import ActionKind, Slot
from trading.domain.orders import OPEN, OrderEvent, OrderStatus
from trading.errors import BrokerRefused, ConfigurationError, OutcomeUnknown
from trading.ports import Broker, BrokerGate, BrokerIdentity, BrokerSnapshot, Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.adopt import Adoption, adopt, settle
from trading.tasks.corporate import take_over_actions
from trading.tasks.evidence import families_of, never_left
from trading.tasks.facts import cutoff_of
from trading.tasks.findings import reconcile_hour, snapshot_of
from trading.tasks.gateway_watch import WatchedGate
from trading.tasks.protect import ensure_protection
from trading.tasks.report import StepReport
from trading.tasks.submission import Submission
from trading.tasks.telling import tell_unknown


def sync_broker(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Take over what happened at the broker until the cutoff of `slot`; opens the book at first sight.

    A SIMULATED broker's clock is moved there first, session by session, because a broker forgets at midnight; at the
    open of a split's ex-date the protection that the broker cancelled is placed anew, before that open trades.
    """
    cutoff_at = cutoff_of(services, slot)
    total = Adoption()
    with services.store.order_writer(book) as epoch, gate_of(services, book).connect() as broker:
        who = broker.identity()
        _refuse_the_past(services, who, slot, cutoff_at)
        snapshot = snapshot_of(services, broker, book)
        total += _take_over(services, spec, book, snapshot, cutoff_at, epoch)
        for stop_at, is_split in _stops(services, who, snapshot, cutoff_at):
            broker.advance_clock(stop_at)
            snapshot = snapshot_of(services, broker, book)
            total += _take_over(services, spec, book, snapshot, cutoff_at, epoch)
            if is_split:
                desk = Submission(services.store, broker, book, epoch, seen=snapshot)
                _, unknown = _protect(services, spec, desk)
                total += desk.learned + Adoption(problems=unknown)
                snapshot = desk.seen
        with services.store.transaction() as tx:
            expired, held_back = _expire_unsent(tx, book, snapshot, cutoff_at, epoch)
        if held_back:
            broker.cancel(held_back)
        desk = Submission(services.store, broker, book, epoch, seen=snapshot)
        repaired, unknown = _protect(services, spec, desk)
        with services.store.transaction() as tx:
            total += desk.learned + Adoption(problems=unknown)
            total += Adoption(problems=reconcile_hour(services, tx, book, slot, desk.seen))
    counts = {**total.counts(), "expired": expired, "repaired": repaired, "positions": len(desk.seen.positions)}
    problems = tuple(dict.fromkeys(total.problems))
    notes = tuple(dict.fromkeys((*problems, *total.notes, *desk.notes)))
    return StepReport("sync_broker", counts, notes, degraded=bool(problems))


def gate_of(services: Services, book: BookId) -> BrokerGate:
    """Return the way to the broker, or say which setting is missing."""
    if services.broker is None:
        raise ConfigurationError(f"{book} has no broker; set AIRDESK_BROKER_PORT, or start the desk with ./airdesk up")
    return WatchedGate(services.broker, services.store, services.clock, book)


def now_of(services: Services, broker: Broker) -> datetime:
    """Return the present: the broker's own where it is simulated."""
    who = broker.identity()
    return who.server_now if who.is_simulated else services.clock.now()


def _refuse_the_past(services: Services, who: BrokerIdentity, slot: Slot, cutoff_at: datetime) -> None:
    if who.is_simulated:
        return
    newest = services.calendar.latest_slot(who.server_now - (cutoff_at - slot.as_of))
    if newest.as_of > slot.as_of:
        raise BrokerRefused(
            f"{slot.as_of:%Y-%m-%d %H:%M} UTC is past: the newest hour is {newest.as_of:%Y-%m-%d %H:%M} UTC, and only "
            "a SIMULATED broker can go back to an older one; run the newest hour"
        )


def _stops(
    services: Services, who: BrokerIdentity, snapshot: BrokerSnapshot, cutoff_at: datetime
) -> Iterator[tuple[datetime, bool]]:
    """Yield where a simulated clock halts on its way, and whether for a split: opens with one of what is held or
    ordered, each close while orders work, and the cutoff.

    A clock that is ahead already (an old run was cleared) is left where it is.
    """
    if not who.is_simulated or who.server_now >= cutoff_at:
        return
    working = {o.symbol for o in snapshot.orders if o.status in OPEN}
    split_on = _splits(services, {*working, *snapshot.positions}, who.server_now, cutoff_at)
    if working or split_on:
        for session in services.calendar.sessions(who.server_now.date(), cutoff_at.date()):
            if session.session_on in split_on and who.server_now < session.opens_at < cutoff_at:
                yield session.opens_at, True
            if working and who.server_now < session.closes_at < cutoff_at:
                yield session.closes_at, False
    yield cutoff_at, False


def _splits(services: Services, symbols: Collection[Symbol], after: datetime, until: datetime) -> frozenset[date]:
    """Return the ex-dates on the way of splits of `symbols` that are known by then."""
    if not symbols or after.date() == until.date():
        return frozenset()
    with services.store.transaction() as tx:
        known = tx.market.actions(cutoff_at=until)
    return frozenset(
        a.ex_on
        for a in known
        if a.kind is ActionKind.SPLIT and a.symbol in symbols and after.date() <= a.ex_on <= until.date()
    )


def _take_over(
    services: Services,
    spec: StrategySpec,
    book: BookId,
    snapshot: BrokerSnapshot,
    cutoff_at: datetime,
    epoch: int,
) -> Adoption:
    """Adopt a snapshot, after the splits and dividends of the mornings that it has seen."""
    with services.store.transaction() as tx:
        if book not in tx.ledger.books():
            tx.ledger.open_book(
                book,
                strategy=spec.name,
                spec_hash=spec.spec_hash,
                opened_at=snapshot.taken_at,
                cash_usd=snapshot.cash_usd,
            )
        told = take_over_actions(tx, services.calendar, book, snapshot, cutoff_at=cutoff_at)
        return Adoption(notes=told) + adopt(tx, book, snapshot, epoch=epoch)


def _expire_unsent(
    tx: Transaction, book: BookId, snapshot: BrokerSnapshot, cutoff_at: datetime, epoch: int
) -> tuple[int, list[int]]:
    """End orders of earlier hours that never reached the broker; their time to be sent is over.

    Returns:
        How many expired, and the ids under which the broker may hold back the first legs of a family.
    """
    late = [o for o in tx.orders.unsent(book) if o.planned_at < cutoff_at]
    intents = tx.orders.intents([o.order_id for o in late])
    expired, held_back = 0, list[int]()
    for family in families_of(late):
        if never_left(family, intents, snapshot):
            status, detail = OrderStatus.EXPIRED, "its hour passed before it was sent"
            held_back += [intents[o.order_id].reserved_id for o in family if o.order_id in intents]
        else:
            status, detail = OrderStatus.UNKNOWN, "its id is used up, but the broker shows no such order"
        absent = [order for order in family if snapshot.find(order.order_id) is None]
        for order in absent:
            is_inferred = order.order_id in intents
            event = OrderEvent(order.order_id, status, snapshot.taken_at, detail=detail, is_inferred=is_inferred)
            settle(tx, order, event, epoch)
            expired += status is OrderStatus.EXPIRED
        if absent and status is OrderStatus.UNKNOWN:
            tell_unknown(tx, absent, detail)
    return expired, [number for number in held_back if number < snapshot.next_order_id]


def _protect(services: Services, spec: StrategySpec, desk: Submission) -> tuple[int, tuple[str, ...]]:
    """Repair protection on what the broker shows now; one of unknown fate is a problem, and no reason to stop here."""
    try:
        return ensure_protection(services, spec, desk), ()
    except OutcomeUnknown as unknown:
        return 0, (str(unknown),)
