"""From what a replay did to a named run, and from the ledger of `hourly_replay` to the same shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from itertools import count

import numpy as np

from trading.accounting.performance import daily_returns, figures_of
from trading.accounting.trades import closed_trades, trade_figures, turnover
from trading.accounting.trials import probabilistic_sharpe, trial_of
from trading.analysis.facts import Facts
from trading.analysis.holding import buy_and_hold
from trading.domain.fills import Fill
from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.market import SYNTHETIC
from trading.domain.panel import FloatArray
from trading.domain.replays import (
    Driver,
    Json,
    ReplayBook,
    ReplayRun,
    RunEquity,
    RunTrade,
    Trial,
    configuration_hash,
)
from trading.engine.hours import Terms, Timeline
from trading.engine.result import ReplayResult
from trading.errors import PermanentError
from trading.ports import Transaction
from trading.strategy.spec import StrategySpec

MARKET = "SPY"
"""What alpha and beta are measured against."""
LIST = "list"
"""Name of the benchmark that holds equal parts of everything that the strategy may trade."""
BENCHMARKS = (LIST, MARKET, "QQQ")


def benchmarks_of(facts: Facts, spec: StrategySpec, timeline: Timeline) -> dict[str, FloatArray]:
    """Return growth of 1 USD simply held, from the session before the first one on; what has no prices is left out."""
    return held_growth(facts, spec, [timeline.before.session_on, *(s.session_on for s in timeline.sessions)])


def held_by(spec: StrategySpec) -> dict[str, tuple[Symbol, ...]]:
    """Return the symbols that each benchmark holds, by its name."""
    return {name: spec.universe.traded if name == LIST else (name,) for name in BENCHMARKS}


def held_growth(facts: Facts, spec: StrategySpec, days: Sequence[date]) -> dict[str, FloatArray]:
    """Return growth of 1 USD simply held at the closes of `days`; what has no prices is left out."""
    curves = {name: buy_and_hold(facts, symbols, days) for name, symbols in held_by(spec).items()}
    return {name: curve for name, curve in curves.items() if curve is not None}


def configuration_of(
    spec: StrategySpec,
    timeline: Timeline,
    terms: Terms,
    *,
    cash_usd: Decimal,
    costs: Mapping[str, Json],
    models: Sequence[str] = (),
) -> dict[str, Json]:
    """Return what a result depends on besides data and code.

    Args:
        costs: how fills were priced, in plain words and numbers.
        models: ids of the models that were heard, in order; left out where there was none.
    """
    heard: dict[str, Json] = {"models": list(models)} if models else {}
    return heard | {
        "strategy": spec.name,
        "spec_hash": spec.spec_hash,
        "symbols": list(spec.universe.traded),
        "from": timeline.sessions[0].session_on.isoformat(),
        "to": timeline.sessions[-1].session_on.isoformat(),
        "cash_usd": float(cash_usd),
        "delay_minutes": terms.delay_minutes,
        "daily_pricing": terms.daily_pricing,
        "account_type": terms.account_type.value,
        "client_category": terms.client_category.value,
        "costs": dict(costs),
    }


@dataclass(frozen=True, slots=True)
class RunLabel:
    """What a run is stored under; see `ReplayRun`.

    Attributes:
        configuration: see `configuration_of`.
    """

    name: str
    made_at: datetime
    configuration: Mapping[str, Json]
    data_cutoff_at: datetime
    code_version: str
    is_synthetic: bool
    search: str | None = None
    parameters: Mapping[str, Json] | None = None


def run_of(result: ReplayResult, label: RunLabel, benchmarks: Mapping[str, FloatArray]) -> ReplayRun:
    """Return the run that `result` is; `benchmarks` as `benchmarks_of` gives them."""
    curve, spec = result.curve, result.spec
    equity = curve.session_equity(result.starting_usd)
    days = curve.session_on[curve.is_closing].tolist()
    still_held = {lot.fill_id for p in result.final.portfolio.positions.values() for lot in p.lots}
    trades = closed_trades(result.fills, result.disposals, still_held)
    trial = trial_of(
        daily_returns(equity), spec_hash=spec.spec_hash, configuration_hash=configuration_hash(label.configuration)
    )
    figures = figures_by_name(equity, trades, result.fills, trial, benchmarks.get(MARKET))
    figures["exposure_frac"] = curve.exposure_frac
    return ReplayRun(
        **{f.name: getattr(label, f.name) for f in fields(label)},
        driver=Driver.IN_PROCESS,
        strategy=spec.name,
        spec_hash=spec.spec_hash,
        first_on=days[0],
        last_on=days[-1],
        starting_usd=result.starting_usd,
        trial=trial,
        figures=figures,
        equity=RunEquity(
            session_on=tuple(days),
            nav_usd=tuple(equity[1:].tolist()),
            cash_usd=tuple(curve.cash_usd[curve.is_closing].tolist()),
            benchmarks={name: tuple(growth[1:].tolist()) for name, growth in benchmarks.items()},
        ),
        trades=trades,
    )


def figures_by_name(
    equity: FloatArray,
    trades: Sequence[RunTrade],
    fills: Sequence[Fill],
    trial: Trial,
    market: FloatArray | None,
) -> dict[str, float | None]:
    """Return every figure of a run but its exposure.

    Args:
        equity, market: session-close equity, the starting value first.
    """
    of_trades = trade_figures(trades)
    return {
        **asdict(figures_of(equity, market=market)),
        "probabilistic_sharpe": probabilistic_sharpe(trial),
        "turnover": turnover(fills, float(equity.mean())),
        "trades": of_trades.count,
        "hit_frac": of_trades.hit_frac,
        "profit_factor": of_trades.profit_factor,
        "payoff": of_trades.payoff,
        "gain_usd": of_trades.gain_usd,
        "mean_days": of_trades.mean_days,
        "fills": len(fills),
        "costs_usd": float(sum((f.commission_usd or Decimal(0) for f in fills), Decimal(0))),
    }


def benchmark_figures(run: ReplayRun) -> dict[str, dict[str, float | None]]:
    """Return the figures of what simply held would have done, by name; empty where the run knows no benchmark."""
    curves = run.equity.benchmarks if run.equity is not None else {}
    market = [1.0, *curves[MARKET]] if MARKET in curves else None
    return {name: asdict(figures_of([1.0, *curves[name]], market=market)) for name in BENCHMARKS if name in curves}


def run_of_book(tx: Transaction, book: ReplayBook) -> ReplayRun:
    """Return the run that the sessions of `hourly_replay` make, from the ledger; it knows no benchmark.

    The configuration holds what the ledger remembers, so that two such books of one strategy, range and cash count as
    one trial unless they came out differently.
    """
    navs = tx.ledger.navs(book.book)
    closes = [n for n in navs if n.is_closing]
    equity = np.array([book.starting_usd, *(n.nav_usd for n in closes)])
    fills, disposals = tx.ledger.fills(book.book), tx.ledger.disposals(book.book)
    portfolio = tx.ledger.portfolio(book.book, book.cutoff_at)
    still_held = {lot.fill_id for p in portfolio.positions.values() for lot in p.lots}
    trades = closed_trades(fills, disposals, still_held)
    configuration: dict[str, Json] = {
        "strategy": book.strategy,
        "spec_hash": book.spec_hash,
        "from": book.first_on.isoformat(),
        "to": book.last_on.isoformat(),
        "cash_usd": book.starting_usd,
        "costs": "as hourly_replay",
    }
    trial = trial_of(
        daily_returns(equity), spec_hash=book.spec_hash, configuration_hash=configuration_hash(configuration)
    )
    figures = figures_by_name(equity, trades, fills, trial, None)
    invested = [1.0 - float(n.cash_usd) / n.nav_usd for n in navs if n.nav_usd > 0]
    figures["exposure_frac"] = sum(invested) / len(invested) if invested else None
    return ReplayRun(
        name=book.book.name,
        made_at=None,
        driver=Driver.BACKFILL,
        strategy=book.strategy,
        spec_hash=book.spec_hash,
        configuration=configuration,
        data_cutoff_at=book.cutoff_at,
        code_version=book.code_version,
        first_on=book.first_on,
        last_on=book.last_on,
        starting_usd=book.starting_usd,
        is_synthetic=tx.market.has_source(SYNTHETIC),
        trial=trial,
        figures=figures,
        equity=RunEquity(
            session_on=tuple(n.session_on for n in closes),
            nav_usd=tuple(n.nav_usd for n in closes),
            cash_usd=tuple(float(n.cash_usd) for n in closes),
        ),
        trades=trades,
    )


def all_runs(tx: Transaction) -> tuple[ReplayRun, ...]:
    """Return every stored run, then every book of `hourly_replay`."""
    return (*tx.replays.runs(), *(run_of_book(tx, book) for book in tx.replays.books()))


def run_named(tx: Transaction, name: str) -> ReplayRun:
    """Return a run, or the run that a book of `hourly_replay` is.

    Raises:
        PermanentError: there is none of that name.
    """
    if (stored := tx.replays.run(name)) is not None:
        return stored
    books = {b.book.name: b for b in tx.replays.books()}
    if name in books:
        return run_of_book(tx, books[name])
    known = ", ".join([*(r.name for r in tx.replays.runs()), *books])
    raise PermanentError(f"there is no replay {name}; stored: {known or 'none'}")


def all_trials(tx: Transaction) -> tuple[Trial, ...]:
    """Return every outcome that was looked at: logged ones, and the books of `hourly_replay`."""
    of_books = (run_of_book(tx, book).trial for book in tx.replays.books())
    return tuple(dict.fromkeys((*tx.replays.trials(), *of_books)))


def forget_book(tx: Transaction, book: BookId) -> None:
    """Delete a book of `hourly_replay` with all its rows; what it came to was looked at and stays a trial."""
    if any(replayed.book == book for replayed in tx.replays.books()):
        tx.replays.log_trial(run_named(tx, book.name).trial)
    tx.replays.delete(book)


def free_name(tx: Transaction, stem: str = "run") -> str:
    """Return the first of run-1, run-2, … that nothing is called."""
    taken = {*(r.name for r in tx.replays.runs()), *(b.name for b in tx.ledger.books() if b.kind is BookKind.REPLAY)}
    return next(name for n in count(1) if (name := f"{stem}-{n}") not in taken)
