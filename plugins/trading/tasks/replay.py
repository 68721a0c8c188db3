"""One replayed session in Postgres: the same hours and the same step as in memory, every row kept.

`airflow backfill` of `hourly_replay` runs this once per session. The state that a session starts from is what the
session before it left in the ledger; without that row it waits.
"""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import date, datetime
from decimal import Decimal

from trading.analysis.facts import Facts
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import ActionKind
from trading.domain.orders import Order, OrderPurpose, OrderRef
from trading.engine.arrival import Market
from trading.engine.corporate import Dividend, split_ratios
from trading.engine.hours import Hours, history_panel
from trading.engine.market import Traffic
from trading.engine.playing import Played, play
from trading.engine.state import BookState, Hour
from trading.errors import BrokerRefused, PermanentError, TransientError
from trading.ports import Services, Transaction
from trading.ports.tax import Taxpayer
from trading.strategy.judging import judge
from trading.strategy.spec import StrategySpec
from trading.tasks.chances import eras_of
from trading.tasks.decide import store_step
from trading.tasks.facts import (
    code_of,
    cutoff_of,
    load_facts,
    load_state,
    session_before,
    terms_of,
    timeline_of,
    unsettled_of,
)
from trading.tasks.replay_runs import forget_book
from trading.tasks.report import StepReport

STARTING_CASH_USD = Decimal(100_000)


def replay_session(
    services: Services, spec: StrategySpec, book: BookId, session_on: date, *, run_id: str, replace: bool
) -> StepReport:
    """Replay one session into `book`; done once, a rerun changes nothing.

    Args:
        run_id: who asks. A run that already replayed its session is a rerun and never starts the book anew.
        replace: start the book anew if this is its first session (or an earlier one) and another run made it.

    Raises:
        TransientError: the session before has not been replayed yet.
        PermanentError: the book exists and cannot be continued at this session.
    """
    if book.kind is not BookKind.REPLAY or services.broker is not None:
        raise BrokerRefused(f"{book}: a replay writes to replay: books only and holds no broker; fix the caller")
    with services.store.transaction() as tx:
        if (done := _prepare(services, tx, spec, book, session_on, run_id=run_id, replace=replace)) is not None:
            return done
        return _run_session(services, tx, spec, book, session_on, run_id=run_id)


def _prepare(
    services: Services,
    tx: Transaction,
    spec: StrategySpec,
    book: BookId,
    session_on: date,
    *,
    run_id: str,
    replace: bool,
) -> StepReport | None:
    """Open, replace or continue the book; return the report if the session is already replayed."""
    first_on = tx.replays.first_on(book)
    mine = tx.replays.load(book, session_on)
    if mine is not None and (mine["run_id"] == run_id or not replace):
        return StepReport("replay_session", notes=(f"{book} {session_on} is replayed already",))
    if first_on is not None and replace and session_on <= first_on:
        forget_book(tx, book)
        first_on = None
    if first_on is None:
        if tx.replays.run(book.name) is not None:
            raise PermanentError(f"{book.name} is a stored run; choose another book, or ./airdesk replay delete it")
        session = services.calendar.session(session_on)
        if session is None:
            raise PermanentError(f"{session_on} is no session of the exchange; choose a trading day")
        tx.ledger.open_book(
            book,
            strategy=spec.name,
            spec_hash=spec.spec_hash,
            opened_at=session.opens_at,
            cash_usd=STARTING_CASH_USD,
        )
        return None
    if session_on < first_on:
        raise PermanentError(f"{book} begins on {first_on}; pass replace=true or another book name")
    if mine is not None:
        raise PermanentError(f"{book} has {session_on} from another run; replace it from its first session, {first_on}")
    before_on = session_before(services.calendar, session_on).session_on
    if tx.replays.load(book, before_on) is None:
        raise TransientError(f"{book} waits for {before_on}; it is retried until that session is replayed")
    return None


def _run_session(
    services: Services, tx: Transaction, spec: StrategySpec, book: BookId, session_on: date, *, run_id: str
) -> StepReport:
    facts, hours = session_hours(services, tx, spec, session_on)
    timeline, slots = hours.timeline, hours.timeline.slots
    market = Market.of(spec, facts, timeline, hours.terms, services.costs)
    last = tx.ledger.last_nav(book)
    session_opens_at = timeline.sessions[0].opens_at
    cutoff_at = session_opens_at if last is None else cutoff_of(services, changed(slots[0], as_of=last.as_of))
    state = load_state(
        tx,
        book,
        slots[0],
        unsettled=unsettled_of(services, tx, book, slots[0]),
        client_category=services.client_category,
        taxpayer=Taxpayer(),
    )
    desk = _Recorder(tx, book, {o.order_id: o for o in state.working}, code_of(services))
    for played in play(spec, state, hours, market, cutoff_at):
        desk.keep(spec, played, market)
    tx.replays.save(book, session_on, {"run_id": run_id, "decisions": desk.decisions, "fills": desk.fills})
    counts = {"decisions": desk.decisions, "orders": desk.orders, "fills": desk.fills}
    return StepReport("replay_session", counts, (f"{book} {session_on}: {counts}",))


def session_hours(services: Services, tx: Transaction, spec: StrategySpec, session_on: date) -> tuple[Facts, Hours]:
    """Return what the hours of a replayed session read, and the hours with their facts and verdicts."""
    timeline, terms = timeline_of(services.calendar, session_on, session_on), terms_of(services)
    first, last = timeline.slots[0], timeline.slots[-1]
    facts = load_facts(
        tx, spec, first_at=first.as_of, as_of=last.as_of, cutoff_at=cutoff_of(services, last), is_replay=True
    )
    eras = eras_of(services, tx, spec, until=last.as_of)
    panel = history_panel(spec, facts, timeline, terms, eras)
    return facts, Hours(judge(spec, panel), panel, timeline, terms)


class _Recorder:
    """Writes what hours did: the engine plays them, this stores it."""

    def __init__(self, tx: Transaction, book: BookId, working: dict[OrderRef, Order], code_version: str) -> None:
        self._tx, self._book, self._known, self._code_version = tx, book, working, code_version
        self.decisions = self.orders = self.fills = 0

    def keep(self, spec: StrategySpec, played: Played, market: Market) -> None:
        """Write the rows of one hour."""
        hour, taken = played.hour, played.taken
        if hour.is_first_of_session and played.kind is DecisionKind.HOURLY:
            for symbol, ratio in split_ratios(market.actions_on.get(hour.slot.session_on, ())):
                self._tx.ledger.split(self._book, symbol, ratio, ex_on=hour.slot.session_on)
            self._known |= {o.order_id: o for o in self._tx.orders.working(self._book)}
        self._store_protection(played.found, hour.cutoff_at)
        self._store_dividends(played.dividends, hour)
        self._store_traffic(played.arrived)
        store_step(self._tx, spec, hour, taken, played.kind, code_version=self._code_version)
        self._known |= {o.order_id: o for o in taken.orders}
        self._store_traffic(played.accepted)
        self.decisions += played.kind is DecisionKind.HOURLY
        self.orders += len(taken.orders)

    def _store_protection(self, state: BookState, at: datetime) -> None:
        """Keep where trailing stops stand and how many shares protections guard, as a book at a broker does."""
        for order in (o for o in state.working if o.is_protective):
            stored = self._known[order.order_id]
            if order.stop_price is not None and order.purpose is OrderPurpose.STOP:
                stored = self._tx.orders.ratchet(stored, order.stop_price)
            if order.quantity != stored.quantity:
                stored = self._tx.orders.resize(stored, order.quantity, at)
            self._known[order.order_id] = stored

    def _store_traffic(self, traffic: Traffic) -> None:
        for event in traffic.events or ():
            self._known[event.order_id] = self._tx.orders.record(self._known[event.order_id], event)
        for booking in traffic.bookings:
            self.fills += self._tx.ledger.add_booking(booking)

    def _store_dividends(self, dividends: tuple[Dividend, ...], hour: Hour) -> None:
        for dividend in dividends:
            kind = "cash_in_lieu" if dividend.action.kind is ActionKind.SPLIT else "dividend"
            entry_id = f"{kind}.{dividend.symbol}.{hour.slot.session_on}"
            self._tx.ledger.add_cash(
                self._book, entry_id, kind, dividend.amount_usd, hour.slot.starts_at, dividend.symbol
            )
