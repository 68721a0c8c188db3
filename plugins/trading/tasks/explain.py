"""Recompute a stored decision from its stored inputs: the same rules must give the same verdicts and the same hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookKind, Symbol
from trading.domain.market import Slot, session_slots
from trading.domain.panel import FeaturePanel
from trading.domain.signals import Reason, Targets, significant
from trading.engine.hashing import decision_hash
from trading.engine.state import Hour
from trading.engine.telling import Stops, path_reasons
from trading.errors import InvariantBroken, PermanentError
from trading.ports import Services, Transaction
from trading.strategy.catalogue import spec_named
from trading.strategy.spec import StrategySpec
from trading.tasks.decide import LOOPS, live_hour
from trading.tasks.replay import session_hours

_SOFTWARE_STOP = "software_stop"
_OF_THE_BOOK = frozenset({"position_open", "drawdown_breaker", _SOFTWARE_STOP})
"""Verdicts that rest on the book instead of the panel."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is stored otherwise than it is recomputed.

    Attributes:
        symbol: None for the decision as a whole. name: of the rule, or of the figure.
        stored, recomputed: as text; None where there is nothing.
    """

    symbol: Symbol | None
    name: str
    stored: str | None
    recomputed: str | None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A decision, judged again.

    Attributes:
        count: verdicts that were compared. panel: the inputs of one time, as they are stored.
        differences: empty when everything is equal.
    """

    count: int
    panel: FeaturePanel
    differences: tuple[Difference, ...]


def recompute(
    services: Services, tx: Transaction, decision: Decision, strategy_of: Callable[[str], StrategySpec] = spec_named
) -> Recomputed:
    """Judge a stored decision again, from its stored inputs, and compare verdicts and hash.

    An hourly or rebalancing decision of a desk reads the rows that its analysis tasks wrote; one of `hourly_replay`
    reads bars, news and filings as the replay did. Verdicts on the book are held against its NAV row and marks.

    Args:
        strategy_of: the strategy by its name, as this desk has it.

    Raises:
        PermanentError: it judged nothing, or its strategy is not the one of this code.
    """
    if decision.kind not in LOOPS:
        raise PermanentError(f"{decision.decision_id} is of kind {decision.kind}, which judges no rule")
    spec = strategy_of(decision.strategy)
    if spec.spec_hash != decision.spec_hash:
        raise PermanentError(
            f"{decision.decision_id} was decided by {decision.strategy} {decision.spec_hash}, and this code holds "
            f"{spec.spec_hash}; check out {decision.code_version} to judge it again"
        )
    hour = _hour_of(services, tx, spec, decision)
    stored, targets = tx.decisions.reasons(decision.decision_id), tx.decisions.targets(decision)
    judged = tuple(hour.judgement.reasons(hour.row, decision.as_of))
    again = [*judged, *_of_the_book(tx, spec, decision, hour, stored)]
    found = [*_different_verdicts(stored, again), *_different_hash(decision, hour, targets)]
    return Recomputed(len(stored), hour.panel.at(hour.row), tuple(found))


def _hour_of(services: Services, tx: Transaction, spec: StrategySpec, decision: Decision) -> Hour:
    """Return the hour as it was read: with the delay of the decision, not that of today's settings."""
    delay_minutes = (decision.cutoff_at - decision.as_of) // timedelta(minutes=1)
    then = replace(services, source_delay_minutes=delay_minutes)
    if decision.book.kind is not BookKind.REPLAY:
        return live_hour(then, tx, spec, decision.book, _slot_of(then, decision))
    _, hours = session_hours(then, tx, spec, decision.session_on)
    for hour in hours:
        if hour.slot.as_of == decision.as_of:
            return hour
    raise InvariantBroken(f"{decision.decision_id} stands at no hour of {decision.session_on}; check the calendar")


def _slot_of(services: Services, decision: Decision) -> Slot:
    session = services.calendar.session(decision.session_on)
    for slot in () if session is None else session_slots(session):
        if slot.as_of == decision.as_of:
            return slot
    raise InvariantBroken(f"{decision.decision_id} stands at no hour of {decision.session_on}; check the calendar")


def _of_the_book(
    tx: Transaction, spec: StrategySpec, decision: Decision, hour: Hour, stored: Sequence[Reason]
) -> Iterator[Reason]:
    """Yield the verdicts on the book again, from its NAV row and marks; as stored where no NAV was known.

    A rebalance stores none: it acts on what is held, and no verdict keeps it from that.
    """
    if decision.kind is DecisionKind.REBALANCE:
        return
    row = tx.ledger.nav_at(decision.book, decision.as_of)
    if row is None or decision.nav_usd is None:
        yield from (r for r in stored if r.rule in _OF_THE_BOOK)
        return
    marks = tx.ledger.marks_at(decision.book, decision.as_of)
    held = {symbol: quantity for symbol, (quantity, _, _) in marks.items()}
    keep_frac = 1.0 - spec.protection.trail_frac
    bare: Stops = {
        r.symbol: (marks[r.symbol][1], marks[r.symbol][2] * keep_frac)
        for r in stored
        if r.rule == _SOFTWARE_STOP and r.symbol in marks
    }
    yield from path_reasons(spec, hour, held, row.breaker, row.nav_usd, bare)


def _different_verdicts(stored: Sequence[Reason], again: Sequence[Reason]) -> Iterator[Difference]:
    before, after = _by_rule(stored), _by_rule(again)
    for key in dict.fromkeys((*before, *after)):
        symbol, rule, _ = key
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            yield Difference(symbol, rule, _verdict_text(old), _verdict_text(new))
            continue
        for name in (f.name for f in fields(Reason)):
            if _plain(getattr(old, name)) != _plain(getattr(new, name)):
                yield Difference(symbol, f"{rule}.{name}", str(getattr(old, name)), str(getattr(new, name)))


def _by_rule(reasons: Sequence[Reason]) -> Mapping[tuple[Symbol, str, str], Reason]:
    return {(r.symbol, r.rule, r.role): r for r in reasons}


def _plain(value: object) -> object:
    return significant(value) if isinstance(value, float) else value


def _verdict_text(reason: Reason | None) -> str | None:
    return None if reason is None else str(reason.outcome)


def _different_hash(decision: Decision, hour: Hour, targets: Targets) -> Iterator[Difference]:
    again = decision_hash(decision.spec_hash, hour, targets)
    if again != decision.decision_hash:
        yield Difference(None, "decision_hash", decision.decision_hash, again)
