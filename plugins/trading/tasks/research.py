"""Parameter search and walk-forward over stored history: every trial is a replay, and every trial is a row.

A trial that is stored is not run again, so a search that was stopped goes on where it was, here or in another process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from trading.domain.instruments import BookId, BookKind, ClientCategory
from trading.domain.market import SYNTHETIC
from trading.domain.panel import FeaturePanel
from trading.domain.portfolio import AccountType
from trading.domain.replays import checked_name, configuration_hash
from trading.domain.searches import (
    Conditions,
    Outcome,
    Parameters,
    Plan,
    Search,
    SearcherName,
    SearchTrial,
    Window,
    best_of,
    key_of,
)
from trading.engine.arrival import Market
from trading.engine.hours import Terms, Timeline, history_panel
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult
from trading.engine.slippage import slippage_by_symbol
from trading.errors import ConfigurationError, PermanentError
from trading.execution.costs import SCHEDULES, CommissionPlan, CostModel
from trading.ports import MarketCalendar, Services
from trading.research.scoring import figures_of_result, score_of, trial_from
from trading.research.searchers import Searcher
from trading.research.summary import summary_of
from trading.research.windows import whole_months, windows_of
from trading.strategy.catalogue import spec_named
from trading.strategy.space import is_known, with_parameters
from trading.strategy.spec import StrategySpec
from trading.tasks.chances import eras_of
from trading.tasks.facts import code_of, load_facts, past_timeline, timeline_of
from trading.tasks.replay_runs import configuration_of

MOST_TRIALS = 20_000
"""Of all windows together; a search of more is a slip of the finger or finds luck only."""
type Told = Callable[[SearchTrial], None]
"""Hears of every trial, also of one that was stored already."""


@dataclass(frozen=True)
class Stretch:
    """Sessions of history, made ready once for any number of replays: parameters change verdicts, not the panel."""

    panel: FeaturePanel
    market: Market
    timeline: Timeline
    terms: Terms
    cash_usd: Decimal

    def play(self, spec: StrategySpec) -> ReplayResult:
        """Return what `spec` would have done; the very replay that `replay run` is."""
        return replay_panel(
            spec,
            self.panel,
            self.market,
            self.timeline,
            book=BookId(BookKind.REPLAY, "trial"),
            cash_usd=self.cash_usd,
            terms=self.terms,
        )


def conditions_of(services: Services, *, cash_usd: int) -> Conditions:
    """Return what replays start with where nobody says otherwise: the desk's own costs and terms."""
    told = services.costs.described()
    return Conditions(
        cash_usd=cash_usd,
        commission=str(told["commission"]),
        half_spread_bps=round(services.costs.half_spread_frac * 10_000, 6),
        delay_minutes=services.source_delay_minutes,
        daily_pricing=services.daily_pricing,
        account_type=services.account_type.value,
        client_category=services.client_category.value,
    )


def stretch_of(services: Services, search: Search, first_on: date, last_on: date) -> Stretch:
    """Return the sessions of [first_on, last_on], ready to be replayed.

    Raises:
        PermanentError: nothing is stored for the range.
    """
    spec, told = spec_named(search.plan.strategy), search.plan.conditions
    timeline = timeline_of(services.calendar, first_on, last_on)
    first_at, as_of = timeline.slots[0].as_of, timeline.slots[-1].as_of
    with services.store.transaction() as tx:
        facts = load_facts(tx, spec, first_at=first_at, as_of=as_of, cutoff_at=search.cutoff_at, is_replay=True)
        eras = eras_of(services, tx, spec, until=as_of)
    if not facts.bars:
        raise PermanentError(f"no bars are stored before {last_on}; import some: ./airdesk data import --help")
    terms = Terms(
        told.delay_minutes, told.daily_pricing, AccountType(told.account_type), ClientCategory(told.client_category)
    )
    costs = CostModel(told.half_spread_bps / 10_000, SCHEDULES[CommissionPlan(told.commission)])
    if (share := told.slippage_volatility) > 0:
        costs = replace(costs, slippage_frac=slippage_by_symbol(spec, facts, timeline, terms, share=share))
    market = Market.of(spec, facts, timeline, terms, costs.scaled(told.costs_times))
    return Stretch(history_panel(spec, facts, timeline, terms, eras), market, timeline, terms, Decimal(told.cash_usd))


def open_search(services: Services, name: str, plan: Plan) -> Search:
    """Store a search, or return the one of that name to go on with.

    Raises:
        PermanentError: the plan cannot be carried out, or the name is none or belongs to another plan.
    """
    checked_name(name)
    spec = spec_named(plan.strategy)
    if strange := [axis.name for axis in plan.axes if not is_known(spec, axis.name)]:
        raise ConfigurationError(f"{spec.name} has no {', '.join(strange)}; leave it out")
    past_timeline(services, plan.first_on, plan.last_on)
    windows = windows_of(plan, months_of(services.calendar, plan.first_on, plan.last_on))
    if (count := plan.trials_per_window * len(windows)) > MOST_TRIALS:
        raise ConfigurationError(f"{count:,} trials, {MOST_TRIALS:,} at most; take larger steps, or --trials N")
    with services.store.transaction() as tx:
        is_synthetic = tx.market.has_source(SYNTHETIC)
        asked = Search(name, plan, spec.spec_hash, services.clock.now(), code_of(services), is_synthetic, windows)
        if tx.searches.add(asked):
            return asked
        stored = tx.searches.load(name)
    assert stored is not None, f"{name} was not added, so it is there"
    if stored.plan != plan:
        raise ConfigurationError(f"{name} is another search; show it with the name alone, or choose another name")
    return current(services, stored)


def stored_search(services: Services, name: str) -> Search:
    """Return the search of that name.

    Raises:
        PermanentError: there is none.
    """
    with services.store.transaction() as tx:
        if (search := tx.searches.load(name)) is not None:
            return search
        known = ", ".join(tx.searches.names())
    raise PermanentError(f"there is no search {name}; stored: {known or 'none'}")


def current(services: Services, search: Search) -> Search:
    """Return `search` if this code may add to it.

    Raises:
        PermanentError: its trials are of another code or strategy, and would not be comparable.
    """
    spec_hash, code = spec_named(search.plan.strategy).spec_hash, code_of(services)
    if search.spec_hash != spec_hash or search.code_version != code:
        raise PermanentError(
            f"{search.name} was made with {search.code_version} and {search.plan.strategy} {search.spec_hash}, here "
            f"are {code} and {spec_hash}; search anew under another name"
        )
    return search


def run_trials(
    services: Services, search: Search, window: Window, searcher: Searcher, *, told: Told, first_number: int = 0
) -> int:
    """Try what `searcher` asks for on the window's training sessions; return how many trials were run and stored.

    Args:
        first_number: number of the searcher's first trial.
    """
    with services.store.transaction() as tx:
        stored = {trial.key: trial for trial in tx.searches.trials(search.name, window.number)}
    base, stretch = spec_named(search.plan.strategy), None
    number, ran = first_number, 0
    while (parameters := searcher.ask()) is not None:
        trial = stored.get(key_of(parameters))
        if trial is None:
            stretch = stretch or stretch_of(services, search, window.train_first_on, window.train_last_on)
            trial = _tried(search.plan, base, stretch, parameters, place=(window.number, number))
            ran += _keep(services, search, base, stretch, trial)
        searcher.tell(parameters, trial.score)
        told(trial)
        number += 1
    return ran


def run_window(services: Services, search: Search, window: Window, searcher: Searcher, *, told: Told) -> int:
    """Try everything on the window's training sessions, then test the winner once; return how many trials were run."""
    ran = run_trials(services, search, window, searcher, told=told)
    if window.test_first_on is not None:
        _, outcomes = read_search(services, search)
        if window.number not in {outcome.window for outcome in outcomes}:
            settle_window(services, search, window)
    return ran


def settle_window(services: Services, search: Search, window: Window) -> Outcome:
    """Replay the window's winner on its test sessions, store what became of it and return it.

    Where no trial counted the strategy's own numbers are tested.
    """
    first_on, last_on = window.test_first_on, window.test_last_on
    assert first_on is not None, "a plain search tests nothing"
    assert last_on is not None, "a test that begins also ends"
    with services.store.transaction() as tx:
        best = best_of(tx.searches.trials(search.name, window.number))
    base = spec_named(search.plan.strategy)
    stretch = stretch_of(services, search, first_on, last_on)
    own = stretch.play(base)
    result = own if best is None else stretch.play(with_parameters(base, best.parameters))
    outcome = Outcome(
        window=window.number,
        winner=None if best is None else best.parameters,
        train=None if best is None else best.figures,
        test=figures_of_result(result),
        own_test=figures_of_result(own),
        test_equity=tuple(result.curve.session_equity(result.starting_usd).tolist()),
        own_equity=tuple(own.curve.session_equity(own.starting_usd).tolist()),
    )
    with services.store.transaction() as tx:
        tx.searches.save_outcome(search.name, outcome)
    return outcome


def read_search(services: Services, search: Search) -> tuple[tuple[SearchTrial, ...], tuple[Outcome, ...]]:
    """Return the trials and the windows that are done."""
    with services.store.transaction() as tx:
        return tx.searches.trials(search.name), tuple(tx.searches.outcomes(search.name))


def finish_search(services: Services, search: Search) -> Search:
    """Sum up a search, store what it says and return it.

    Raises:
        PermanentError: trials or windows are missing.
    """
    trials, outcomes = read_search(services, search)
    tested = sum(window.test_first_on is not None for window in search.windows)
    # A sampler may run out of new points; a grid never does.
    wanted = search.plan.trials_per_window if search.plan.searcher is SearcherName.GRID else 1
    counts = Counter(trial.window for trial in trials)
    short = sum(counts[window.number] < wanted for window in search.windows)
    if short or len(outcomes) < tested:
        raise PermanentError(
            f"{search.name}: trials are missing in {short} windows and tests in {tested - len(outcomes)}; run the same "
            "search again, what is stored is left out"
        )
    summary = summary_of(search, trials, outcomes)
    with services.store.transaction() as tx:
        tx.searches.finish(search.name, summary)
    return replace(search, summary=summary)


def tested_sessions(services: Services, search: Search, outcomes: Sequence[Outcome]) -> tuple[date, ...]:
    """Return the sessions of the tests that are done, in order."""
    windows = (search.windows[outcome.window] for outcome in outcomes)
    spans = [(w.test_first_on, w.test_last_on) for w in windows if w.test_first_on and w.test_last_on]
    return tuple(session.session_on for span in spans for session in services.calendar.sessions(*span))


def months_of(calendar: MarketCalendar, first_on: date, last_on: date) -> tuple[tuple[date, ...], ...]:
    """Return the sessions of every month that lies in [first_on, last_on] as a whole."""
    until = (last_on.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    sessions = calendar.sessions(first_on.replace(day=1), until)
    return whole_months([session.session_on for session in sessions], first_on, last_on)


def _tried(
    plan: Plan, base: StrategySpec, stretch: Stretch, parameters: Parameters, *, place: tuple[int, int]
) -> SearchTrial:
    """Return what became of `parameters`; numbers that contradict one another are a trial that does not count.

    Args:
        place: number of the window and of the trial.
    """
    try:
        spec = with_parameters(base, parameters)
    except ConfigurationError as refused:
        return SearchTrial(*place, parameters, "", None, str(refused), None)
    figures = figures_of_result(stretch.play(spec))
    score, why = score_of(figures, plan.objective, plan.min_entry_count)
    return SearchTrial(*place, parameters, spec.spec_hash, score, why, figures)


def _keep(services: Services, search: Search, base: StrategySpec, stretch: Stretch, trial: SearchTrial) -> bool:
    """Store a trial, also among the outcomes that every deflated Sharpe counts; whether it was new."""
    with services.store.transaction() as tx:
        if trial.figures is not None:
            spec = with_parameters(base, trial.parameters)
            told = configuration_of(
                spec, stretch.timeline, stretch.terms, cash_usd=stretch.cash_usd, costs=stretch.market.costs.described()
            )
            tx.replays.log_trial(
                trial_from(trial.figures, spec_hash=spec.spec_hash, configuration_hash=configuration_hash(told))
            )
        return tx.searches.add_trial(search.name, trial)
