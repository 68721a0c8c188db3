"""`airdesk report …`: every report as a page and a picture; the night writes the same ones."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trading.bootstrap import services_for, strategy_of
from trading.domain.instruments import BookId
from trading.entrypoints import arguments
from trading.entrypoints.schema import require_current_schema
from trading.errors import ConfigurationError
from trading.ports import Services
from trading.reporting.document import Report, json_of, page_of, picture_of, text_of
from trading.settings import load_settings
from trading.strategy.spec import StrategySpec
from trading.tasks.reports.daily import daily_report
from trading.tasks.reports.rebalance import rebalance_report
from trading.tasks.reports.reconciliation import reconciliation_report
from trading.tasks.reports.replayed import parity_report, stored_replay_report
from trading.tasks.reports.taxes import tax_report
from trading.tasks.reports.weekly import weekly_report


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks for what."""

    services: Services
    spec: StrategySpec
    book: BookId
    options: argparse.Namespace


type Make = Callable[[_Asked], Report]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    group = subparsers.add_parser("report", help="a day, a week, a rebalance, a year, a replay: as page and picture")
    actions = group.add_subparsers(title="actions", metavar="REPORT", required=True)
    newest = "; default: the newest"
    for name, make, text in (
        ("daily", _daily, "what a session changed and why, what was traded and refused, what is next"),
        ("weekly", _weekly, "a week beside its benchmarks, its trades, and the rules that ruled it"),
        ("reconcile", _reconcile, "book beside broker: breaks with their age, cash, commissions, statement"),
        ("parity", _parity, "a day beside its replay"),
    ):
        _report(actions, name, make, text).add_argument(
            "on", metavar="DATE", nargs="?", type=arguments.day, help=f"the session, or a day of the week{newest}"
        )
    rebalance = _report(actions, "rebalance", _rebalance, "weights before and after, trades, costs, taxes")
    rebalance.add_argument("--at", type=arguments.instant, help=f"when it was decided{newest}, or one of now")
    _report(actions, "tax", _tax, "a tax year: gains by term, wash sales, income; US rules, not advice").add_argument(
        "year", type=arguments.tax_year, metavar="YEAR", help="tax year"
    )
    _report(actions, "replay", _replay, "what is stored of a replay").add_argument(
        "name", metavar="NAME", help="of a replay, as `replay list` prints it"
    )


def _report(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, make: Make, text: str
) -> argparse.ArgumentParser:
    parser = arguments.book_command(actions, name, _run, text)
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the page into DIR, which is made")
    parser.add_argument("--png", action="store_true", help="with --out: the picture for a phone too")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(make=make)
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.png and options.out is None:
        raise ConfigurationError("--png writes a picture beside the page; name their folder with --out DIR")
    settings = load_settings()
    require_current_schema(settings.database_url)
    book = BookId.parse(options.book) if options.book else settings.book
    report = options.make(_Asked(services_for(settings), strategy_of(settings), book, options))
    if options.out is not None:
        written = _write(options.out, report, with_png=options.png)
    if options.json:
        print(json.dumps(json_of(report), indent=1, ensure_ascii=False))
        return 0
    print(text_of(report))
    if options.out is None:
        print("The whole of it: the same command with --out DIR writes the page.")
    else:
        print("\n".join(f"wrote {path}" for path in written))
    return 0


def _write(folder: Path, report: Report, *, with_png: bool) -> list[Path]:
    paths = [folder / f"{report.name}.html"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(page_of(report), encoding="utf-8")
        if with_png:
            paths.append(folder / f"{report.name}.png")
            paths[1].write_bytes(picture_of(report))
    except OSError as error:
        raise ConfigurationError(f"--out {folder}: {error.strerror or error}; name a folder to write in") from None
    return paths


def _daily(asked: _Asked) -> Report:
    return daily_report(asked.services, asked.spec, asked.book, asked.options.on)


def _weekly(asked: _Asked) -> Report:
    return weekly_report(asked.services, asked.spec, asked.book, asked.options.on)


def _reconcile(asked: _Asked) -> Report:
    return reconciliation_report(asked.services, asked.book, asked.options.on)


def _parity(asked: _Asked) -> Report:
    return parity_report(asked.services, asked.spec, asked.book, asked.options.on)


def _rebalance(asked: _Asked) -> Report:
    return rebalance_report(asked.services, asked.spec, asked.book, asked.options.at)


def _tax(asked: _Asked) -> Report:
    return tax_report(asked.services, asked.book, asked.options.year)


def _replay(asked: _Asked) -> Report:
    return stored_replay_report(asked.services, asked.spec, asked.options.name)
