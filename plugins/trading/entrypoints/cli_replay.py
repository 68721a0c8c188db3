"""`replay run`: what the strategy would have done, in process, with the code that trades."""

from __future__ import annotations

import argparse
import time
from datetime import date
from decimal import Decimal

from rich.console import Console

from trading.analysis.facts import Facts
from trading.bootstrap import services_for
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC
from trading.engine.hours import Timeline
from trading.engine.replay import replay
from trading.engine.result import ReplayResult
from trading.errors import PermanentError
from trading.execution.costs import SCHEDULES, CostModel
from trading.ports import Services
from trading.reporting.replay_summary import buy_and_hold, print_summary
from trading.settings import Settings, load_settings
from trading.strategy.catalogue import STRATEGIES, spec_named
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import load_facts, terms_of, timeline_of


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    group = subparsers.add_parser("replay", help="replay stored history through the code that trades")
    commands = group.add_subparsers(title="replay commands", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="replay a stretch of history in this process and print its figures")
    run.add_argument("--from", dest="first_on", type=date.fromisoformat, required=True, help="first session")
    run.add_argument("--to", dest="last_on", type=date.fromisoformat, required=True, help="last session")
    run.add_argument("--strategy", choices=sorted(STRATEGIES), help="default: AIRDESK_STRATEGY")
    run.add_argument("--name", default="run", help="name of the replay book")
    run.add_argument("--cash", type=int, help="starting cash in USD; default: AIRDESK_STARTING_CASH_USD")
    run.add_argument("--commission", choices=list(SCHEDULES), default="fixed", help="IBKR's schedule")
    run.add_argument("--half-spread-bps", type=float, default=5.0, help="paid by market and stop orders")
    run.set_defaults(run=_run)
    delete = commands.add_parser("delete", help="delete a stored replay book with all its rows")
    delete.add_argument("name", help="name of the book, without replay:")
    delete.set_defaults(run=_delete)


def _run(options: argparse.Namespace) -> int:
    settings = load_settings()
    services = services_for(settings)
    spec = spec_named(options.strategy or settings.strategy)
    timeline = timeline_of(services.calendar, options.first_on, options.last_on)
    started = time.perf_counter()
    facts, is_synthetic = read_history(services, spec, timeline)
    read = time.perf_counter()
    cash = options.cash or settings.starting_cash_usd
    book = BookId(BookKind.REPLAY, options.name)
    costs = CostModel(options.half_spread_bps / 10_000, SCHEDULES[options.commission])
    result = replay(spec, facts, timeline, book=book, cash_usd=Decimal(cash), terms=terms_of(services), costs=costs)
    _print(options, settings, spec, facts, timeline, result, cash, is_synthetic=is_synthetic)
    done = time.perf_counter()
    print(f"read {read - started:.1f} s, replayed {done - read:.1f} s")
    return 0


def _delete(options: argparse.Namespace) -> int:
    book = BookId(BookKind.REPLAY, options.name)
    with services_for(load_settings()).store.transaction() as tx:
        if book not in tx.ledger.books():
            known = ", ".join(b.name for b in tx.ledger.books() if b.kind is BookKind.REPLAY)
            raise PermanentError(f"there is no {book}; stored replays: {known or 'none'}")
        tx.replays.delete(book)
    print(f"{book} is deleted")
    return 0


def read_history(services: Services, spec: StrategySpec, timeline: Timeline) -> tuple[Facts, bool]:
    """Return every fact that the hours of `timeline` may read, and whether any of it is SYNTHETIC.

    Raises:
        PermanentError: nothing is stored for the range.
    """
    first, last = timeline.slots[0], timeline.slots[-1]
    with services.store.transaction() as tx:
        facts = load_facts(
            tx, spec, first_at=first.as_of, as_of=last.as_of, cutoff_at=services.clock.now(), is_replay=True
        )
        is_synthetic = tx.market.has_source(SYNTHETIC)
    if not facts.bars:
        raise PermanentError(f"no bars are stored before {last.session_on}; import some: ./airdesk data import --help")
    return facts, is_synthetic


def _print(
    options: argparse.Namespace,
    settings: Settings,
    spec: StrategySpec,
    facts: Facts,
    timeline: Timeline,
    result: ReplayResult,
    cash: int,
    *,
    is_synthetic: bool,
) -> None:
    days = [timeline.before.session_on, *(s.session_on for s in timeline.sessions)]
    curves = {
        "buy and hold, equal parts": buy_and_hold(facts, spec.universe.traded, days),
        "SPY": buy_and_hold(facts, ("SPY",), days),
        "QQQ": buy_and_hold(facts, ("QQQ",), days),
    }
    badge = f"{SYNTHETIC} " if is_synthetic else ""
    pricing = "symbols without intraday bars trade on daily bars" if settings.daily_pricing else "intraday bars only"
    title = f"{badge}{spec.label}: {options.first_on} to {options.last_on} ({pricing})"
    print_summary(Console(), title, result, curves, float(cash))
