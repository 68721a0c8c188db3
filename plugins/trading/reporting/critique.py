"""What speaks against a result, each objection a sentence with its figure. Silence here proves nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trading.accounting.performance import SESSIONS_PER_YEAR
from trading.domain.replays import ReplayRun, RunTrade
from trading.reporting.missing import idle_sentence, short_sentence
from trading.reporting.wording import change, fall, gain, percent, probability, ratio, whole

FEW_TRADES = 30
RARELY_OPEN_FRAC = 0.01
ABSURD_SHARPE = 3.0
ONE_CARRIES_FRAC = 0.5
SURE_PROBABILITY = 0.95
MANY_TRIALS = 20
IDLE_FRAC = 0.2


@dataclass(frozen=True)
class Evidence:
    """What a critique reads besides the run.

    Attributes:
        benchmarks: figures of what simply held would have done, by name.
        deflated: deflated Sharpe ratio; trial_count: outcomes that were looked at.
        open_hours: symbol-hours, of `symbol_hours`, in which an entry was open; never_open: symbols without one.
        state_changes: of the trading state. dividend_count: dividends of the list that are stored for the range.
        breaker_sells: whether the drawdown breaker sells what is held. breaker_sessions: how long it bars entries at
            least, in words.
        idle_sessions: those in which nothing of the list had a price.
        totals_by_cost: total return by factor on all costs; empty where it was not measured.
    """

    benchmarks: Mapping[str, Mapping[str, float | None]]
    deflated: float | None
    trial_count: int
    open_hours: int
    symbol_hours: int
    never_open: Sequence[str]
    state_changes: Sequence[tuple[datetime, str]]
    dividend_count: int
    idle_sessions: int
    breaker_sells: bool
    breaker_sessions: str
    totals_by_cost: Mapping[float, float | None]


def objections(run: ReplayRun, evidence: Evidence) -> tuple[str, ...]:
    """Return what speaks against the result, the gravest first."""
    asked: Sequence[Callable[[ReplayRun, Evidence], Iterator[str]]] = (
        _data, _trades, _luck, _holding, _costs, _concentration, _gate, _breaker,
    )  # fmt: skip
    return tuple(sentence for ask in asked for sentence in ask(run, evidence))


def _data(run: ReplayRun, evidence: Evidence) -> Iterator[str]:
    if run.is_synthetic:
        yield "The market is invented (SYNTHETIC): the figures say nothing about any real market."
    if not evidence.dividend_count:
        yield "No dividend of the list is stored for the range: the book, and the list simply held, miss what it paid."
    sessions = run.trial.return_count
    if evidence.idle_sessions:
        yield idle_sentence(evidence.idle_sessions, sessions)
    if sessions < SESSIONS_PER_YEAR:
        yield short_sentence(sessions)


def _trades(run: ReplayRun, _: Evidence) -> Iterator[str]:
    count = run.figures["trades"] or 0
    if count < FEW_TRADES:
        yield f"Only {whole(count)} closed trades; under {FEW_TRADES} no rate or ratio of trades means much."
    exposure = run.figures["exposure_frac"]
    if exposure is not None and exposure < IDLE_FRAC:
        yield f"The book was {percent(1.0 - exposure)} cash on average; its small drawdown is that of not taking part."


def _luck(run: ReplayRun, evidence: Evidence) -> Iterator[str]:
    sharpe = run.figures["sharpe"]
    if sharpe is not None and sharpe > ABSURD_SHARPE:
        yield f"A Sharpe ratio of {ratio(sharpe)} is not credible for a long-only book; look for a leak first."
    chance = run.figures["probabilistic_sharpe"]
    if chance is not None and chance < SURE_PROBABILITY:
        yield f"The true Sharpe ratio is over 0 with a probability of {probability(chance)}, under {SURE_PROBABILITY}."
    if evidence.deflated is not None and evidence.deflated < SURE_PROBABILITY:
        yield (
            f"Deflated for {whole(evidence.trial_count)} trials, the probability that this is more than the best of "
            f"luck is {probability(evidence.deflated)}, under {SURE_PROBABILITY}."
        )
    elif evidence.trial_count > MANY_TRIALS:
        yield f"{whole(evidence.trial_count)} trials were looked at; the more, the better the best one looks by luck."


def _holding(run: ReplayRun, evidence: Evidence) -> Iterator[str]:
    for name, figures in evidence.benchmarks.items():
        held, total = figures["total_frac"], run.figures["total_frac"]
        if held is None or total is None or held <= total:
            continue
        words = f"{'The list' if name == 'list' else name}, simply held, made {change(held)}, this book {change(total)}"
        sharpe, theirs = run.figures["sharpe"], figures["sharpe"]
        if sharpe is not None and theirs is not None:
            words += f" (Sharpe {ratio(theirs)} against {ratio(sharpe)}, drawdown {fall(figures['drawdown_frac'])} "
            words += f"against {fall(run.figures['drawdown_frac'])})"
        yield words + "."


def _costs(run: ReplayRun, evidence: Evidence) -> Iterator[str]:
    free, double = evidence.totals_by_cost.get(0.0), evidence.totals_by_cost.get(2.0)
    total = run.figures["total_frac"]
    if total is None or free is None or double is None:
        return
    if free > 0 and (lost := (free - total) / free) > 0.25:
        yield f"Costs take {percent(lost)} of what the rules made without them ({change(free)} to {change(total)})."
    if total > 0 and double <= 0:
        yield f"At twice the costs nothing is left: {change(double)} instead of {change(total)}."


def _concentration(run: ReplayRun, _: Evidence) -> Iterator[str]:
    trades = run.trades or ()
    total = sum(t.gain_usd for t in trades)
    if total <= 0:
        return
    for what, key in (("symbol", _symbol_of), ("year", _year_of)):
        gains: dict[str, float] = defaultdict(float)
        for trade in trades:
            gains[key(trade)] += trade.gain_usd
        name, most = max(gains.items(), key=lambda item: item[1])
        if len(gains) > 1 and most > ONE_CARRIES_FRAC * total:
            yield f"One {what}, {name}, brought {percent(most / total)} of the gain of all trades ({gain(most)} USD)."
    best = sum(sorted((t.gain_usd for t in trades), reverse=True)[:5])
    if len(trades) > FEW_TRADES and best > ONE_CARRIES_FRAC * total:
        yield f"The best five of {whole(len(trades))} trades brought {percent(best / total)} of the gain of all."


def _symbol_of(trade: RunTrade) -> str:
    return trade.symbol


def _year_of(trade: RunTrade) -> str:
    return str(trade.closed_at.year)


def _gate(_: ReplayRun, evidence: Evidence) -> Iterator[str]:
    if evidence.open_hours < RARELY_OPEN_FRAC * evidence.symbol_hours:
        counted = f"{whole(evidence.open_hours)} of {whole(evidence.symbol_hours)}"
        yield f"Entries were open in {counted} symbol-hours: the rules hardly ever agree."
    if evidence.never_open:
        yield f"Never open: {', '.join(evidence.never_open)}; the result says nothing about them."


def _breaker(run: ReplayRun, evidence: Evidence) -> Iterator[str]:
    trips = sum("REDUCE_ONLY" in sentence for _, sentence in evidence.state_changes)
    halts = sum("HALTED" in sentence for _, sentence in evidence.state_changes)
    years = max(run.trial.return_count / SESSIONS_PER_YEAR, 1e-9)
    if trips:
        often = f"{'once' if trips == 1 else f'{whole(trips)} times'} ({ratio(trips / years)} a year)"
        what = "sold everything" if evidence.breaker_sells else "tripped"
        then = f"kept the book from buying for {evidence.breaker_sessions} or more"
        yield f"The drawdown breaker {what} {often}, and {then}."
    if halts:
        yield "The book was HALTED and stayed so until the end: what came after is not in the result."
