"""Analysis tasks: facts known at the hour → one row per symbol. Each writes its group and may run again."""

from __future__ import annotations

from collections import Counter

import numpy as np

from trading.analysis.facts import decision_times
from trading.analysis.panel_building import build_panel
from trading.analysis.sentiment import story_scores
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.panel import FeaturePanel, Why
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import cutoff_of, load_facts, session_before, terms_of
from trading.tasks.report import StepReport


def technicals(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Write prices and technicals."""
    return _analyse(services, spec, slot, "technicals", ("technicals",))


def sentiment(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Write sentiment, and what each story gave."""
    return _analyse(services, spec, slot, "sentiment", ("sentiment",))


def risk(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Write valuation, VIX and macro."""
    return _analyse(services, spec, slot, "risk", ("valuation", "risk"))


def _analyse(services: Services, spec: StrategySpec, slot: Slot, name: str, groups: tuple[str, ...]) -> StepReport:
    cutoff_at = cutoff_of(services, slot)
    previous = session_before(services.calendar, slot.session_on)
    terms = terms_of(services)
    times = decision_times([slot], {slot.session_on: previous.session_on}, terms.delay_minutes)
    written, counts, notes = 0, dict[str, int](), list[str]()
    with services.store.transaction() as tx:
        facts = load_facts(tx, spec, first_at=slot.as_of, as_of=slot.as_of, cutoff_at=cutoff_at)
        for group in groups:
            panel = build_panel(
                facts,
                spec.universe,
                spec.peers,
                times,
                daily_pricing=terms.daily_pricing,
                sentiment=spec.sentiment,
                groups=(group,),
            )
            written += tx.analysis.write(group, panel, cutoff_at)
            if group == "sentiment":
                scores = story_scores(facts.news, spec.universe.traded, cutoff_at, spec.sentiment)
                counts["stories"] = tx.analysis.write_stories(scores, slot.as_of, cutoff_at)
            notes += [note for why in _WHYS[group] if (note := _abstentions(panel, why))]
    return StepReport(name, {"rows": written, **counts}, tuple(notes))


def _abstentions(panel: FeaturePanel, why: str) -> str:
    """Return e.g. "valuation: 3 × does not apply to this instrument", or nothing where all is known."""
    codes = Counter(int(c) for c in np.ravel(getattr(panel, why)) if c != Why.KNOWN)
    parts = [f"{count} × {Why(c).sentence}" for c, count in codes.most_common()]
    return f"{why.removeprefix('why_')}: {', '.join(parts)}" if parts else ""


_WHYS = {
    "technicals": ("why_price", "why_technicals"),
    "sentiment": ("why_sentiment",),
    "valuation": ("why_valuation", "why_earnings"),
    "risk": ("why_vix", "why_macro"),
}
