"""Stored runs in the terminal: a list, one run, several beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest

from rich.table import Table

from trading.domain.market import SYNTHETIC
from trading.domain.replays import Driver, ReplayRun, RunTrade
from trading.reporting.figures import LINES, FigureLine, benchmark_name
from trading.reporting.tables import table_of
from trading.reporting.wording import UNKNOWN, change, fall, gain, ratio, whole

_SAID_ELSEWHERE = frozenset({"symbols", "strategy", "spec_hash", "from", "to", "cash_usd"})
_DRIVERS = {
    Driver.IN_PROCESS: "in one process",
    Driver.BACKFILL: "session by session through hourly_replay",
}


def runs_table(runs: Sequence[ReplayRun]) -> Table:
    """Return one line per run."""
    table = table_of("", "name", "from", "to", "total", "Sharpe", "drawdown", "what")
    table.columns[-1].overflow = "fold"
    for column in table.columns[3:6]:
        column.justify = "right"
    for run in runs:
        figures = run.figures
        how = ", backfill" if run.driver is Driver.BACKFILL else f", search {run.search}" if run.search else ""
        table.add_row(
            run.name,
            f"{run.first_on}",
            f"{run.last_on}",
            change(figures.get("total_frac")),
            ratio(figures.get("sharpe")),
            fall(figures.get("drawdown_frac")),
            f"{SYNTHETIC if run.is_synthetic else ''} {run.strategy}{how}".strip(),
        )
    return table


def head_lines(run: ReplayRun) -> list[tuple[str, str]]:
    """Return what a run was, as names and values."""
    shown = {k: v for k, v in run.configuration.items() if k not in _SAID_ELSEWHERE}
    configuration = ", ".join(f"{k.replace('_', ' ')} {_plain(v)}" for k, v in shown.items())
    return [
        ("strategy", f"{run.strategy}, spec {run.spec_hash}"),
        ("range", f"{run.first_on} to {run.last_on}, {whole(run.starting_usd)} USD to begin with"),
        ("data", f"{SYNTHETIC}: an invented market" if run.is_synthetic else "as imported"),
        ("data cut-off", _moment(run.data_cutoff_at)),
        ("made", f"{_moment(run.made_at)}, {_DRIVERS[run.driver]}, code {run.code_version}"),
        ("configuration", f"{run.trial.configuration_hash}: {configuration}"),
        *([("parameters", _parameters(run))] if run.parameters else []),
    ]


def _parameters(run: ReplayRun) -> str:
    numbers = ", ".join(f"{name} {_plain(value)}" for name, value in (run.parameters or {}).items())
    return f"{numbers}; the best of search {run.search}" if run.search else numbers


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        said = (f"{k.replace('_', ' ')} {_plain(v)}" for k, v in value.items() if v not in ({}, [], None))
        return f"({', '.join(said)})"
    return f"{value:,g}" if isinstance(value, float) else str(value)


def _moment(at: datetime | None) -> str:
    return "not known" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def figures_table(title: str, columns: Mapping[str, Mapping[str, float | None]], lines: Sequence[FigureLine]) -> Table:
    """Return figures as lines and runs or benchmarks as columns."""
    table = table_of(title, "", *map(benchmark_name, columns))
    for column in table.columns[1:]:
        column.justify = "right"
    for line in lines:
        table.add_row(line.name, *(line.of(figures) for figures in columns.values()))
    return table


def compare_table(runs: Sequence[ReplayRun], deflated: Mapping[str, float | None]) -> Table:
    """Return runs beside one another; what differs in their configuration stands on top."""
    columns = {run.name: {**run.figures, "deflated_sharpe": deflated[run.name]} for run in runs}
    badge = f"{SYNTHETIC} " if any(run.is_synthetic for run in runs) else ""
    return figures_table(f"{badge}figures", columns, LINES)


def differences(runs: Sequence[ReplayRun]) -> Table | None:
    """Return what is not the same in the runs' configurations, code and data; None if nothing."""
    described = [
        {
            **_flat(run.configuration),
            **_flat(run.parameters or {}),
            "code": run.code_version,
            "driver": run.driver.value,
        }
        for run in runs
    ]
    keys = dict.fromkeys(key for one in described for key in one)
    differing = [key for key in keys if len({one.get(key) for one in described}) > 1]
    if not differing:
        return None
    table = table_of("what differs", "", *(run.name for run in runs))
    for key in differing:
        table.add_row(key, *(one.get(key, UNKNOWN) for one in described))
    return table


def _flat(configuration: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in configuration.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return flat


def trades_table(title: str, trades: Sequence[RunTrade]) -> Table:
    """Return one line per closed trade."""
    table = table_of(title, "symbol", "entry (UTC)", "exit (UTC)", "shares", "gain", "return", "by")
    for trade in trades:
        table.add_row(
            trade.symbol,
            f"{trade.opened_at:%Y-%m-%d %H:%M}",
            f"{trade.closed_at:%Y-%m-%d %H:%M}",
            whole(trade.quantity),
            gain(trade.gain_usd),
            change(trade.return_frac),
            trade.closed_by,
        )
    return table


def first_difference(one: Sequence[RunTrade], other: Sequence[RunTrade]) -> tuple[RunTrade | None, RunTrade | None]:
    """Return the first trades, by entry, that differ in more than prices and costs; (None, None) if none does."""
    for a, b in zip_longest(_by_entry(one), _by_entry(other)):
        if a is None or b is None or _decided(a) != _decided(b):
            return a, b
    return None, None


def _by_entry(trades: Sequence[RunTrade]) -> list[RunTrade]:
    return sorted(trades, key=_decided)


def _decided(trade: RunTrade) -> tuple[object, ...]:
    return trade.opened_at, trade.symbol, trade.closed_at, trade.quantity, trade.closed_by
