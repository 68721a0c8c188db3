"""`airdesk data import …`: a person's own files, whole or not at all, every row accounted for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from trading.adapters.imports.bars import Adjustment, Anchor, BarImport, checked_bars, read_rows
from trading.adapters.imports.earnings import read_earnings
from trading.adapters.imports.facts import CPI_SERIES, read_cpi, read_dividends, read_gpr, read_splits
from trading.adapters.imports.filings import read_filings
from trading.adapters.imports.mapping import FileMapping, read_mapping
from trading.adapters.imports.news import read_news
from trading.adapters.imports.rows import ImportFile
from trading.adapters.imports.tally import Tally
from trading.adapters.imports.values import day
from trading.domain.instruments import VIX
from trading.domain.market import Bar, Resolution
from trading.errors import ConfigurationError, DataRejected
from trading.ports import IngestCounts, Provenance, Services
from trading.settings import SourceKind, load_settings
from trading.tasks.import_data import (
    import_actions,
    import_bars,
    import_earnings,
    import_filings,
    import_macro,
    import_news,
)

TOTAL_RETURN_WARNING = (
    "approximation: these prices have later dividends taken out; do not rest P/E, stops or sizes on them"
)


def add_commands(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `data import KIND`."""
    imports = actions.add_parser("import", help="store a CSV or Parquet file, whole or not at all")
    kinds = imports.add_subparsers(title="kinds", metavar="KIND", required=True)
    _add_bars(kinds)
    for name, run, text in (
        ("vix", run_vix, "daily VIX: symbol, ts, open, high, low, close"),
        ("news", run_news, "headlines: ts, headline, source, symbols (A|B); a date alone counts from the next open"),
        (
            "fundamentals",
            run_fundamentals,
            "periods as filed: symbol, period_ends_on, quarters (1-4), eps_diluted, revenue_usd, filed_on, accepted_at "
            "(optional; without it a period counts from the open after filed_on)",
        ),
        (
            "earnings",
            run_earnings,
            "earnings reports: symbol, period_ends_on, reported_on, eps_reported, eps_estimated, release (optional: "
            "pre-market or post-market)",
        ),
        ("splits", run_splits, "splits: symbol, ex_date, ratio (new shares per old share)"),
        ("dividends", run_dividends, "cash dividends: symbol, ex_date, amount (USD a share), declared_on (optional)"),
        ("cpi", run_cpi, "consumer prices: series, ts, value; first-published days are assumed (month end + 14 days)"),
        ("gpr", run_gpr, "geopolitical risk, monthly: ts, value; counts from 7 days after the month's end"),
    ):
        parser = kinds.add_parser(name, help=text, description=text)
        _add_common(parser, run)
        if name == "cpi":
            parser.add_argument("--series", help=f"default: {next(iter(CPI_SERIES))}")


def _add_common(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("file", type=Path, help=".csv, .csv.gz or .parquet")
    parser.add_argument("--source", help="stored with each row; default: csv:<file name> or parquet:<file name>")
    parser.add_argument("--filter", action="append", default=[], metavar="COLUMN=VALUE", help="take only these rows")
    parser.add_argument("--since", type=_day, metavar="DATE", help="leave out earlier rows")
    parser.add_argument("--without", metavar="N,N", help="leave out these lines (CSV) or rows (Parquet)")
    parser.add_argument("--map", action="append", default=[], metavar="OURS=THEIRS", help="our column is theirs")
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="a TOML or JSON file that says all of this")
    parser.set_defaults(run=run)


def _add_bars(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "bars: symbol, ts (a date for daily bars, else the start with offset), open, high, low, close, volume"
    parser = kinds.add_parser("bars", help=text, description=text)
    _add_common(parser, run_bars)
    parser.add_argument("--resolution", type=Resolution, choices=list(Resolution), help="length of a bar")
    parser.add_argument("--anchor", type=Anchor, choices=list(Anchor), help=f"of hours; default: {Anchor.SESSION}")
    parser.add_argument(
        "--adjustment", type=Adjustment, choices=list(Adjustment), help="what the prices were adjusted for"
    )
    parser.add_argument("--splits", type=Path, help="split table: symbol, ex_date, ratio")
    parser.add_argument("--basis-on", type=_day, metavar="DATE", help="day whose share basis the prices stand on")
    parser.add_argument("--symbols", help="take only these, e.g. AAPL,MSFT")
    parser.add_argument("--total-return-as-price", action="store_true", default=None, help=TOTAL_RETURN_WARNING)


def run_bars(options: argparse.Namespace) -> int:
    """Import bars."""
    file = _file(options)
    if options.resolution is None or options.adjustment is None:
        raise DataRejected(
            "bars need --resolution (1d, 1h or 30m) and --adjustment (raw, split or split+div); give both, here or in "
            "the mapping"
        )
    splits = None
    if options.splits is not None:
        splits = read_splits(ImportFile(options.splits), source=options.splits.name, tally=Tally())
    if options.total_return_as_price:
        print(TOTAL_RETURN_WARNING)
    symbols = frozenset(s.strip().upper() for s in (options.symbols or "").split(",") if s.strip())
    request = BarImport(
        file=file,
        source=_source(options),
        resolution=options.resolution,
        anchor=options.anchor or Anchor.SESSION,
        adjustment=options.adjustment,
        splits=splits,
        basis_on=options.basis_on,
        symbols=symbols,
        total_return_as_price=bool(options.total_return_as_price),
    )
    return _import_bars(options, request)


def run_vix(options: argparse.Namespace) -> int:
    """Import daily VIX bars."""
    file = _file(options)
    return _import_bars(options, BarImport(file, _source(options), Resolution.DAY, symbols=frozenset({VIX})))


def run_news(options: argparse.Namespace) -> int:
    """Import headlines."""
    file, services, tally = _file(options), _services(), Tally()
    deliveries = read_news(file, services.calendar, tally, now=services.clock.now())
    origin = _origin(options, services)
    return _say(options, tally, import_news(services.store, deliveries, origin, settle=tally.settled))


def run_fundamentals(options: argparse.Namespace) -> int:
    """Import fundamentals."""
    file, services, tally = _file(options), _services(), Tally()
    now = services.clock.now()
    filings = read_filings(file, services.calendar, source=_source(options), tally=tally, now=now)
    origin = _origin(options, services)
    return _say(options, tally, import_filings(services.store, filings, origin, settle=tally.settled))


def run_earnings(options: argparse.Namespace) -> int:
    """Import earnings reports."""
    file, services, tally = _file(options), _services(), Tally()
    now = services.clock.now()
    reports = read_earnings(file, services.calendar, source=_source(options), tally=tally, now=now)
    origin = _origin(options, services)
    return _say(options, tally, import_earnings(services.store, reports, origin, settle=tally.settled))


def run_splits(options: argparse.Namespace) -> int:
    """Import splits."""
    file, services, tally = _file(options), _services(), Tally()
    splits = read_splits(file, source=_source(options), tally=tally)
    print("announcement days are absent: each split counts as known at 04:00 New York on its ex-date")
    origin = _origin(options, services)
    return _say_actions(options, tally, import_actions(services.store, splits, origin, settle=tally.settled))


def run_dividends(options: argparse.Namespace) -> int:
    """Import cash dividends."""
    file, services, tally = _file(options), _services(), Tally()
    dividends = read_dividends(file, services.calendar, source=_source(options), tally=tally)
    origin = _origin(options, services)
    return _say_actions(options, tally, import_actions(services.store, dividends, origin, settle=tally.settled))


def run_cpi(options: argparse.Namespace) -> int:
    """Import consumer prices."""
    file, services, tally = _file(options), _services(), Tally()
    series = options.series or next(iter(CPI_SERIES))
    points = read_cpi(file, series=series, source=_source(options), tally=tally)
    print("first-published days and values are absent: each month counts as known 14 days after its end")
    origin = _origin(options, services)
    return _say(options, tally, import_macro(services.store, points, origin, settle=tally.settled))


def run_gpr(options: argparse.Namespace) -> int:
    """Import the geopolitical-risk index."""
    file, services, tally = _file(options), _services(), Tally()
    points = read_gpr(file, source=_source(options), tally=tally)
    print("publication days are absent: each month counts as known 7 days after its end")
    origin = _origin(options, services)
    return _say(options, tally, import_macro(services.store, points, origin, settle=tally.settled))


def _import_bars(options: argparse.Namespace, request: BarImport) -> int:
    services, tally = _services(), Tally()
    with read_rows(request, tally) as spill:
        bars = checked_bars(request, spill, services.calendar, tally, now=services.clock.now())
        origin = _origin(options, services)
        counts = import_bars(services.store, bars, origin, settle=tally.settled, on_delivery=_progress)
    if tally.missing:
        print(f"{tally.missing} bars that the calendar expects are absent from the file; they stay absent")
    return _say(options, tally, counts)


def _progress(bars: Sequence[Bar]) -> None:
    if bars and sys.stderr.isatty():
        print(f"\rstoring {len(bars)} bars to {bars[-1].symbol}   ", end="", file=sys.stderr, flush=True)


def _say(options: argparse.Namespace, tally: Tally, counts: IngestCounts) -> int:
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    print(f"{options.file.name}: {tally.settled(counts)}")
    return 0


def _say_actions(options: argparse.Namespace, tally: Tally, counts: IngestCounts) -> int:
    if counts.revised:
        print(
            f"{counts.revised} were suspect, because prices did not bear them out; your file confirms them from now on"
        )
    return _say(options, tally, counts)


def _services() -> Services:
    from trading.bootstrap import services_for

    settings = load_settings()
    if settings.sources is SourceKind.SYNTHETIC:
        raise ConfigurationError(
            "this is the demo's synthetic database, which real data must not enter; "
            "set AIRDESK_MODE=paper and AIRDESK_SOURCES=stored"
        )
    return services_for(settings)


def _file(options: argparse.Namespace) -> ImportFile:
    """Return the file as the command line and its mapping describe it; the command line wins."""
    mapping = read_mapping(options.mapping) if options.mapping else FileMapping()
    _settle(options, mapping)
    columns = {**mapping.columns, **_pairs("--map", options.map, "close=last")}
    filters = {**mapping.filters, **_pairs("--filter", options.filter, "source=cboe")}
    constants = {ours: value for ours, value in mapping.constants.items() if ours not in columns}
    return ImportFile(options.file, filters, options.since, columns, constants, _numbers(options.without))


_SETTING_TYPES: dict[str, Callable[[str], object]] = {
    "resolution": Resolution,
    "anchor": Anchor,
    "adjustment": Adjustment,
    "basis_on": day,
    "since": day,
    "splits": Path,
}


def _settle(options: argparse.Namespace, mapping: FileMapping) -> None:
    for name, value in mapping.settings.items():
        if not hasattr(options, name):
            raise DataRejected(f"{options.mapping.name}: {name} means nothing for this kind of file; take it out")
        if getattr(options, name) is not None:
            continue
        try:
            typed = _SETTING_TYPES[name](value) if name in _SETTING_TYPES and isinstance(value, str) else value
        except ValueError as error:
            raise DataRejected(f"{options.mapping.name}: {name}: {error}; correct it") from None
        setattr(options, name, typed)


def _pairs(option: str, texts: Sequence[str], example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        left, equals, right = text.partition("=")
        if not (left and equals):
            raise DataRejected(f"{option} {text!r} is not NAME=VALUE; write e.g. {option} {example}")
        found[left] = right
    return found


def _numbers(text: str | None) -> frozenset[int]:
    try:
        return frozenset(int(number) for number in (text or "").split(",") if number.strip())
    except ValueError:
        raise DataRejected(f"--without {text!r} holds no line numbers; write e.g. --without 3200,3736") from None


def _source(options: argparse.Namespace) -> str:
    kind = "parquet" if options.file.suffix == ".parquet" else "csv"
    return options.source or f"{kind}:{options.file.name}"


def _origin(options: argparse.Namespace, services: Services) -> Provenance:
    now = services.clock.now()
    return Provenance(_source(options), f"import of {options.file.name}", now, f"import@{now:%Y-%m-%dT%H:%MZ}")


def _day(text: str) -> date:
    try:
        return day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
