"""Readers and drivers for the check against looking ahead: the honest one, and what a test plants in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from trading.analysis.facts import Facts
from trading.domain.instruments import BookId, BookKind
from trading.domain.panel import FeaturePanel
from trading.domain.signals import Targets
from trading.engine.futures import EVERY_KIND
from trading.engine.hashing import decision_hash
from trading.engine.hours import Hours, Terms, Timeline, history_panel
from trading.engine.lookahead import Leak, Played, look_ahead
from trading.engine.replay import replay
from trading.engine.result import ReplayResult
from trading.execution.costs import CostModel
from trading.strategy.judging import judge
from trading.strategy.three_sector import three_sector

SPEC = three_sector()
BOOK = BookId(BookKind.REPLAY, "poison")

type Reader = Callable[[Facts, Timeline, Terms], FeaturePanel]


def honest(facts: Facts, timeline: Timeline, terms: Terms) -> FeaturePanel:
    """Read as the product reads."""
    return history_panel(SPEC, facts, timeline, terms)


def leaks(
    read: Reader,
    facts: Facts,
    timeline: Timeline,
    instants: Sequence[datetime],
    *,
    terms: Terms | None = None,
    kinds: Iterable[str] = EVERY_KIND,
) -> tuple[Leak, ...]:
    """Return what a reader's decisions let through from later than each of `instants`."""
    terms = terms or Terms()

    def play(known: Facts, sessions: Timeline) -> Played:
        panel = read(known, sessions, terms)
        return Played(panel, judge(SPEC, panel))

    limits = {"delay_minutes": terms.delay_minutes, "kinds": frozenset(kinds)}
    return look_ahead(play, facts, timeline, lambda whole: instants, **limits).leaks


def replayed(facts: Facts, timeline: Timeline) -> ReplayResult:
    """Replay as the product does."""
    return replay(SPEC, facts, timeline, book=BOOK, cash_usd=Decimal(100_000), terms=Terms(), costs=CostModel())


def played(facts: Facts, timeline: Timeline) -> Played:
    """Replay as the product does, for the search for look-ahead."""
    return Played.of(replayed(facts, timeline))


def decided(read: Reader, facts: Facts, timeline: Timeline, terms: Terms) -> dict[datetime, str]:
    """Return the hash over inputs and verdicts of every decision of the timeline."""
    panel = read(facts, timeline, terms)
    return {
        hour.slot.as_of: decision_hash(SPEC.spec_hash, hour, Targets(hour.slot.as_of, 1.0, {}))
        for hour in Hours(judge(SPEC, panel), panel, timeline, terms)
    }
