"""`airdesk data …`: a person's own files, what the vendors bring, and what is stored."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from trading.domain.gates import Parking
from trading.domain.instruments import Symbol
from trading.domain.market import SYNTHETIC, Resolution
from trading.entrypoints import cli_import, cli_pull
from trading.entrypoints.answers import add_json, print_json
from trading.entrypoints.cli_gates import add_release
from trading.entrypoints.cli_status import RECENT_SESSIONS, missing_lately, source_lines, status_of_sources
from trading.reporting.parked import parked_lines
from trading.settings import load_settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `data status`, `data import` and what `cli_pull` adds."""
    data = subparsers.add_parser("data", help="import your own files; show what is stored")
    actions = data.add_subparsers(title="actions", metavar="ACTION", required=True)
    status = actions.add_parser(
        "status", help="what is stored: bars by symbol, news, filings, macro, parked symbols; sources"
    )
    status.set_defaults(run=show_status)
    add_json(status)
    cli_import.add_commands(actions)
    cli_pull.add_commands(actions)
    add_release(actions)


def show_status(options: argparse.Namespace) -> int:
    """Print what is stored."""
    from trading.bootstrap import services_for

    services = services_for(load_settings())
    now = services.clock.now()
    with services.store.snapshot() as tx:
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
    missing, sources = missing_lately(services, newest), status_of_sources(services)
    if options.json:
        print_json(
            "data status", bars=newest, missing=missing, counts=facts, parked=parked, sources=sources,
            is_synthetic=has_synthetic,
        )  # fmt: skip
        return 0
    for line in [*_status_lines(newest, facts, parked, missing), *source_lines(sources)]:
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
        return ["no bars are stored; ./airdesk data pull asks vendors, ./airdesk data import bars takes files of yours"]
    newest = {resolution: of_resolution for resolution, of_resolution in newest.items() if of_resolution}
    heads = "".join(f"{resolution:>17}" for resolution in newest)
    lines = ["newest bar (start, UTC)", f"{'symbol':8}{heads}  missing of {RECENT_SESSIONS} sessions"]
    for symbol in symbols:
        starts = (of_resolution.get(symbol) for of_resolution in newest.values())
        told = "".join(f"{f'{at:%Y-%m-%d %H:%M}' if at else '-':>17}" for at in starts)
        lines.append(f"{symbol:8}{told}  {missing[symbol]}")
    lines += [f"{name}: {count}" for name, count in facts.items()]
    return lines + parked_lines(parked)
