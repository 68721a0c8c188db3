"""Verdicts as people read them: made once here, shown by the terminal, the Desk page and the bot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from trading.domain.instruments import Symbol
from trading.domain.signals import Outcome, Reason, RuleRole
from trading.reporting.wording import MINUS, number
from trading.strategy.margins import gap_of, is_in_the_way

MARKS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.ABSTAIN: "–"}
ROLES = {
    RuleRole.ENTRY_REQUIRED: "entry, must pass",
    RuleRole.ENTRY_OPTIONAL: "entry, may abstain",
    RuleRole.SHRINK: "may only shrink",
    RuleRole.EXIT: "exit, sells if one passes",
    RuleRole.BLOCK: "block, no entry if one passes",
}
"""What each role means, in the order in which people read them."""
_PLACES = {role: place for place, role in enumerate(ROLES)}


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One verdict in words.

    Attributes:
        observed, threshold: what was seen and what it was held against; a dash where unknown.
        mark: ✓, ✗ or –. input_at: of the youngest input; None where there was none. why: why there is no value.
        turns: what would turn the verdict, or how much there is to spare; "" where no number says.
        is_in_the_way: whether it keeps its symbol out.
    """

    symbol: Symbol
    rule: str
    role: RuleRole
    outcome: Outcome
    observed: str
    threshold: str
    mark: str
    input_at: datetime | None
    why: str | None
    turns: str
    is_in_the_way: bool

    @property
    def role_text(self) -> str:
        """What its role means."""
        return ROLES[self.role]

    def words(self, word: Callable[[datetime], str]) -> str:
        """Return from when the input is, or why there is none, and what would turn the verdict.

        Args:
            word: how an instant is written.
        """
        found = self.why or ("" if self.input_at is None else word(self.input_at))
        return "; ".join(filter(None, (found, self.turns)))


def verdict_rows(reasons: Iterable[Reason]) -> tuple[VerdictRow, ...]:
    """Return verdicts in words, grouped by role, otherwise in the order given."""
    return tuple(map(_row, sorted(reasons, key=lambda reason: _PLACES[reason.role])))


def _row(reason: Reason) -> VerdictRow:
    return VerdictRow(
        symbol=reason.symbol,
        rule=reason.rule,
        role=reason.role,
        outcome=reason.outcome,
        observed=number(reason.observed),
        threshold=number(reason.threshold),
        mark=MARKS[reason.outcome],
        input_at=reason.input_at,
        why=reason.why,
        turns=turns(reason),
        is_in_the_way=is_in_the_way(reason),
    )


def turns(reason: Reason) -> str:
    """Return what would have to change, e.g. "needs +0.12"; or how much there is to spare; "" where no number says."""
    gap = gap_of(reason)
    if gap is None:
        return ""
    if gap.change == 0:
        return "at its threshold"
    size = number(abs(gap.change))
    if is_in_the_way(reason):
        return f"needs {'+' if gap.change > 0 else MINUS}{size}"
    return f"{size} to spare"
