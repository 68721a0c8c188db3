"""What a model's walk-forward and the registry say in the terminal. Every row is printed, whoever does better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from trading.domain.market import SYNTHETIC
from trading.domain.models import ModelEvent, ModelRecord, champion_of
from trading.domain.searches import Figures
from trading.reporting.figures import LINES, benchmark_name
from trading.reporting.tables import table_of
from trading.reporting.wording import counted, percent, probability, ratio, whole
from trading.research.classifier import Quality
from trading.research.model_forward import ModelForward, WindowModel

_FIGURES = ("cagr_frac", "sharpe", "drawdown_frac")
MOST_FEATURES = 8


def figures_table(title: str, figures: Mapping[str, Figures], deflated: Mapping[str, float | None]) -> Table:
    """Return one line for each way to have invested; a deflated Sharpe exists for what was chosen among trials."""
    lines = [line for line in LINES if line.key in _FIGURES]
    table = table_of(title, "", *(line.name for line in lines), "deflated", "entries", "exposure")
    for name, told in figures.items():
        rest = (probability(deflated.get(name)), whole(told.get("entries")), percent(told.get("exposure_frac")))
        table.add_row(benchmark_name(name), *(line.of(told) for line in lines), *rest)
    return table


def quality_lines(quality: Quality | None) -> Iterator[str]:
    """Yield what the chances were worth."""
    if quality is None:
        yield "no window had a model and labels, so nothing is said of its chances"
        return
    beats = "better than" if quality.knows_something else "no better than"
    yield (
        f"Brier {quality.brier:.4f} of {counted(quality.count, 'sample')}, {beats} the base rate's "
        f"{quality.base_brier:.4f}; AUC {ratio(quality.auc)}; mean chance {quality.mean_chance:.3f}, "
        f"{quality.base_frac:.3f} gained"
    )


def reliability_table(quality: Quality) -> Table:
    """Return what came of each tenth of the chances."""
    table = table_of("chances by tenths", "mean chance", "gained", "samples")
    for chance, gained, count in quality.reliability:
        table.add_row(f"{chance:.3f}", f"{gained:.3f}", whole(count))
    return table


def windows_table(windows: Sequence[WindowModel]) -> Table:
    """Return one line for each test window and what its model was trained on."""
    table = table_of("windows", "test from", "to", "trained through", "samples", "gained", "model")
    for window in windows:
        model = "none: nothing learned that held" if window.model is None else f"slope {window.model.slope:.2f}"
        days = (window.first.session_on, window.last.session_on, window.train_last_on)
        table.add_row(*map(str, days), whole(window.train_count), f"{window.base_frac:.3f}", model)
    return table


def print_forward(console: Console, forward: ModelForward) -> None:
    """Print windows, chances and features."""
    console.print(windows_table(forward.windows))
    for line in quality_lines(forward.quality):
        console.print(line, highlight=False)
    if forward.quality is not None:
        console.print(reliability_table(forward.quality))
    told = [f"{name} {lost:+.5f}" for name, lost in list(forward.importance.items())[:MOST_FEATURES]]
    if told:
        console.print(f"Brier lost when a feature is shuffled: {', '.join(told)}", highlight=False)


def verdict(*, helps: bool) -> str:
    """Return the one sentence that a reader looks for."""
    if helps:
        return "out of sample the model helped; it is heard only once a person promotes it"
    return "out of sample the model did not help; it stays unpromoted, and the rules go alone"


def models_table(records: Sequence[ModelRecord], events: Sequence[ModelEvent]) -> Table:
    """Return every model of the registry, the newest first."""
    table = table_of("models", "model", "trained to", "Brier/base", "Sharpe/rules", "state")
    champion = champion_of(events)
    last = {event.model_id: event for event in events}
    for record in records:
        state = "promoted" if record.model_id == champion else _past(last.get(record.model_id))
        badge = f"{SYNTHETIC} " if record.is_synthetic else ""
        table.add_row(record.model_id, str(record.train_last_on), *_walked(record), f"{badge}{state}")
    return table


def _past(event: ModelEvent | None) -> str:
    return (
        "candidate" if event is None else {"bench": "benched", "rollback": "taken back"}.get(event.action, "replaced")
    )


def _walked(record: ModelRecord) -> tuple[str, str]:
    walked: Any = record.metrics.get("walk_forward")
    if not walked:
        return "–", "–"
    quality, figures = walked["quality"], walked["figures"]
    hits = f"{quality['brier']:.3f}/{quality['base_brier']:.3f}" if quality else "–"
    return hits, f"{ratio(figures['rules + model']['sharpe'])}/{ratio(figures['rules']['sharpe'])}"


def record_lines(record: ModelRecord) -> Iterator[str]:
    """Yield what the registry knows of a model, but its figures."""
    label, calibration = record.label, record.metrics["calibration"]
    badge = f"{SYNTHETIC} " if record.is_synthetic else ""
    yield f"{badge}{record.model_id}, made {record.created_at:%Y-%m-%d %H:%M} UTC"
    yield f"file {record.file_name}, sha256 {record.sha256}"
    yield (
        f"trained on {record.train_first_on} to {record.train_last_on}, "
        f"{counted(record.metrics['samples'], 'sample')}; heard in hours after {record.usable_from:%Y-%m-%d %H:%M} UTC"
    )
    yield (
        f"label: gain within {label.horizon_sessions} sessions under a {label.trail_frac:.0%} trailing stop and a "
        f"{label.take_profit_frac:.0%} target; calibration {calibration['slope']:.3f}, {calibration['intercept']:.3f}"
    )
    yield f"fitted by {record.library} for {record.strategy} {record.spec_hash}, code {record.code_version}"
    yield f"features: {', '.join(record.features)}"
