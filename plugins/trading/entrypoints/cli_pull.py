"""`airdesk data pull`, `data gaps` and `data as-of`: history from the vendors, and what of it could be read when."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from trading.adapters.imports.values import day
from trading.analysis.session_hours import session_hours
from trading.domain.instruments import Symbol, Universe
from trading.domain.market import Resolution, TimeWindow
from trading.domain.series import BarSeries
from trading.entrypoints import arguments
from trading.entrypoints.answers import add_json, print_json
from trading.entrypoints.exits import Exit
from trading.entrypoints.progress import told_of_each
from trading.errors import ConfigurationError, DataRejected
from trading.ports import Services
from trading.settings import SourceKind, load_settings
from trading.strategy.catalogue import spec_named
from trading.tasks.metals import PROXIES, metals_spot
from trading.tasks.pull import Pull, gaps
from trading.tasks.pull_plan import Planner, Unit, What, costs_of, window_of

SHOWN = 5


def add_commands(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands below `data`."""
    text = "bring history from the vendors; the same command again goes on where it stopped"
    pull = actions.add_parser("pull", help=text, description=text)
    _add_range(pull)
    pull.add_argument("--what", type=What, choices=list(What), action="append", help="default: bars and actions")
    pull.add_argument(
        "--dry-run", action="store_true", help="say what would be asked and how long it takes; ask nothing"
    )
    pull.add_argument(
        "--again", action="store_true", help="ask again for what a vendor did not have, e.g. after a new plan"
    )
    pull.add_argument("--source", metavar="NAME", help="ask this one only, e.g. polygon; default: whoever serves")
    pull.set_defaults(run=run_pull)
    missing = actions.add_parser("gaps", help="bars that the calendar expects and the store lacks")
    _add_range(missing)
    missing.set_defaults(run=run_gaps)
    add_json(missing)
    read = actions.add_parser("as-of", help="what a decision about a symbol could read at an instant")
    read.add_argument("symbol", type=str.upper, metavar="SYMBOL", help="e.g. NVDA")
    read.add_argument("at", type=arguments.instant, metavar="TIME", help="with an offset, e.g. 2026-11-20T15:45Z")
    read.set_defaults(run=run_as_of)
    add_json(read)


def _add_range(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("symbols", nargs="*", type=str.upper, metavar="SYMBOL", help="default: the whole universe")
    parser.add_argument("--from", dest="first_on", type=_day, required=True, metavar="DATE", help="first day")
    parser.add_argument("--to", dest="last_on", type=_day, metavar="DATE", help="default: today")


def run_pull(options: argparse.Namespace) -> int:
    """Bring history and say what became of it.

    Returns:
        0 when all of it is there, 1 when something was refused for good, 3 when the same command goes on later.
    """
    services = _services(asks_vendors=True)
    symbols, window = _range(options, services)
    planner = Planner(services, window, _universe(), is_again=options.again, source=options.source)
    units = list(planner.units(symbols, options.what or [What.ACTIONS, What.BARS]))
    _say_plan(units, planner, services)
    if options.dry_run:
        return 0
    print(
        "instants of knowledge are assumed: a bar 15 minutes after its end, a day 20 after the close, a story 15 after"
    )
    pull = Pull(services)
    try:
        with told_of(len(units)) as pull.told:
            pull.run(units)
    finally:
        _say_result(pull, planner)
    if (ended := pull.gathering.exhausted) is not None:
        when = f" after {_text(ended.resumes_at)}" if ended.resumes_at else " once there is quota again"
        print(f"airdesk: the quota is used up; the same command goes on{when}", file=sys.stderr)
        return Exit.WAIT
    return 1 if pull.gathering.is_partial else 0


def _say_plan(units: Sequence[Unit], planner: Planner, services: Services) -> None:
    print(f"{len(units)} pieces to ask for, {planner.stored_count} need no asking")
    for cost in costs_of(units, services.sources.quotas):
        how_long = "" if cost.minutes is None else f", {_duration(cost.minutes)} at the pace left to history"
        spread = f", over {cost.days} days by its calls a day" if cost.days > 1 else ""
        print(f"{cost.vendor}: about {cost.call_count} calls{how_long}{spread}")
    for note in planner.notes:
        print(note)


def _duration(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes:.0f} minutes" if minutes < 120 else f"about {minutes / 60:.0f} hours"


def _say_result(pull: Pull, planner: Planner) -> None:
    for what, counts in pull.counts.items():
        print(
            f"{what}: {counts.received} received, {counts.stored} stored, {counts.unchanged} already there, "
            f"{counts.revised} revised, {counts.rejected} refused"
        )
    print(
        f"{pull.loaded_count} pieces loaded, {planner.stored_count} needed no asking, {pull.waiting_count} did not come"
    )
    for note in pull.gathering.notes:
        print(note)


@contextmanager
def told_of(count: int) -> Iterator[Callable[[Unit], None]]:
    """Yield what hears of each piece: a bar on a terminal, else a line each."""
    numbers = itertools.count(1)
    with told_of_each(count, lambda label: print(f"{next(numbers)}/{count} {label}", flush=True)) as hear:
        yield lambda unit: hear(unit.label)


def run_gaps(options: argparse.Namespace) -> int:
    """Print expected, stored and missing bars of each symbol."""
    services = _services()
    symbols, window = _range(options, services)
    if options.json:
        print_json("data gaps", gaps=tuple(gaps(services, symbols, window)))
        return 0
    print(
        f"{'symbol':8}{'bars':>6}{'expected':>10}{'stored':>8}{'missing':>9}{'absent':>8}  first missing (start, UTC)"
    )
    has_absent = False
    for gap in gaps(services, symbols, window):
        first = ", ".join(f"{at:%Y-%m-%d %H:%M}" for at in gap.first_missing)
        stored = gap.expected_count - gap.missing_count
        print(
            f"{gap.symbol:8}{gap.resolution:>6}{gap.expected_count:>10}{stored:>8}{gap.missing_count:>9}"
            f"{gap.absent_count:>8}  {first}"
        )
        has_absent = has_absent or gap.absent_count > 0
    if has_absent:
        print("absent: the vendor was asked and has none; ./airdesk data pull --again asks it anew")
    return 0


def run_as_of(options: argparse.Namespace) -> int:
    """Print the newest bars, filings, earnings and stories of a symbol that were known at an instant."""
    services, symbol, at = _services(), options.symbol, options.at
    with services.store.transaction() as tx:
        bars = tx.market.bars([symbol], tuple(Resolution), as_of=at, cutoff_at=at, since=at - timedelta(days=30))
        filings = [f for f in tx.market.filings(cutoff_at=at) if f.symbol == symbol]
        earnings = [r for r in tx.market.earnings(cutoff_at=at) if r.symbol == symbol]
        since = at - timedelta(hours=72)
        news = [item for item in tx.market.news(since=since, cutoff_at=at) if symbol in item.symbols]
        actions = [a for a in tx.market.actions(cutoff_at=at) if a.symbol == symbol]
        metals = [p for p in metals_spot(tx.market, at=at) if symbol in (p.metal, PROXIES[p.metal])]
    if options.json:
        last = [{"resolution": length, **_newest(series)} for (_, length), series in bars.items()]
        print_json(
            "data as-of", symbol=symbol, at=at, bars=last, filings=filings, earnings=earnings, actions=actions,
            metals=metals, news=news,
        )  # fmt: skip
        return 0
    for (_, resolution), series in bars.items():
        print(
            f"{resolution} bar {_text(series.starts_at[-1].item())} close {series.close[-1]:g}, "
            f"known {_text(series.known_at[-1].item())}"
        )
    if (half_hours := bars.get((symbol, Resolution.HALF_HOUR))) is not None:
        sessions = services.calendar.sessions((at - timedelta(days=30)).date(), at.date())
        _say_hour(session_hours(half_hours, sessions))
    if not bars:
        print(f"no bar of {symbol} of the 30 days before was known")
    for filing in filings[-SHOWN:]:
        eps = "-" if filing.eps_diluted is None else f"{filing.eps_diluted:g}"
        print(f"filing for {filing.period_ends_on} EPS {eps}, known {_text(filing.known_at)}")
    for report in earnings[-SHOWN:]:
        surprise = "unknown" if report.surprise_frac is None else f"{100 * report.surprise_frac:+.1f} %"
        print(
            f"earnings for {report.period_ends_on} EPS {report.eps_reported:g}, surprise {surprise}, "
            f"known {_text(report.known_at)}"
        )
    for action in actions[-SHOWN:]:
        print(f"{action.kind} of {action.ex_on}: {action.value:g}, known {_text(action.known_at)}")
    for price in metals:
        kind = f"a proxy of {price.metal}, no spot price" if price.is_proxy else "spot, USD an ounce"
        print(f"{price.series} {price.value:g} at {_text(price.at)} ({kind}; {price.source})")
    print(f"{len(news)} stories of the 72 hours before were known")
    for item in news[-SHOWN:]:
        print(f"known {_text(item.known_at)} ({item.source}): {item.title[:80]!r}")
    return 0


def _newest(series: BarSeries) -> dict[str, Any]:
    """Return the last bar by name; instants in UTC."""
    instants = {name: getattr(series, name)[-1].item().replace(tzinfo=UTC) for name in ("starts_at", "known_at")}
    return instants | {name: getattr(series, name)[-1].item() for name in ("open", "high", "low", "close", "volume")}


def _say_hour(hours: BarSeries) -> None:
    if len(hours):
        starts_at, opened, high, low, close, volume = (
            getattr(hours, name)[-1].item() for name in ("starts_at", "open", "high", "low", "close", "volume")
        )
        values = f"open {opened:g}, high {high:g}, low {low:g}, close {close:g}, volume {volume:g}"
        print(f"session hour {_text(starts_at)} of whole half hours: {values}")


def _range(options: argparse.Namespace, services: Services) -> tuple[tuple[Symbol, ...], TimeWindow]:
    symbols = tuple(options.symbols) or _universe().data
    window = window_of(services, options.first_on, options.last_on or services.clock.now().date())
    if window is None:
        raise DataRejected("no session lies in that range; correct --from and --to")
    return symbols, window


def _universe() -> Universe:
    return spec_named(load_settings().strategy).universe


def _services(*, asks_vendors: bool = False) -> Services:
    from trading.bootstrap import services_for

    settings = load_settings()
    if asks_vendors and settings.sources is not SourceKind.VENDORS:
        raise ConfigurationError(
            "vendors are not switched on; set AIRDESK_MODE=paper, AIRDESK_SOURCES=vendors and a key, see .env.example"
        )
    return services_for(settings, is_history=asks_vendors)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"


def _day(text: str) -> date:
    try:
        return day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
