"""decide: the engine's step on what the analysis tasks wrote, stored once per (book, kind, as_of)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.instruments import BookId
from trading.domain.market import Session, SessionNotice, Slot
from trading.domain.messages import MessageKind
from trading.domain.rebalances import Preview
from trading.engine.balance import QUARTER, due
from trading.engine.hashing import decision_hash
from trading.engine.hours import quarter_of
from trading.engine.market import Traffic, accept
from trading.engine.preview import preview_of
from trading.engine.rebalance import BY_HAND, rebalance_step
from trading.engine.risk_view import risk_of
from trading.engine.state import BookState, Hour, Step
from trading.engine.step import step
from trading.errors import InvariantBroken
from trading.ports import MarketCalendar, NavRow, Services, Stage, Transaction
from trading.strategy.judging import judge
from trading.strategy.spec import StrategySpec
from trading.tasks.chances import write_chances
from trading.tasks.facts import code_of, cutoff_of, session_before, state_with_cash
from trading.tasks.halting import follow_breaker
from trading.tasks.interlock import ramped_on_first_session
from trading.tasks.report import StepReport

LOOPS = frozenset({DecisionKind.HOURLY, DecisionKind.REBALANCE})
"""Decisions that judge the rules."""


def decide(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Judge every rule, size, plan and vet; a rerun returns the stored decision."""
    return decide_kind(services, spec, book, slot, DecisionKind.HOURLY)


def decide_kind(services: Services, spec: StrategySpec, book: BookId, slot: Slot, kind: DecisionKind) -> StepReport:
    """Decide for one of the loops; an hour older than the book's newest decision is left undecided."""
    with services.store.transaction() as tx:
        if (stored := tx.decisions.find(book, kind, slot.as_of)) is not None:
            return StepReport("decide", notes=(f"already decided: {stored.note}",), decision_id=stored.decision_id)
        newest = tx.decisions.newest(book, kind)
        if newest is not None and newest.as_of > slot.as_of:
            note = (
                f"{slot.as_of:%Y-%m-%d %H:%M} UTC is older than the newest decision, {newest.decision_id}; left alone"
            )
            return StepReport("decide", notes=(note,))
        write_chances(services, tx, spec, slot)
        hour = live_hour(services, tx, spec, book, slot)
        state = state_with_cash(services, tx, book, slot)
        taken, decision = _taken(services, tx, spec, state, hour, kind)
        notes = [decision.note]
        if kind is DecisionKind.HOURLY and _asks_for_rebalance(tx, spec, taken, hour):
            # Here and now, on the book that a replay has: in minutes some orders of this hour have filled, others not.
            found = accept(taken.state, taken.orders, hour.cutoff_at, Traffic(events=None))
            notes.append(_taken(services, tx, spec, found, hour, DecisionKind.REBALANCE)[1].note)
    counts = {"orders": len(taken.orders), "denied": len(taken.vetoes)}
    return StepReport("decide", counts, tuple(notes), decision.decision_id)


def _taken(
    services: Services, tx: Transaction, spec: StrategySpec, state: BookState, hour: Hour, kind: DecisionKind
) -> tuple[Step, Decision]:
    """Take the step of a loop and store it."""
    taken = _step(tx, spec, state, hour, decision_id_for(state.book, kind, hour.slot.as_of), kind)
    taken = ramped_on_first_session(tx, state.book, services.clock.now(), taken)
    decision = store_step(tx, spec, hour, taken, kind, code_version=code_of(services))
    if kind is DecisionKind.REBALANCE:
        tx.risk.add_rebalance(_previewed(tx, spec, state, hour, taken, decision.decision_id))
    return taken, decision


def _asks_for_rebalance(tx: Transaction, spec: StrategySpec, taken: Step, hour: Hour) -> bool:
    """Return whether the hour asks for a rebalance that nobody has decided yet."""
    if due(spec, taken, hour) is None:
        return False
    newest = tx.decisions.newest(taken.state.book, DecisionKind.REBALANCE)
    return newest is None or newest.as_of < hour.slot.as_of


def _step(
    tx: Transaction, spec: StrategySpec, state: BookState, hour: Hour, decision_id: str, kind: DecisionKind
) -> Step:
    """Take the step of a loop; a rebalance says why the hourly decision of its hour asked for it, if that did."""
    if kind is DecisionKind.HOURLY:
        return step(spec, state, hour, decision_id)
    return rebalance_step(spec, state, hour, decision_id, _reason(tx, state, hour))


def _reason(tx: Transaction, state: BookState, hour: Hour) -> str:
    """Return why a rebalance is made, as the hourly decision of its hour stored it."""
    reason = tx.risk.rebalance_due(state.book, hour.slot.as_of)
    return reason or (QUARTER if hour.starts_quarter else BY_HAND)


def _previewed(
    tx: Transaction, spec: StrategySpec, state: BookState, hour: Hour, taken: Step, decision_id: str
) -> Preview:
    return preview_of(spec, state, hour, taken, decision_id=decision_id, reason=_reason(tx, state, hour))


def rebalance_now(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> Preview:
    """Return what a rebalance of `slot` would change; nothing is stored or sent."""
    with services.store.snapshot() as tx:
        hour = live_hour(services, tx, spec, book, slot)
        state = state_with_cash(services, tx, book, slot)
        decision_id = decision_id_for(book, DecisionKind.REBALANCE, slot.as_of)
        taken = _step(tx, spec, state, hour, decision_id, DecisionKind.REBALANCE)
        return _previewed(tx, spec, state, hour, taken, decision_id)


def live_hour(services: Services, tx: Transaction, spec: StrategySpec, book: BookId, slot: Slot) -> Hour:
    """Return the hour as the analysis tasks left it."""
    cutoff_at = cutoff_of(services, slot)
    session = services.calendar.session(slot.session_on)
    if session is None:
        raise InvariantBroken(f"{slot.session_on} is no session; check the calendar")
    panel = tx.analysis.read(spec.universe.traded, slot.as_of, cutoff_at)
    last = tx.ledger.last_nav(book)
    return Hour(
        slot=slot,
        cutoff_at=cutoff_at,
        closes_at=entries_end_at(session, tx.market.session_notices(first_on=slot.session_on, cutoff_at=cutoff_at)),
        next_open_at=services.calendar.next_session(slot.session_on).opens_at,
        panel=panel,
        judgement=judge(spec, panel),
        row=0,
        is_first_of_session=last is None or last.session_on != slot.session_on,
        starts_quarter=_starts_quarter(services.calendar, session, slot),
    )


def _starts_quarter(calendar: MarketCalendar, session: Session, slot: Slot) -> bool:
    """Return whether `slot` is the first hour of its quarter."""
    is_first = slot.starts_at == session.opens_at
    return is_first and quarter_of(session_before(calendar, slot.session_on).session_on) != quarter_of(slot.session_on)


def entries_end_at(session: Session, notices: Sequence[tuple[str, SessionNotice]]) -> datetime:
    """Return until when entries may go: the close, or an earlier one that a source announces; a holiday never opens."""
    announced = [notice.closes_at or session.opens_at for _, notice in notices if notice.on == session.session_on]
    return min((session.closes_at, *announced))


def store_step(
    tx: Transaction, spec: StrategySpec, hour: Hour, taken: Step, kind: DecisionKind, *, code_version: str
) -> Decision:
    """Store a decision with its reasons, targets, orders, NAV and change of trading state."""
    book, slot, account = taken.state.book, hour.slot, taken.account
    decision = Decision(
        decision_id=decision_id_for(book, kind, slot.as_of),
        book=book,
        kind=kind,
        as_of=slot.as_of,
        cutoff_at=hour.cutoff_at,
        session_on=slot.session_on,
        is_closing=slot.is_closing,
        strategy=spec.name,
        spec_hash=spec.spec_hash,
        code_version=code_version,
        decision_hash=decision_hash(spec.spec_hash, hour, account.targets),
        nav_usd=taken.nav_usd,
        note=account.note,
    )
    reasons = [*hour.judgement.reasons(hour.row, slot.as_of), *account.reasons]
    tx.decisions.add(decision, reasons, account.targets, [*taken.orders, *(v.order for v in taken.vetoes)])
    for veto in (v for v in taken.vetoes if v.denials):
        tx.checks.add_denials(veto.order.order_id, veto.denials, stage=Stage.DECISION, at=hour.cutoff_at)
    due_for = due(spec, taken, hour) if kind is DecisionKind.HOURLY else None
    tx.risk.add(decision.decision_id, book, risk_of(spec, hour, taken, kind, due_for))
    if (row := nav_row(taken.state, hour.slot, taken.nav_usd)) is not None:
        tx.ledger.add_nav(book, row, account.marks)
    if taken.state_change:
        _announce(tx, book, taken, slot.as_of)
    return decision


def nav_row(state: BookState, slot: Slot, nav_usd: float | None) -> NavRow | None:
    """Return the NAV row of a slot; None while a held symbol has no price."""
    if nav_usd is None:
        return None
    cash = state.portfolio.cash_usd
    return NavRow(slot.as_of, slot.session_on, slot.is_closing, cash, nav_usd - float(cash), nav_usd, state.breaker)


def _announce(tx: Transaction, book: BookId, taken: Step, as_of: datetime) -> None:
    change = taken.state_change or ""
    follow_breaker(tx, book, taken.state.trading_state, reason=change)
    tx.controls.notify(
        dedupe_key=f"state.{book}.{as_of.isoformat()}",
        book=book,
        kind=MessageKind.STATE_CHANGE,
        body=f"{book.badge} {book}: {change}",
    )
