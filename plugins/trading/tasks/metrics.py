"""What an hour leaves for machines that watch, beside the counts of its tasks: one table of names, one reading.

A value that is not known is not sent: a gauge that stands still would say that nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trading.domain.instruments import BookId
from trading.ports import Services, Transaction
from trading.strategy.spec import StrategySpec

PREFIX = "airdesk"
"""Of every name that is sent."""


class Metric(StrEnum):
    """A gauge, by its name after `airdesk.`."""

    NAV = "book.nav_usd"
    EXPOSURE = "book.exposure_frac"
    DRAWDOWN = "book.drawdown_frac"
    LIFETIME_DRAWDOWN = "book.lifetime_drawdown_frac"
    SECTOR = "book.sector_frac"
    BAR_AGE = "data.bar_age_seconds"
    NEWS_AGE = "data.news_age_seconds"
    FILING_AGE = "data.filing_age_seconds"
    WAITING = "outbox.waiting"
    HOUR_AGE = "hour.age_seconds"


GAUGES: Mapping[Metric, tuple[str, tuple[str, ...]]] = {
    Metric.NAV: ("what the book is worth [USD]; none while a held symbol has no price", ()),
    Metric.EXPOSURE: ("share of NAV that is invested [0–1]", ()),
    Metric.DRAWDOWN: ("fall of NAV from the mark that the drawdown breaker counts from [0–1]", ()),
    Metric.LIFETIME_DRAWDOWN: ("fall of NAV from its highest ever [0–1]", ()),
    Metric.SECTOR: ("share of NAV in a sector [0–1]", ("sector",)),
    Metric.BAR_AGE: ("since the end of the newest bar of any symbol", ("source", "resolution")),
    Metric.NEWS_AGE: ("since the newest story became known", ("source",)),
    Metric.FILING_AGE: ("since the newest filing became known", ("source",)),
    Metric.WAITING: ("messages that should have gone, at the end of the hour", ()),
    Metric.HOUR_AGE: ("how long after its hour the run was through", ()),
}
"""What each is, and its tags beside the book."""
_AGES = {"bar": Metric.BAR_AGE, "news": Metric.NEWS_AGE, "filing": Metric.FILING_AGE}


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a metric."""

    metric: Metric
    value: float
    tags: Mapping[str, str] = field(default_factory=dict)


def readings_of(services: Services, spec: StrategySpec, book: BookId, as_of: datetime) -> tuple[Reading, ...]:
    """Return what is known of a book at the end of the run of an hour."""
    now = services.clock.now()
    with services.store.transaction() as tx:
        count, _ = tx.outbox.backlog(now)
        return (
            Reading(Metric.HOUR_AGE, (now - as_of).total_seconds()),
            Reading(Metric.WAITING, float(count)),
            *_of_book(tx, book, as_of),
            *_of_data(tx, spec, now),
        )


def _of_book(tx: Transaction, book: BookId, as_of: datetime) -> Iterator[Reading]:
    """Yield what the hour, or a younger one, left; a row of an hour before it says nothing of this one."""
    row, risk = tx.ledger.last_nav(book), tx.risk.newest(book)
    if row is not None and row.as_of >= as_of:
        yield Reading(Metric.NAV, row.nav_usd)
        if row.nav_usd > 0:
            yield Reading(Metric.EXPOSURE, row.positions_usd / row.nav_usd)
    if risk is None or risk.as_of < as_of:
        return
    if risk.drawdown_frac is not None:
        yield Reading(Metric.DRAWDOWN, risk.drawdown_frac)
    if risk.lifetime_frac is not None:
        yield Reading(Metric.LIFETIME_DRAWDOWN, risk.lifetime_frac)
    for sector in risk.sectors:
        if sector.weight_frac is not None:
            yield Reading(Metric.SECTOR, sector.weight_frac, {"sector": str(sector.sector)})


def _of_data(tx: Transaction, spec: StrategySpec, now: datetime) -> Iterator[Reading]:
    for fact in tx.history.newest_facts(spec.universe.data):
        tags = {"source": fact.source}
        if fact.resolution is not None:
            tags["resolution"] = str(fact.resolution)
        yield Reading(_AGES[fact.kind], (now - fact.newest_at).total_seconds(), tags)
