"""`replay lookahead` and `replay warmup`: does a decision use the future, and does it use enough of the past?

Exit codes beside the usual ones: 4 if something decided looks ahead, or if the desk's warm-up is too short.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console

from trading.analysis.facts import Facts
from trading.analysis.technicals import MIN_DAILY_BARS
from trading.bootstrap import services_for, strategy_of
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC
from trading.engine.hours import Timeline
from trading.engine.instants import telling_instants
from trading.engine.lookahead import Played, look_ahead
from trading.engine.replay import replay
from trading.engine.warmup import Memory, warm_up
from trading.entrypoints import arguments
from trading.entrypoints.exits import Exit
from trading.entrypoints.progress import told
from trading.ports import Services
from trading.reporting.bias_tables import (
    leaks_table,
    lookahead_json,
    lookahead_sentences,
    rules_table,
    warmup_json,
    warmup_sentences,
    warmup_table,
)
from trading.settings import load_settings
from trading.strategy.catalogue import STRATEGIES
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import DAILY_MEMORY, INTRADAY_MEMORY, news_memory, past_timeline, read_history, terms_of

INSTANTS, SESSIONS = 12, 60
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stretch:
    """What both tools work on."""

    services: Services
    spec: StrategySpec
    facts: Facts
    timeline: Timeline
    cash_usd: Decimal
    badge: str

    @property
    def title(self) -> str:
        """What was looked at, for people."""
        sessions = self.timeline.sessions
        return f"{self.badge}{self.spec.label}: {sessions[0].session_on} to {sessions[-1].session_on}"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the bias tools."""
    ahead = commands.add_parser(
        "lookahead",
        help="does anything decided change when the future does?",
        description="Cuts off and poisons everything known later than sampled instants, and compares every column, "
        "verdict, order and fill before them. Exit code 4: something looks ahead.",
    )
    ahead.add_argument(
        "--instants", type=arguments.positive, default=INSTANTS, help="how many instants (default: %(default)s)"
    )
    ahead.add_argument("--seed", type=int, default=1, help="chooses the instants (default: %(default)s)")
    ahead.set_defaults(run=_lookahead)
    warmup = commands.add_parser(
        "warmup",
        help="how much history do indicators and verdicts need?",
        description="Computes every indicator and verdict again from the last k daily bars alone. Exit code 4: what "
        "the desk asks for is too little.",
    )
    warmup.add_argument(
        "--sessions", type=arguments.positive, default=SESSIONS, help="how many sessions (default: %(default)s)"
    )
    warmup.set_defaults(run=_warmup)
    for tool in (ahead, warmup):
        tool.add_argument("--from", dest="first_on", type=arguments.day, required=True, help="first session")
        tool.add_argument("--to", dest="last_on", type=arguments.day, required=True, help="last session")
        tool.add_argument("--strategy", choices=sorted(STRATEGIES), help="default: AIRDESK_STRATEGY")
        tool.add_argument("--json", action="store_true", help="print JSON")


def _lookahead(options: argparse.Namespace) -> int:
    stretch = _stretch(options)
    terms, costs, book = terms_of(stretch.services), stretch.services.costs, BookId(BookKind.REPLAY, "lookahead")

    def play(facts: Facts, timeline: Timeline) -> Played:
        return Played.of(
            replay(stretch.spec, facts, timeline, book=book, cash_usd=stretch.cash_usd, terms=terms, costs=costs)
        )

    def choose(whole: Played) -> list[datetime]:
        planned = (order.planned_at for order in whole.orders)
        limits = {"seed": options.seed, "count": options.instants}
        return telling_instants(stretch.timeline, stretch.facts, decided_at=planned, **limits)

    with told("other futures") as tell:
        found = look_ahead(play, stretch.facts, stretch.timeline, choose, delay_minutes=terms.delay_minutes, tell=tell)
    if options.json:
        print(json.dumps({"what": stretch.title, **lookahead_json(found)}, indent=1))
    else:
        console = Console()
        console.print(f"look-ahead of {stretch.title}", highlight=False)
        console.print(rules_table(found))
        if found.leaks:
            console.print(leaks_table(found))
        for sentence in lookahead_sentences(found):
            console.print(sentence, highlight=False)
    return Exit.FOUND if found.leaks else 0


def _warmup(options: argparse.Namespace) -> int:
    stretch = _stretch(options, daily_since=BEGINNING)
    with told("shorter histories") as tell:
        found = warm_up(
            stretch.spec,
            stretch.facts,
            stretch.timeline,
            terms_of(stretch.services),
            memory=Memory(DAILY_MEMORY, INTRADAY_MEMORY, news_memory(stretch.spec)),
            sessions=options.sessions,
            tell=tell,
        )
    if options.json:
        print(json.dumps({"what": stretch.title, **warmup_json(found, minimum=MIN_DAILY_BARS)}, indent=1))
    else:
        console = Console()
        console.print(f"warm-up of {stretch.title}", highlight=False)
        console.print(warmup_table(found))
        for sentence in warmup_sentences(found, minimum=MIN_DAILY_BARS):
            console.print(sentence, highlight=False)
    return Exit.FOUND if found.is_too_little(MIN_DAILY_BARS) else 0


def _stretch(options: argparse.Namespace, *, daily_since: datetime | None = None) -> Stretch:
    arguments.check_span(options.first_on, options.last_on)
    settings = load_settings()
    services, spec = services_for(settings), strategy_of(settings, options.strategy or "")
    timeline = past_timeline(services, options.first_on, options.last_on)
    facts, is_synthetic = read_history(services, spec, timeline, daily_since=daily_since)
    badge = f"{SYNTHETIC} " if is_synthetic else ""
    return Stretch(services, spec, facts, timeline, Decimal(settings.starting_cash_usd), badge)
