"""What the night writes: the report of the day, of the comparison, of the week at its end, of a rebalance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.messages import MessageKind
from trading.domain.retention import RETENTION, Kept
from trading.errors import PermanentError, TransientError
from trading.ports import MarketCalendar, Services
from trading.reporting.document import Report, caption_of, page_of, picture_of
from trading.strategy.spec import StrategySpec
from trading.tasks.report import StepReport
from trading.tasks.reports.daily import daily_report
from trading.tasks.reports.rebalance import rebalance_report
from trading.tasks.reports.reconciliation import reconciliation_report
from trading.tasks.reports.weekly import weekly_report

KEPT = timedelta(days=RETENTION[Kept.REPORTS].amount)
"""How long reports stay in the state folder."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A report of a night, and the kind of its message; None for a file without one."""

    what: str
    kind: MessageKind | None
    make: Callable[[], Report]


def report_night(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Write the reports of a session into the state folder, and put their pictures into the outbox, each once.

    A report that fails is left out and named; the others are made all the same. A session that still runs, for which a
    person started the night by hand, is written and not sent: its message is that of the close.

    Raises:
        PermanentError, TransientError: one of them failed, after all the others were made.
    """
    with services.store.transaction() as tx:
        has_marks = book in tx.ledger.books() and any(m.session_on == slot.session_on for m in tx.standing.marks(book))
    if not has_marks:
        return StepReport("report_night", notes=(f"skipped: {book} has no mark of {slot.session_on}",))
    written, failed = 0, dict[str, Exception]()
    for planned in _planned(services, spec, book, slot):
        try:
            written += _deliver(services, book, slot, planned)
        # Whatever goes wrong with one report, a chart of odd numbers or a broken promise, is no reason to lose the
        # others, and none to halt the book.
        except Exception as error:  # noqa: BLE001
            failed[planned.what] = error
    pruned = 0 if services.report_files is None else services.report_files.prune(services.clock.now() - KEPT)
    if failed:
        told = "; ".join(f"{what}: {error}" for what, error in failed.items())
        is_passing = all(isinstance(error, TransientError) for error in failed.values())
        kind = TransientError if is_passing else PermanentError
        raise kind(f"{told}; the others were made, make it by hand: ./airdesk report")
    return StepReport("report_night", {"reports": written, "old_files_deleted": pruned})


def _planned(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> Iterator[_Planned]:
    on = slot.session_on
    yield _Planned("daily", MessageKind.DAILY_REPORT, lambda: daily_report(services, spec, book, on))
    yield _Planned("reconciliation", None, lambda: reconciliation_report(services, book, on))
    if slot.is_closing and ends_week(services.calendar, slot):
        yield _Planned("weekly", MessageKind.WEEKLY_REPORT, lambda: weekly_report(services, spec, book, on))
    with services.store.transaction() as tx:
        preview = tx.risk.preview_at(book)
    if preview is not None and preview.as_of.date() == on:
        at = preview.as_of
        yield _Planned("rebalance", MessageKind.REBALANCE_REPORT, lambda: rebalance_report(services, spec, book, at))


def ends_week(calendar: MarketCalendar, slot: Slot) -> bool:
    """Whether a session is the last one of its week, also where a holiday ends it early."""
    following = calendar.next_session(slot.session_on).session_on
    return following.isocalendar()[:2] != slot.session_on.isocalendar()[:2]


def _deliver(services: Services, book: BookId, slot: Slot, planned: _Planned) -> int:
    report = planned.make()
    picture = picture_of(report)
    # Told first: a full disk keeps no news from anybody.
    if planned.kind is not None and slot.is_closing:
        with services.store.transaction() as tx:
            tx.controls.notify(
                dedupe_key=f"{planned.kind}:{book}:{slot.session_on}",
                book=book,
                kind=planned.kind,
                body=f"{book.badge} {book}: {caption_of(report)}",
                picture=picture,
            )
    if services.report_files is not None:
        services.report_files.write(f"{report.name}.html", page_of(report).encode())
        services.report_files.write(f"{report.name}.png", picture)
    return 1
