"""A decision as it is stored: once per (book, kind, as_of), with the hash that two equal runs share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from trading.domain.instruments import BookId


class DecisionKind(StrEnum):
    """Who decided: one of the loops, the guard that places missing protection, or a person."""

    HOURLY = "hourly"
    REBALANCE = "rebalance"
    PROTECTION = "protection"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Decision:
    """The head row of one decision; reasons, targets and orders point to it.

    Attributes:
        decision_hash: over spec, `as_of`, cutoff, input values, verdicts and targets; never book, run or fetch time.
        nav_usd: NAV that sizing used; None when a held symbol had no price.
        note: one line for people, e.g. "entries blocked: VIX 34.1 > 30".
    """

    decision_id: str
    book: BookId
    kind: DecisionKind
    as_of: datetime
    cutoff_at: datetime
    session_on: date
    is_closing: bool
    strategy: str
    spec_hash: str
    code_version: str
    decision_hash: str
    nav_usd: float | None
    note: str = ""


def decision_id_for(book: BookId, kind: DecisionKind, as_of: datetime) -> str:
    """Return the id of the decision of `book` at `as_of`, e.g. "hourly.20190603T1430.paper:DU1".

    The loops decide at the end of an hour; what a guard or a person decides is told apart to the second.
    """
    seconds = "" if kind in (DecisionKind.HOURLY, DecisionKind.REBALANCE) else f"{as_of.second:02d}"
    # By hand, because strftime takes ten times as long.
    on, at = f"{as_of.year:04d}{as_of.month:02d}{as_of.day:02d}", f"{as_of.hour:02d}{as_of.minute:02d}"
    return f"{kind}.{on}T{at}{seconds}.{book}"
