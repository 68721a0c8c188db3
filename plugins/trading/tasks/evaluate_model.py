"""Walk-forward of the model beside the rules alone, simply holding and SPY: one replay each, nothing selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from trading.accounting.performance import daily_returns, figures_of
from trading.accounting.trials import deflated_sharpe, trial_of
from trading.analysis.facts import Facts
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Resolution, Session
from trading.domain.models import LabelSpec, ModelEra, TreeTrainer
from trading.domain.orders import OrderPurpose
from trading.domain.panel import FloatArray
from trading.domain.replays import Trial, configuration_hash
from trading.domain.searches import Figures
from trading.engine.hours import Terms, Timeline
from trading.engine.replay import replay
from trading.engine.result import ReplayResult
from trading.engine.shrinking import MODEL
from trading.errors import PermanentError
from trading.execution.costs import CostModel
from trading.ports import Services
from trading.research.model_forward import ModelForward, ModelPlan, walk_model
from trading.research.samples import Samples, samples_of
from trading.research.scoring import figures_of_result, trial_from
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import past_timeline, read_history, session_before, timeline_of
from trading.tasks.replay_runs import LIST, MARKET, all_trials, benchmarks_of, configuration_of

RULES, WITH_MODEL = "rules", "rules + model"
WARM_UP = timedelta(days=370)
"""Daily bars before the first sample: technicals need 250 of them."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a model took away in a replay: entries that it stopped or made smaller, and hours in which it refused."""

    entries: int
    shrunk: int
    refused_hours: int


@dataclass(frozen=True)
class ModelEvaluation:
    """What a walk-forward came to.

    Attributes:
        forward: windows, quality of the chances, importance of the features.
        figures: of "rules", "rules + model" and what was simply held, in that order.
        deflated: probability that a replay's Sharpe ratio is more than luck over all logged trials.
        trial_count: logged trials, those of this evaluation included.
    """

    strategy: str
    first_on: date
    last_on: date
    is_synthetic: bool
    forward: ModelForward
    figures: Mapping[str, Figures]
    deflated: Mapping[str, float | None]
    taken: Taken
    trial_count: int

    @property
    def helps(self) -> bool:
        """Whether the chances beat the base rate, and the book with them the book without, in growth and in Sharpe."""
        quality, rules, with_model = self.forward.quality, self.figures[RULES], self.figures[WITH_MODEL]
        better = all((with_model[k] or 0.0) > (rules[k] or 0.0) for k in ("sharpe", "cagr_frac"))
        return quality is not None and quality.knows_something and better


def trainer_of(services: Services) -> TreeTrainer:
    """Return what fits trees."""
    if services.trainer is None:
        raise PermanentError("nothing here fits models; train through ./airdesk model train")
    return services.trainer


def evaluate(
    services: Services,
    spec: StrategySpec,
    plan: ModelPlan,
    *,
    first_on: date,
    last_on: date,
    since: date,
    cash_usd: Decimal,
    terms: Terms,
    costs: CostModel,
) -> ModelEvaluation:
    """Return the walk-forward over [first_on, last_on], with both replays logged as trials.

    Args:
        since: first session to learn from; history before the first sample is read on top.
    """
    timeline = past_timeline(services, first_on, last_on)
    facts, is_synthetic = read_all(services, spec, since, timeline)
    samples, before = learned(services, spec, facts, timeline, terms, plan.label, since)
    forward = walk_model(samples, before, timeline.sessions, plan, trainer_of(services))
    results = {
        name: replay(spec, facts, timeline, book=_BOOK, cash_usd=cash_usd, terms=terms, costs=costs, eras=eras)
        for name, eras in ((RULES, ()), (WITH_MODEL, forward.eras))
    }
    told = {name: figures_of_result(result) for name, result in results.items()}
    trials = {
        RULES: _trial(spec, told[RULES], timeline, terms, cash_usd, costs, ()),
        WITH_MODEL: _trial(spec, told[WITH_MODEL], timeline, terms, cash_usd, costs, forward.eras),
    }
    with services.store.transaction() as tx:
        for trial in trials.values():
            tx.replays.log_trial(trial)
        every = all_trials(tx)
    held = benchmarks_of(facts, spec, timeline)
    return ModelEvaluation(
        strategy=spec.label,
        first_on=timeline.sessions[0].session_on,
        last_on=timeline.sessions[-1].session_on,
        is_synthetic=is_synthetic,
        forward=forward,
        figures=told | {name: _held(held[name]) for name in (LIST, MARKET) if name in held},
        deflated={name: deflated_sharpe(trial, every) for name, trial in (trials | _held_trials(held)).items()},
        taken=_taken(results[WITH_MODEL]),
        trial_count=len(every),
    )


_BOOK = BookId(BookKind.REPLAY, "evaluation")


def read_all(services: Services, spec: StrategySpec, since: date, timeline: Timeline) -> tuple[Facts, bool]:
    """Return every fact that samples from `since` on and the replay may read, and whether any is SYNTHETIC."""
    whole = Timeline((*_before(services, since, timeline), *timeline.sessions), timeline.before, timeline.after)
    reach = datetime.combine(since, time(), UTC) - WARM_UP
    return read_history(services, spec, whole, daily_since=reach)


def learned(
    services: Services,
    spec: StrategySpec,
    facts: Facts,
    timeline: Timeline,
    terms: Terms,
    label: LabelSpec,
    since: date,
) -> tuple[Samples, tuple[Session, ...]]:
    """Return the samples from the first daily bar on, `since` at the earliest, and the sessions before `timeline`."""
    bars = [series for (_, kind), series in facts.bars.items() if kind is Resolution.DAY and len(series)]
    if not bars:
        raise PermanentError("no daily bars are stored to learn from; load history: ./airdesk data pull --help")
    first_bar_on: date = min(series.starts_at[0] for series in bars).astype("datetime64[D]").item()
    first_on, last_on = max(since, first_bar_on), timeline.sessions[-1].session_on
    if first_on >= timeline.sessions[0].session_on:
        raise PermanentError(f"no daily bars are stored before {timeline.sessions[0].session_on}; begin later")
    whole = timeline_of(services.calendar, first_on, last_on)
    samples = samples_of(spec, facts, whole, terms, label)
    return samples, tuple(s for s in whole.sessions if s.session_on < timeline.sessions[0].session_on)


def _before(services: Services, since: date, timeline: Timeline) -> Sequence[Session]:
    last_on = session_before(services.calendar, timeline.sessions[0].session_on).session_on
    return services.calendar.sessions(since, last_on) if since <= last_on else ()


def _trial(
    spec: StrategySpec,
    figures: Figures,
    timeline: Timeline,
    terms: Terms,
    cash_usd: Decimal,
    costs: CostModel,
    eras: Sequence[ModelEra],
) -> Trial:
    models = [era.model.model_id for era in eras if era.model is not None]
    told = configuration_of(
        spec, timeline, terms, cash_usd=cash_usd, costs=costs.described(), models=models or (["none"] if eras else [])
    )
    return trial_from(figures, spec_hash=spec.spec_hash, configuration_hash=configuration_hash(told))


def _held(growth: FloatArray) -> Figures:
    return asdict(figures_of(growth))


def _held_trials(held: Mapping[str, FloatArray]) -> dict[str, Trial]:
    """Return what was simply held in the shape of trials; nobody chose it, so it is not logged as one."""
    curves = {name: held[name] for name in (LIST, MARKET) if name in held}
    return {n: trial_of(daily_returns(c), spec_hash="", configuration_hash=n) for n, c in curves.items()}


def _taken(result: ReplayResult) -> Taken:
    entries = [o for o in result.orders if o.purpose is OrderPurpose.ENTRY]
    return Taken(len(entries), sum(MODEL in (o.detail or "") for o in entries), result.denials.get(MODEL, 0))
