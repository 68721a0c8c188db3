"""The judge of a soak: the promises of the design, each held against rows. Pure: a test shows what it finds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trading.domain.instruments import Symbol
from trading.domain.market import SYNTHETIC
from trading.domain.parity import DifferenceKind, Parity, ParityDifference, ParityOutcome
from trading.drills.soak.telegram import Handed
from trading.engine.parity import PARKED
from trading.ports.messages import Fate

OF_THE_BOOK = frozenset({"position_open", "drawdown_breaker", "software_stop"})
"""Verdicts on the book, which a late order changes although no input differs."""

STATE = "trading state"
"""How the note of a decision begins to say that the book may not enter."""


class Promise(StrEnum):
    """Which promise is broken."""

    EXPLAINED = "every decision is explained"
    REPLAY = "replay is the same code"
    ONCE = "never twice"
    FUTURE = "nothing from the future"
    INVENTED = "nothing invented"
    PAPER = "paper only"
    TIES = "books tie"
    LABELLED = "SYNTHETIC where it shows"
    TOLD = "every failure is told once"
    MESSAGES = "messages in order, none twice"
    HALT = "a halt holds"
    GUARDED = "every position is guarded"
    SOUND = "the desk goes on"


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken promise.

    Attributes:
        where: session and hour, for people.
    """

    promise: Promise
    where: str
    words: str

    def __str__(self) -> str:
        return f"{self.where}: {self.promise}: {self.words}"


type BarKey = tuple[Symbol, str, datetime]
type BarPrices = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Evidence:
    """What a soak left in the database, and the truth about the market.

    Attributes:
        bars: stored (symbol, resolution, start) with each prices that were ever stored for it. market: what they are.
        untrue: stored headlines, filings, macro values and actions that the market never had.
        early: sentences about rows known before they happened, and about evidence later than its decision.
        marks: (symbol, instant, price) of every NAV. closes: closes of each symbol by end.
        sources: where stored facts say that they come from. books: kinds of books. live_arms: rows that arm real money.
    """

    bars: Mapping[BarKey, frozenset[BarPrices]] = field(default_factory=dict)
    market: Mapping[BarKey, BarPrices] = field(default_factory=dict)
    untrue: tuple[str, ...] = ()
    early: tuple[str, ...] = ()
    marks: Sequence[tuple[Symbol, datetime, float]] = ()
    closes: Mapping[Symbol, Mapping[float, datetime]] = field(default_factory=dict)
    sources: frozenset[str] = frozenset({SYNTHETIC})
    books: frozenset[str] = frozenset({"demo"})
    live_arms: int = 0


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message as it ended.

    Attributes:
        topic: book and kind; errors go apart, because they overtake what is none.
    """

    message_id: int
    key: str
    topic: str
    state: str
    reference: str | None
    detail: str | None


def check_market(found: Evidence) -> Iterator[tuple[Promise, str]]:
    """Yield what was invented, what is known too early, and what should not be in a demo's database."""
    for key, prices in found.bars.items():
        if key not in found.market:
            yield Promise.INVENTED, f"no such bar in the market: {key}"
        elif prices != {found.market[key]}:
            yield Promise.INVENTED, f"{key} is stored as {sorted(prices)}, the market says {found.market[key]}"
    for words in found.untrue:
        yield Promise.INVENTED, words
    for symbol, at, price in found.marks:
        ends_at = found.closes.get(symbol, {}).get(price)
        if ends_at is None:
            yield Promise.INVENTED, f"the NAV of {at:%Y-%m-%d %H:%M} prices {symbol} at {price}, which never traded"
        elif ends_at > at:
            yield Promise.FUTURE, f"the NAV of {at:%Y-%m-%d %H:%M} prices {symbol} with a close of {ends_at}"
    for words in found.early:
        yield Promise.FUTURE, words
    if strange := found.sources - {SYNTHETIC}:
        yield Promise.PAPER, f"facts come from {', '.join(sorted(strange))}"
    if strange := found.books - {"demo"}:
        yield Promise.PAPER, f"there are books of kind {', '.join(sorted(strange))}"
    if found.live_arms:
        yield Promise.PAPER, f"{found.live_arms} rows arm real money"


def check_messages(rows: Sequence[OutboxRow], handed: Sequence[Handed]) -> Iterator[tuple[Promise, str]]:
    """Yield what is wrong with what people were told, once the outbox is drained."""
    by_reference = defaultdict(list)
    for letter in handed:
        by_reference[letter.reference].append(letter)
    refused = {h.reference for h in handed if h.fate is Fate.REFUSED}
    for row in rows:
        letters = by_reference.get(row.reference or "", [])
        if row.state not in ("sent", "failed", "dropped"):
            yield Promise.MESSAGES, f"{row.key} is still {row.state} ({row.detail})"
        if row.state == "sent" and not any(h.has_arrived for h in letters):
            yield Promise.MESSAGES, f"{row.key} counts as sent and never arrived"
        if row.state == "failed" and row.reference not in refused and len(letters) < 2:
            yield Promise.MESSAGES, f"{row.key} was given up without a refusal: {row.detail}"
        if row.state == "dropped":
            yield Promise.MESSAGES, f"{row.key} was dropped: {row.detail}"
    for reference, letters in by_reference.items():
        arrived = sum(h.has_arrived for h in letters)
        doubts = sum(h.fate in (None, Fate.UNCERTAIN) for h in letters[:-1])
        if arrived > 1 + min(doubts, 1):
            yield Promise.MESSAGES, f"{reference} arrived {arrived} times, {doubts} doubts"
    yield from _order(rows, handed)
    for letter in handed:
        if letter.has_arrived and not letter.title.startswith((SYNTHETIC, "DESK")):
            yield Promise.LABELLED, f"{letter.reference} says {letter.title}"


def _order(rows: Sequence[OutboxRow], handed: Sequence[Handed]) -> Iterator[tuple[Promise, str]]:
    """Messages of one topic arrive in the order in which they were written."""
    topic_of = {f"#{row.message_id}": row.topic for row in rows}
    newest: dict[str, int] = {}
    seen: set[str] = set()
    for letter in handed:
        if letter.reference in seen or not letter.has_arrived:
            continue
        seen.add(letter.reference)
        topic, number = topic_of.get(letter.reference, ""), int(letter.reference.removeprefix("#"))
        if number < newest.get(topic, 0):
            yield Promise.MESSAGES, f"{letter.reference} of {topic} arrived after #{newest[topic]}"
        newest[topic] = max(number, newest.get(topic, 0))


def check_told(red: Sequence[str], rows: Sequence[OutboxRow], prefix: str) -> Iterator[tuple[Promise, str]]:
    """Yield the red runs that nobody was told of, and failures that were told and did not happen.

    Args:
        red: keys of the messages that are due, one a red run.
    """
    told = Counter(row.key for row in rows if row.key.startswith(prefix))
    for key in red:
        if told[key] != 1:
            yield Promise.TOLD, f"{key} was told {told[key]} times"
    for key in set(told) - set(red):
        yield Promise.TOLD, f"{key} was told, but the run is green"


def check_parity(day: Parity, *, is_calm: bool, follows_calm: bool = False) -> Iterator[tuple[Promise, str]]:
    """Yield how a day is not what its replay does although nothing explains it.

    Args:
        is_calm: nothing struck on that day. follows_calm: nor on the one before, so that there is no excuse.
    """
    first = day.differences[0] if day.differences else None
    # The market itself loses a bar now and then: its symbol is parked, and a replay knows no gates.
    excused = (first is not None and first.cause == PARKED) or (
        not follows_calm and (first is None or _is_explained(first))
    )
    if is_calm and day.outcome is not ParityOutcome.EQUAL and not excused:
        yield Promise.REPLAY, f"{day.session_on} was calm and differs: {day.summary} {_kinds(day)}"
    changed = {d.as_of for d in day.differences if d.kind is DifferenceKind.INPUT}
    for d in day.differences:
        if d.kind is DifferenceKind.HASH:
            yield Promise.REPLAY, f"{d.as_of}: all is equal but the hash, {d.book} and {d.replay}"
        if d.kind is DifferenceKind.VERDICT and d.as_of not in changed and d.what not in OF_THE_BOOK:
            yield Promise.REPLAY, f"{d.as_of} {d.symbol} {d.what}: {d.book}, the replay says {d.replay}"


def _is_explained(first: ParityDifference) -> bool:
    """Whether the first difference of a day, from which the others follow, comes from the day before.

    A symbol stays parked, a late value is read at night, a halted book enters nothing, and a person resumed it.
    """
    return first.cause is not None or STATE in first.book + first.replay


def _kinds(day: Parity) -> str:
    return ", ".join(f"{d.kind} {d.symbol or ''} {d.what} {d.book} / {d.replay}" for d in day.differences[:4])


def check_reasons(
    said: Mapping[Symbol, int], traded: Sequence[Symbol], *, decision_id: str
) -> Iterator[tuple[Promise, str]]:
    """Yield the symbols of a decision that have no verdict, or fewer than the others.

    Args:
        said: verdicts of rules that judge every symbol, by symbol.
    """
    most = max(said.values(), default=0)
    for symbol in traded:
        if said.get(symbol, 0) != most or not most:
            yield Promise.EXPLAINED, f"{decision_id} has {said.get(symbol, 0)} of {most} verdicts about {symbol}"
