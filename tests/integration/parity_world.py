"""Ten sessions of an invented market for all drivers: a half day, a split of what is held, and a VIX over 30.

The rows come from the synthetic market's generator, under another source name: a paper book refuses SYNTHETIC rows,
and the throw-away database that they are stored in holds nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import Resolution, Session, Slot
from trading.entrypoints.demo_loop import STEPS
from trading.ports import Provenance, Services, Sources, Store
from trading.strategy.spec import StrategySpec
from trading.strategy.three_sector import technical_core
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.past import store_past, synthetic_sources
from trading.tasks.rebalance import preview, send

CALENDAR = NyseCalendar()
SPEC: StrategySpec = technical_core()
SEED = 457
"""Of 12,000 seeds one that enters, exits, is stopped out, is kept out by VIX and wash sales, and splits while held."""
BEGINS_ON = date(2019, 8, 26)
"""Where the invented history begins: the generator splits AAPL in its session 320, here on SPLIT_ON."""
FIRST_ON, LAST_ON = date(2020, 11, 20), date(2020, 12, 4)
HALF_DAY, SPLIT_ON, SPLIT_OF = date(2020, 11, 27), date(2020, 12, 1), "AAPL"
SOURCE = "scenario"


class Relabelled:
    """A source whose rows carry `SOURCE`."""

    name = SOURCE

    def __init__(self, source: Any) -> None:
        self._source = source

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        return self._source.served_until(symbol, resolution, as_of)

    def __getattr__(self, question: str) -> Any:
        ask = getattr(self._source, question)
        return lambda *words: _relabelled(ask(*words))


def _relabelled(rows: Iterator[Any]) -> Iterator[Any]:
    return (replace(row, source=SOURCE) for row in rows)


def scenario(seed: int = SEED) -> Sources:
    """Return the sources of the invented market."""
    invented = synthetic_sources(SyntheticMarket(seed, CALENDAR, BEGINS_ON))
    (bars,), (news,), (facts,) = invented.bars, invented.news, map(Relabelled, invented.filings)
    return Sources((Relabelled(bars),), (Relabelled(news),), filings=(facts,), macro=(facts,), actions=(facts,))


def store_scenario(store: Store, sources: Sources, *, until: datetime) -> None:
    """Store everything that was known by `until`: days and filings of the whole history, half hours of ten days."""
    begins_at = datetime.combine(BEGINS_ON, time(), UTC)
    origin = Provenance(SOURCE, "test", until, "test")
    store_past(store, sources, SPEC.universe, origin, since=begins_at, until=until, recent=timedelta(days=10))


def sessions() -> tuple[Session, ...]:
    """Return the ten sessions."""
    return CALENDAR.sessions(FIRST_ON, LAST_ON)


def run_hour(services: Services, book: BookId, slot: Slot) -> None:
    """Run the tasks of the hourly DAG, and those of the rebalance if the hour asks for one."""
    run_tasks(services, book, slot, STEPS)
    with services.store.transaction() as tx:
        is_due = tx.risk.rebalance_due(book, slot.as_of) is not None
    run_tasks(services, book, slot, (preview, send) if is_due else ())


def run_tasks(services: Services, book: BookId, slot: Slot, tasks: Iterable[Any]) -> None:
    """Run tasks one after another; each must end with nothing missing."""
    for task in tasks:
        done = task(services, SPEC, book, slot)
        assert not done.degraded, done
