"""Quality gates: why a symbol gets no entry, in words for people, and how each gate opens again.

A parked symbol keeps its position, its protection at the broker and its place in NAV. `GATES` is the one table of the
rules; docs/adr/0027-gates.md prints it, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from trading.domain.instruments import Symbol

PERSON = "cli:"
"""An actor that begins so is a person; every other one is a rule by its name."""


class Gate(StrEnum):
    """Why a symbol is parked. Several may hold one symbol; each opens by its own rule."""

    BARS_MISSING = "bars_missing"
    EMPTY_SESSION = "empty_session"
    STALE = "stale"
    HALTED = "halted"
    NOT_A_NUMBER = "not_a_number"
    CROSSED = "crossed"
    BAD_PRINT = "bad_print"
    CONFLICTING = "conflicting"
    REVISED = "revised"
    JUMP_WITHOUT_SPLIT = "jump_without_split"
    SPLIT_WITHOUT_JUMP = "split_without_jump"
    DISAGREEMENT = "disagreement"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class GateRule:
    """One gate for people.

    Attributes:
        sentence: what is wrong.
        action: what a person may do about it.
        clears: the rule by which it opens by itself.
        by_person: whether that rule may never come true, so that `data release` opens it too.
    """

    sentence: str
    action: str
    clears: str
    by_person: bool = False


GATES: Mapping[Gate, GateRule] = {
    Gate.BARS_MISSING: GateRule(
        "fewer bars came than the calendar expects",
        "nothing; the next hour asks again",
        "the newest bar that is due is delivered",
    ),
    Gate.EMPTY_SESSION: GateRule(
        "the source answered with nothing for a session",
        "check that the source knows the symbol: ./airdesk doctor",
        "bars come, the newest one that is due among them",
    ),
    Gate.STALE: GateRule(
        "the newest bar is older than the calendar and the source's delay allow",
        "see which source is silent: ./airdesk doctor",
        "a bar of the last hour is stored; where days are the only bars, the newest day that is due",
    ),
    Gate.HALTED: GateRule(
        "it did not trade while others did",
        "look for a halt at the exchange; its protection stays at the broker",
        "the newest bar that is due is delivered and shows volume",
    ),
    Gate.NOT_A_NUMBER: GateRule(
        "a bar of the newest session has no usable number",
        "nothing; the bar is refused and asked for again",
        "the source sends a sound bar, or a later session without such a bar",
    ),
    Gate.CROSSED: GateRule(
        "a bar of the newest session has a high below its low, open or close",
        "nothing; the bar is refused and asked for again",
        "the source sends a sound bar, or a later session without such a bar",
    ),
    Gate.BAD_PRINT: GateRule(
        "a single price lies far outside the prices around it",
        "nothing; the bar is refused, so it moves no stop",
        "the source sends a sound bar, or a later session without such a bar",
    ),
    Gate.CONFLICTING: GateRule(
        "the source sent two different bars for one start",
        "nothing; both are refused and asked for again",
        "the source sends one bar for that start, or a later session without a conflict",
    ),
    Gate.REVISED: GateRule(
        "a stored bar was changed by more than a correction",
        "compare both revisions with another source: ./airdesk data as-of",
        "the next delivery repeats what is stored now",
    ),
    Gate.JUMP_WITHOUT_SPLIT: GateRule(
        "the price jumped and no split explains it",
        "import the split, or release it if the jump is true",
        "a split arrives that explains it, or the price comes back",
        by_person=True,
    ),
    Gate.SPLIT_WITHOUT_JUMP: GateRule(
        "a split is announced and the price did not move by it; the split is suspect and not used",
        "see whether it took place: a position must equal the broker's; where it stays open, --confirm or --deny it",
        "bars show the split, or a whole session later if they clearly do not; left open, when a person says so",
        by_person=True,
    ),
    Gate.DISAGREEMENT: GateRule(
        "two sources give different closes",
        "compare both with the exchange's own close, then correct or switch off the wrong source",
        "the next nightly check finds that they agree",
        by_person=True,
    ),
    Gate.LEGACY: GateRule(
        "parked before reasons had names",
        "nothing; run the hour",
        "the next ingest of prices looks at it anew",
    ),
}


@dataclass(frozen=True, slots=True)
class Parking:
    """One gate that holds a symbol.

    Attributes:
        detail: what was seen, e.g. the bar.
        since: when it was parked.
        actor: the rule that parked it.
    """

    gate: Gate
    detail: str
    since: datetime
    actor: str

    @property
    def rule(self) -> GateRule:
        """Its words and the way out."""
        return GATES[self.gate]

    def __str__(self) -> str:
        return f"{self.gate}: {self.rule.sentence} ({self.detail})"


@dataclass(frozen=True, slots=True)
class ParkEvent:
    """A gate that closes or opens before one symbol."""

    symbol: Symbol
    gate: Gate
    is_parked: bool
    detail: str
    actor: str
    at: datetime


class ActionState(StrEnum):
    """Whether prices bear a corporate action out. Readers use what is confirmed."""

    CONFIRMED = "confirmed"
    SUSPECT = "suspect"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class SplitJudgement:
    """What was last said about one split.

    Attributes:
        detail: what was seen, or a person's reason.
        actor: a person (`PERSON`), whose word stands; every other one is a rule.
    """

    symbol: Symbol
    ex_on: date
    state: ActionState
    detail: str
    actor: str

    @property
    def is_by_person(self) -> bool:
        """Whether a person said so."""
        return self.actor.startswith(PERSON)
