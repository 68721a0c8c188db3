"""Closing and opening gates: the events, and what people are told about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from trading.analysis.jumps import SplitSeen
from trading.domain.gates import GATES, ActionState, Gate, ParkEvent, Parking
from trading.domain.instruments import VIX, BookId, Symbol
from trading.domain.market import ActionKind, Resolution
from trading.domain.messages import MessageKind, Severity
from trading.errors import PermanentError
from trading.ports import Services, Transaction

SEVERAL = 4
"""So many symbols at one gate in one run make one message that lists them."""

LISTED = 60
"""How many symbols one message names."""

PARKED, RELEASED = "parked", "released"

OF_PRICES = frozenset({Gate.JUMP_WITHOUT_SPLIT, Gate.SPLIT_WITHOUT_JUMP})
"""Judged by the ingest from new bars and by the night from stored ones: who parked for them releases them."""

_SERVED = (Resolution.HALF_HOUR, Resolution.DAY)
_STATES = {True: ActionState.CONFIRMED, False: ActionState.SUSPECT, None: ActionState.UNDECIDED}


def gate_events(
    symbol: Symbol,
    raised: Mapping[Gate, str],
    held: Iterable[Parking],
    *,
    judged: Collection[Gate],
    actor: str,
    at: datetime,
) -> Iterator[ParkEvent]:
    """Yield what changes for one symbol: gates that close, and gates that open because their rule came true.

    Args:
        raised: gates that what was just seen closes, with what was seen.
        held: gates that hold the symbol now.
        judged: gates that this look could have closed; only those may open.
    """
    for gate, detail in raised.items():
        yield ParkEvent(symbol, gate, True, detail, actor, at)
    for parking in held:
        is_ours = parking.gate not in OF_PRICES or parking.actor == actor
        if parking.gate in judged and parking.gate not in raised and is_ours:
            yield ParkEvent(symbol, parking.gate, False, parking.rule.clears, actor, at)


def park(tx: Transaction, book: BookId, events: Sequence[ParkEvent]) -> tuple[str, ...]:
    """Store `events` with a message about each change, in one transaction; return the messages without their badge."""
    told = []
    for group in _grouped(tx.market.park(events)):
        body = _body([event for _, event in group])
        tx.controls.notify(
            dedupe_key=f"parked:{book}:{group[0][0]}-{group[-1][0]}",
            book=book,
            kind=MessageKind.DATA_PARKED,
            severity=Severity.WARNING if group[0][1].is_parked else Severity.INFO,
            body=f"{book.badge} {book}: {body}",
        )
        told.append(body)
    return tuple(told)


def judge_splits(tx: Transaction, splits: Iterable[SplitSeen], *, at: datetime) -> None:
    """Store what prices say about splits: a doubt counts from its bar on, a doubt taken back from `at` on."""
    for split in splits:
        state = _STATES[split.is_seen]
        known_at = at if split.is_seen else split.known_at
        tx.market.judge_action(split.action, state, known_at=known_at, detail=split.detail)


def notes_of(raised: Mapping[Symbol, Mapping[Gate, str]], *, verb: str = PARKED) -> list[str]:
    """Return a sentence about each gate that is closed, one about many symbols where many stand before it.

    Args:
        verb: what became of the symbols.
    """
    by_gate: dict[Gate, list[tuple[Symbol, str]]] = defaultdict(list)
    for symbol, gates in raised.items():
        for gate, detail in gates.items():
            by_gate[gate].append((symbol, detail))
    notes = []
    for gate, symbols in by_gate.items():
        if len(symbols) >= SEVERAL:
            notes.append(_many(gate, [symbol for symbol, _ in symbols], verb))
        else:
            notes += [f"{symbol} {verb}: {gate}, {GATES[gate].sentence} ({detail})" for symbol, detail in symbols]
    return notes


def release(
    services: Services,
    book: BookId,
    symbol: Symbol,
    gate: Gate,
    *,
    why: str,
    actor: str,
    took_place: bool | None = None,
) -> tuple[Parking, ...]:
    """Open one gate by a person's word, with an audit row; return what still holds the symbol.

    Args:
        took_place: for a doubted split alone: whether it did; prices do not judge it any more.

    Raises:
        PermanentError: the gate does not hold the symbol, or opens by its own rule alone while a source serves it.
    """
    rule, at = GATES[gate], services.clock.now()
    if not rule.by_person and any(services.sources.bars_for(symbol, r, at) for r in _SERVED):
        raise PermanentError(f"{gate} opens by itself when {rule.clears}; {rule.action}")
    if (gate is Gate.SPLIT_WITHOUT_JUMP) != (took_place is not None):
        raise PermanentError(
            f"{Gate.SPLIT_WITHOUT_JUMP} is released with --confirm or --deny, other gates without; name it"
        )
    with services.store.transaction() as tx:
        if all(parking.gate is not gate for parking in tx.market.parked().get(symbol, ())):
            raise PermanentError(f"{symbol} is not parked by {gate}; see ./airdesk data status")
        if took_place is not None:
            _settle_splits(tx, symbol, took_place=took_place, why=why, actor=actor, at=at)
        park(tx, book, [ParkEvent(symbol, gate, False, why, actor, at)])
        detail = {"symbol": symbol, "gate": gate, "why": why, "took_place": took_place}
        tx.controls.audit(actor=actor, action="release_gate", detail=detail)
        return tx.market.parked().get(symbol, ())


def _settle_splits(tx: Transaction, symbol: Symbol, *, took_place: bool, why: str, actor: str, at: datetime) -> None:
    """Write a person's word about the newest split that prices doubt: what counts from `at` on."""
    settled = {(s.symbol, s.ex_on) for s in tx.market.split_judgements() if s.is_by_person}
    doubted = [
        action
        for action in tx.market.suspect_actions(cutoff_at=at)
        if action.symbol == symbol and action.kind is ActionKind.SPLIT and (symbol, action.ex_on) not in settled
    ]
    if not doubted:
        raise PermanentError(f"no doubted split of {symbol} is stored yet; run the next hour, then release it")
    newest = max(doubted, key=lambda action: action.ex_on)
    state = ActionState.CONFIRMED if took_place else ActionState.SUSPECT
    tx.market.judge_action(newest, state, known_at=at, detail=why, actor=actor)


def _grouped(changes: Sequence[tuple[int, ParkEvent]]) -> Iterator[list[tuple[int, ParkEvent]]]:
    """Yield the changes that one message tells."""
    groups: dict[tuple[Gate, bool], list[tuple[int, ParkEvent]]] = defaultdict(list)
    for change in changes:
        groups[change[1].gate, change[1].is_parked].append(change)
    for group in groups.values():
        if len(group) >= SEVERAL:
            yield group
        else:
            yield from ([change] for change in group)


def _body(events: Sequence[ParkEvent]) -> str:
    first, verb = events[0], PARKED if events[0].is_parked else RELEASED
    blind = "; no symbol gets an entry while the VIX is unknown or older than a session"
    note = blind if first.is_parked and any(event.symbol == VIX for event in events) else ""
    if len(events) > 1:
        return _many(first.gate, [event.symbol for event in events], verb) + note
    rule = GATES[first.gate]
    if not first.is_parked:
        return f"{first.symbol} released: {first.gate}, {first.detail}"
    return f"{first.symbol} parked: {first.gate}, {rule.sentence} ({first.detail}); {rule.action}{note}"


def _many(gate: Gate, symbols: Sequence[Symbol], verb: str) -> str:
    named = ", ".join(symbols[:LISTED]) + (f" and {len(symbols) - LISTED} more" if len(symbols) > LISTED else "")
    why = GATES[gate].clears if verb == RELEASED else GATES[gate].sentence
    return f"{len(symbols)} symbols {verb}: {gate}, {why}: {named}"
