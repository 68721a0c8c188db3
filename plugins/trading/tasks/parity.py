"""The day that a book lived beside its replay: read, compared, and each night stored.

The replay starts from the book as the session before left it, which the last hour of every session keeps, and reads
the facts that were known at each hour. What it decides is compared with what was decided then (`engine.parity`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from trading.analysis.facts import Facts
from trading.domain.decisions import Decision, DecisionKind
from trading.domain.fills import Fill
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Session, Slot
from trading.domain.messages import MessageKind
from trading.domain.models import ModelEra
from trading.domain.orders import Order, OrderStatus
from trading.domain.panel import MARKET_WIDE, FeaturePanel, columns
from trading.domain.parity import Parity, ParityOutcome
from trading.domain.portfolio import AccountType, Portfolio
from trading.domain.signals import Reason
from trading.engine.arrival import Market
from trading.engine.hashing import NOT_HASHED, decision_hash
from trading.engine.hours import Hours, Timeline, history_panel
from trading.engine.parity import Day, DayHour, DayOrder, Value, compare
from trading.engine.playing import Played, play
from trading.engine.state import BookState
from trading.errors import AirdeskError, PermanentError
from trading.ports import Services, Stage, Transaction
from trading.strategy.judging import judge
from trading.strategy.spec import StrategySpec
from trading.tasks.chances import eras_of
from trading.tasks.facts import (
    code_of,
    cutoff_of,
    load_facts,
    session_before,
    terms_of,
    timeline_of,
)
from trading.tasks.keeping import keep_state
from trading.tasks.report import StepReport


@dataclass(frozen=True, slots=True)
class Start:
    """What the replay of a day begins with; `remark` says what is unusual about it."""

    state: BookState
    cutoff_at: datetime
    remark: str | None = None


def parity(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Compare the youngest finished session with its replay and store how; a difference is told once, nothing fails."""
    session_on = slot.session_on
    if not slot.is_closing:
        session_on = session_before(services.calendar, slot.session_on).session_on
    try:
        found = parity_of(services, spec, book, session_on)
    except AirdeskError as error:
        found = _unknown(services, book, session_on, str(error))
    with services.store.transaction() as tx:
        if book in tx.ledger.books():
            keep_state(services, tx, book, slot, is_final=False)
            tx.parity.save(found)
            if found.outcome is ParityOutcome.DIFFERENT:
                _tell(tx, found)
    counts = {"differences": len(found.differences), "decisions": found.decisions, "orders": found.orders}
    return StepReport("parity", counts, (f"{session_on}: {found.outcome}: {found.summary}",))


def _tell(tx: Transaction, found: Parity) -> None:
    kinds = ", ".join(f"{count} × {kind}" for kind, count in found.by_kind().items())
    tx.controls.notify(
        dedupe_key=f"parity:{found.book}:{found.session_on}",
        book=found.book,
        kind=MessageKind.PARITY,
        body=f"{found.book.badge} {found.book}: {found.session_on} is not what its replay does: {found.summary} "
        f"({kinds}); ./airdesk replay parity {found.session_on}",
    )


def parity_of(services: Services, spec: StrategySpec, book: BookId, session_on: date) -> Parity:
    """Return how a finished session of `book` compares with its replay.

    Raises:
        PermanentError: no such session or book.
    """
    session = services.calendar.session(session_on)
    if session is None:
        raise PermanentError(f"{session_on} is no session of the exchange; choose a trading day")
    timeline = timeline_of(services.calendar, session_on, session_on)
    with services.store.transaction() as tx:
        if book not in tx.ledger.books():
            raise PermanentError(f"{book} is not opened yet; ./airdesk replay parity --book names another one")
        lived = _lived(services, tx, spec, book, timeline)
        if not lived.hours:
            return Parity(book, session_on, ParityOutcome.NOTHING, "the book decided nothing that day")
        start = _start(services, tx, book, session, timeline)
        if start is None:
            before = timeline.before.session_on
            return _unknown(
                services,
                book,
                session_on,
                f"the book as {before} left it was not kept: its closing hour did not finish, or older code ran it",
            )
        facts = _facts(services, tx, spec, timeline)
        eras = eras_of(services, tx, spec, until=timeline.slots[-1].as_of)
        strange = _strange_fills(tx, book, session, timeline.after)
        by_hand = tx.parity.acts_by_hand(book, session_on, first_at=session.opens_at, until=timeline.after.opens_at)
    replayed = _replayed(services, spec, facts, timeline, start, eras)
    return compare(
        book,
        session_on,
        lived,
        replayed,
        code_version=code_of(services),
        by_hand=by_hand,
        remarks=tuple(remark for remark in (start.remark, strange) if remark is not None),
    )


def _unknown(services: Services, book: BookId, session_on: date, why: str) -> Parity:
    return Parity(book, session_on, ParityOutcome.UNKNOWN, why, code_version=code_of(services))


def _start(services: Services, tx: Transaction, book: BookId, session: Session, timeline: Timeline) -> Start | None:
    """Return what the session started from: what the one before left, or a new book with its deposit."""
    kept = tx.parity.state_before(book, session.session_on)
    if kept is not None:
        kept_on, cutoff_at, state = kept
        is_previous = kept_on == timeline.before.session_on
        remark = None if is_previous else f"the book was last kept after {kept_on}; sessions since then were not run"
        return Start(state, cutoff_at, remark)
    navs = tx.ledger.navs(book)
    if navs and navs[0].session_on < session.session_on:
        return None
    cash = tx.parity.opening_cash(book, cutoff_of(services, timeline.slots[-1]))
    unsettled: dict[date, Decimal] | None = {} if services.account_type is AccountType.CASH else None
    return Start(
        BookState(
            Portfolio(book, session.opens_at, cash), client_category=services.client_category, unsettled=unsettled
        ),
        session.opens_at,
    )


def _facts(services: Services, tx: Transaction, spec: StrategySpec, timeline: Timeline) -> Facts:
    first, last = timeline.slots[0], timeline.slots[-1]
    return load_facts(
        tx, spec, first_at=first.as_of, as_of=last.as_of, cutoff_at=cutoff_of(services, last), is_replay=True
    )


# --- the day as it was ---------------------------------------------------------------------------------


def _lived(services: Services, tx: Transaction, spec: StrategySpec, book: BookId, timeline: Timeline) -> Day:
    decided, balanced = (
        {s.as_of: found for s in timeline.slots if (found := tx.decisions.find(book, kind, s.as_of)) is not None}
        for kind in (DecisionKind.HOURLY, DecisionKind.REBALANCE)
    )
    session, navs = timeline.sessions[0], tx.ledger.navs(book)
    closing = next((n.nav_usd for n in navs if n.session_on == session.session_on and n.is_closing), None)
    return Day(
        slots=tuple(slot.as_of for slot in timeline.slots),
        hours={at: _lived_hour(tx, spec, decision) for at, decision in decided.items()},
        orders=tuple(o for decision in (*decided.values(), *balanced.values()) for o in _lived_orders(tx, decision)),
        fills=tuple(_lived_fills(tx, book, session, timeline.after)),
        nav_usd=closing,
    )


def _lived_hour(tx: Transaction, spec: StrategySpec, decision: Decision) -> DayHour:
    panel = tx.analysis.read(spec.universe.traded, decision.as_of, decision.cutoff_at)
    return DayHour(
        as_of=decision.as_of,
        cutoff_at=decision.cutoff_at,
        decision_hash=decision.decision_hash,
        spec_hash=decision.spec_hash,
        code_version=decision.code_version,
        note=decision.note,
        inputs=inputs_of(panel, 0),
        verdicts=_by_rule(tx.decisions.reasons(decision.decision_id)),
        targets=tx.parity.targets(decision.decision_id),
    )


def _lived_orders(tx: Transaction, decision: Decision) -> Iterator[DayOrder]:
    """Yield what went past the checks of the decision, with why it then did not go."""
    orders = [o for o in tx.orders.of_decision(decision.decision_id) if not o.is_protective]
    ids = [o.order_id for o in orders]
    denials = {d.order_id: d for d in reversed(tx.checks.denials(ids))}
    sent = tx.orders.intents(ids)
    for order in orders:
        denial = denials.get(order.order_id)
        if denial is not None and denial.stage is Stage.DECISION:
            continue
        why_not = None
        if order.status is OrderStatus.REJECTED:
            why_not = f"refused by the broker: {order.detail or 'no reason given'}"
        elif order.status is OrderStatus.DENIED and denial is not None:
            why_not = f"denied at send: {denial.denial.code}"
        elif order.order_id not in sent and order.book.kind is not BookKind.REPLAY:
            why_not = order.detail or "it was not sent in its hour"
        yield DayOrder(order, why_not)


def _strange_fills(tx: Transaction, book: BookId, session: Session, after: Session) -> str | None:
    """Return what to know of fills without an order of the desk, which nothing is compared with."""
    of_day = [f for f in tx.ledger.fills(book) if session.opens_at <= f.executed_at < after.opens_at]
    symbols = sorted({f.symbol for f in of_day if not f.order_id or tx.orders.get(f.order_id) is None})
    return f"not compared: fills of {', '.join(symbols)} that belong to no order of the desk" if symbols else None


def _lived_fills(tx: Transaction, book: BookId, session: Session, after: Session) -> Iterator[tuple[Fill, Order]]:
    for fill in tx.ledger.fills(book):
        order = tx.orders.get(fill.order_id) if fill.order_id else None
        if order is not None and session.opens_at <= fill.executed_at < after.opens_at:
            yield fill, order


# --- the day as the replay makes it ----------------------------------------------------------------------


def _replayed(
    services: Services, spec: StrategySpec, facts: Facts, timeline: Timeline, start: Start, eras: Sequence[ModelEra]
) -> Day:
    terms = terms_of(services)
    panel = history_panel(spec, facts, timeline, terms, eras)
    market = Market.of(spec, facts, timeline, terms, services.costs)
    played = list(play(spec, start.state, Hours(judge(spec, panel), panel, timeline, terms), market, start.cutoff_at))
    orders = {o.order_id: o for o in (*start.state.working, *(o for p in played for o in p.taken.orders))}
    return Day(
        slots=tuple(slot.as_of for slot in timeline.slots),
        hours={p.hour.slot.as_of: _replayed_hour(services, spec, p) for p in played if p.kind is DecisionKind.HOURLY},
        orders=tuple(DayOrder(o) for p in played for o in p.taken.orders if not o.is_protective),
        fills=tuple((b.fill, orders[b.fill.order_id]) for p in played for b in p.arrived.bookings if b.fill.order_id),
        nav_usd=played[-1].taken.nav_usd,
    )


def _replayed_hour(services: Services, spec: StrategySpec, played: Played) -> DayHour:
    hour, account = played.hour, played.taken.account
    reasons = (*hour.judgement.reasons(hour.row, hour.slot.as_of), *account.reasons)
    return DayHour(
        as_of=hour.slot.as_of,
        cutoff_at=hour.cutoff_at,
        decision_hash=decision_hash(spec.spec_hash, hour, account.targets),
        spec_hash=spec.spec_hash,
        code_version=code_of(services),
        note=account.note,
        inputs=inputs_of(hour.panel, hour.row),
        verdicts=_by_rule(reasons),
        targets=account.targets.weight_frac,
    )


def _by_rule(reasons: tuple[Reason, ...]) -> dict[tuple[str, str, str], Reason]:
    return {(r.symbol, r.role.value, r.rule): r for r in reasons}


def inputs_of(panel: FeaturePanel, row: int) -> dict[tuple[str, str], Value]:
    """Return what one row of a panel says, by (symbol, column); "" is the market. Unknown is None."""
    found: dict[tuple[str, str], Value] = {}
    for name in columns():
        if name not in NOT_HASHED:
            owners = ("",) if name in MARKET_WIDE else panel.symbols
            found |= {(o, name): _plain(v) for o, v in zip(owners, getattr(panel, name)[row], strict=True)}
    return found


def _plain(value: np.generic) -> Value:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else f"{value.astype('datetime64[s]')}Z"
    if isinstance(value, np.floating):
        return None if np.isnan(value) else float(value)
    return int(value)
