"""What a task leaves for machines that watch: ids on each of its log lines, and its counts as Airflow's metrics.

Airflow sends metrics where it is told to (StatsD, or OpenTelemetry: AIRFLOW__METRICS__*); without that they go nowhere.
Nothing here may fail a task.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from airflow.sdk.observability.stats import Stats

from trading.domain.instruments import BookId
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.metrics import PREFIX, readings_of
from trading.tasks.report import StepReport

log = logging.getLogger(__name__)


@contextmanager
def with_ids(**ids: str) -> Iterator[None]:
    """Put ids on every log line of the block, and take away those that the block added."""
    with structlog.contextvars.bound_contextvars(**ids):
        try:
            yield
        finally:
            structlog.contextvars.unbind_contextvars("book", "decision")


def with_book(book: BookId) -> None:
    """Put the book on the lines that follow."""
    structlog.contextvars.bind_contextvars(book=str(book))


def note_report(report: StepReport, *, book: str) -> None:
    """Put the decision's id on the lines that follow, and each count of the report into a metric."""
    if report.decision_id is not None:
        structlog.contextvars.bind_contextvars(decision=report.decision_id)
    _gauges({f"{report.step}.{name}": float(count) for name, count in report.counts.items()}, book=book)
    if report.degraded:
        _count(f"{report.step}.degraded", book=book)


def note_desk(services: Services, spec: StrategySpec, *, book: BookId, as_of: datetime) -> None:
    """Put into metrics how the book stands after its hour, how old its data are and what waits for people."""
    try:
        for reading in readings_of(services, spec, book, as_of):
            _gauges({reading.metric: reading.value}, book=str(book), **reading.tags)
    except Exception:
        log.warning("the desk's metrics could not be read", exc_info=True)


def _gauges(values: Mapping[str, float], **tags: Any) -> None:
    try:
        for name, value in values.items():
            Stats.gauge(f"{PREFIX}.{name}", value, tags=tags)
    except Exception:
        log.warning("metrics could not be sent", exc_info=True)


def _count(name: str, **tags: Any) -> None:
    try:
        Stats.incr(f"{PREFIX}.{name}", tags=tags)
    except Exception:
        log.warning("metrics could not be sent", exc_info=True)
