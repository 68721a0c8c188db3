"""`airdesk data import …` and `airdesk data status`: a person's own files, and what is stored."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from trading.adapters.csv_import import CsvFile, day
from trading.adapters.csv_import_bars import Adjustment, Anchor, BarImport, BarsRead, read_bars
from trading.adapters.csv_import_facts import CPI_SERIES, read_cpi, read_news, read_splits
from trading.domain.gates import Parking
from trading.domain.instruments import VIX, Symbol
from trading.domain.market import SYNTHETIC, Resolution
from trading.entrypoints.cli_gates import add_release, parked_lines
from trading.entrypoints.cli_pull import add_commands
from trading.entrypoints.cli_status import RECENT_SESSIONS, missing_lately, status_of_sources
from trading.errors import ConfigurationError, DataRejected
from trading.ports import IngestCounts, Provenance, Services
from trading.settings import SourceKind, load_settings
from trading.tasks.import_data import import_actions, import_bars, import_macro, import_news

TOTAL_RETURN_WARNING = (
    "approximation: these prices have later dividends taken out; do not rest P/E, stops or sizes on them"
)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `data import` and `data status`."""
    data = subparsers.add_parser("data", help="import your own files; show what is stored")
    actions = data.add_subparsers(title="actions", metavar="ACTION", required=True)
    status = actions.add_parser(
        "status", help="what is stored: bars by symbol, news, filings, macro, parked symbols; sources"
    )
    status.set_defaults(run=show_status)
    imports = actions.add_parser("import", help="store a CSV file (.csv or .csv.gz), whole or not at all")
    kinds = imports.add_subparsers(title="kinds", metavar="KIND", required=True)
    _add_bars(kinds)
    add_commands(actions)
    add_release(actions)
    for name, run, text in (
        ("vix", run_vix, "daily VIX: symbol, ts, open, high, low, close"),
        ("news", run_news, "headlines: ts, headline, source, symbols (A|B); a date alone counts from the next open"),
        ("splits", run_splits, "splits: symbol, ex_date, ratio (new shares per old share)"),
        ("cpi", run_cpi, "consumer prices: series, ts, value; first-published days are assumed (month end + 14 days)"),
    ):
        parser = kinds.add_parser(name, help=text, description=text)
        _add_common(parser, run)
        if name == "cpi":
            parser.add_argument("--series", default=next(iter(CPI_SERIES)), help="default: %(default)s")


def _add_common(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("file", type=Path)
    parser.add_argument("--source", help="stored with each row; default: csv:<file name>")
    parser.add_argument("--filter", action="append", default=[], metavar="COLUMN=VALUE", help="take only these rows")
    parser.add_argument("--since", type=_day, metavar="DATE", help="leave out earlier rows")
    parser.set_defaults(run=run)


def _add_bars(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "bars: symbol, ts (a date for daily bars, else the start with offset), open, high, low, close, volume"
    parser = kinds.add_parser("bars", help=text, description=text)
    _add_common(parser, run_bars)
    parser.add_argument("--resolution", required=True, type=Resolution, choices=list(Resolution))
    parser.add_argument("--anchor", type=Anchor, choices=list(Anchor), default=Anchor.SESSION)
    parser.add_argument("--adjustment", required=True, type=Adjustment, choices=list(Adjustment))
    parser.add_argument("--splits", type=Path, help="split table: symbol, ex_date, ratio")
    parser.add_argument("--basis-on", type=_day, metavar="DATE", help="day whose share basis the prices stand on")
    parser.add_argument("--symbols", default="", help="take only these, e.g. AAPL,MSFT")
    parser.add_argument("--total-return-as-price", action="store_true", help=TOTAL_RETURN_WARNING)


def run_bars(options: argparse.Namespace) -> int:
    """Import bars."""
    splits = read_splits(CsvFile(options.splits), source=options.splits.name) if options.splits else None
    if options.total_return_as_price:
        print(TOTAL_RETURN_WARNING)
    return _import_bars(
        options,
        BarImport(
            file=_file(options),
            source=_source(options),
            resolution=options.resolution,
            anchor=options.anchor,
            adjustment=options.adjustment,
            splits=splits,
            basis_on=options.basis_on,
            symbols=frozenset(s.strip().upper() for s in options.symbols.split(",") if s.strip()),
            total_return_as_price=options.total_return_as_price,
        ),
    )


def run_vix(options: argparse.Namespace) -> int:
    """Import daily VIX bars."""
    return _import_bars(options, BarImport(_file(options), _source(options), Resolution.DAY, symbols=frozenset({VIX})))


def run_news(options: argparse.Namespace) -> int:
    """Import headlines."""
    services = _services()
    read = read_news(_file(options), services.calendar)
    print(f"{read.without_symbol} rows name no symbol and {read.without_headline} hold no headline; left out")
    return _say(options, import_news(services.store, read.items, _origin(options, services)))


def run_splits(options: argparse.Namespace) -> int:
    """Import splits."""
    services = _services()
    splits = read_splits(_file(options), source=_source(options))
    print("announcement days are absent: each split counts as known at 04:00 New York on its ex-date")
    return _say(options, import_actions(services.store, splits, _origin(options, services)))


def run_cpi(options: argparse.Namespace) -> int:
    """Import consumer prices."""
    services = _services()
    points = read_cpi(_file(options), series=options.series, source=_source(options))
    print("first-published days and values are absent: each month counts as known 14 days after its end")
    return _say(options, import_macro(services.store, points, _origin(options, services)))


def show_status(options: argparse.Namespace) -> int:
    """Print what is stored."""
    services = _services(for_import=False)
    now = services.clock.now()
    with services.store.transaction() as tx:
        newest = {resolution: tx.market.last_bar_starts_at(resolution) for resolution in Resolution}
        has_synthetic = tx.market.has_source(SYNTHETIC)
        facts = {
            "stories of the last 30 days": len(tx.market.news(since=now - timedelta(days=30), cutoff_at=now)),
            "filings": len(tx.market.filings(cutoff_at=now)),
            "reports of earnings": len(tx.market.earnings(cutoff_at=now)),
            "monthly values": len(tx.market.macro(cutoff_at=now)),
            "splits and dividends": len(tx.market.actions(cutoff_at=now)),
        }
        parked = tx.market.parked()
    for line in [*_status_lines(newest, facts, parked, missing_lately(services, newest)), *status_of_sources(services)]:
        print(line)
    if has_synthetic:
        print("SYNTHETIC rows are stored: this is a demo database")
    return 0


def _status_lines(
    newest: Mapping[Resolution, Mapping[Symbol, datetime]],
    facts: Mapping[str, int],
    parked: Mapping[Symbol, Sequence[Parking]],
    missing: Mapping[Symbol, str],
) -> list[str]:
    symbols = sorted({symbol for of_resolution in newest.values() for symbol in of_resolution})
    if not symbols:
        return ["no bars are stored; import some with `airdesk data import bars`, or run `airdesk demo`"]
    heads = "".join(f"{resolution:>18}" for resolution in newest)
    lines = ["newest bar (start, UTC)", f"{'symbol':8}{heads}  missing of {RECENT_SESSIONS} sessions"]
    for symbol in symbols:
        starts = (of_resolution.get(symbol) for of_resolution in newest.values())
        told = "".join(f"{f'{at:%Y-%m-%d %H:%M}' if at else '-':>18}" for at in starts)
        lines.append(f"{symbol:8}{told}  {missing[symbol]}")
    lines += [f"{name}: {count}" for name, count in facts.items()]
    return lines + parked_lines(parked)


def _import_bars(options: argparse.Namespace, request: BarImport) -> int:
    services = _services()
    read = read_bars(request, services.calendar)
    _say_read(read)
    counts = import_bars(services.store, read.bars, _origin(options, services), on_symbol=_progress)
    return _say(options, counts)


def _say_read(read: BarsRead) -> None:
    if read.missing_count:
        print(f"{read.missing_count} bars that the calendar expects are absent from the file; they stay absent")
    if read.outside_count:
        print(f"{read.outside_count} rows lie outside the sessions; left out")
    if read.repeated_count:
        print(f"{read.repeated_count} identical rows; stored once")


def _progress(symbol: Symbol, count: int) -> None:
    if sys.stderr.isatty():
        print(f"\rstoring {symbol}: {count} bars   ", end="", file=sys.stderr, flush=True)


def _say(options: argparse.Namespace, counts: IngestCounts) -> int:
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    print(
        f"{options.file.name}: {counts.received} rows read, {counts.stored} stored, {counts.unchanged} already there, "
        f"{counts.revised} revised"
    )
    return 0


def _services(*, for_import: bool = True) -> Services:
    from trading.bootstrap import services_for

    settings = load_settings()
    if for_import and settings.sources is SourceKind.SYNTHETIC:
        raise ConfigurationError(
            "this is the demo's synthetic database, which real data must not enter; "
            "set AIRDESK_MODE=paper and AIRDESK_SOURCES=stored"
        )
    return services_for(settings)


def _file(options: argparse.Namespace) -> CsvFile:
    filters: dict[str, str] = {}
    for text in options.filter:
        column, equals, value = text.partition("=")
        if not equals:
            raise DataRejected(f"--filter {text!r} is not COLUMN=VALUE; write e.g. --filter source=cboe")
        filters[column] = value
    return CsvFile(options.file, filters, options.since)


def _source(options: argparse.Namespace) -> str:
    return options.source or f"csv:{options.file.name}"


def _origin(options: argparse.Namespace, services: Services) -> Provenance:
    now = services.clock.now()
    return Provenance(_source(options), f"import of {options.file.name}", now, f"import@{now:%Y-%m-%dT%H:%MZ}")


def _day(text: str) -> date:
    try:
        return day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
