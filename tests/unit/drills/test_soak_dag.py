"""The soak runs tasks in the order, under the trigger rules and with the retries of the hourly DAG."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from trading.domain.market import Slot
from trading.drills.attempt import EndKind
from trading.drills.soak.dag import HOURLY, TRIES, Colour, Outcome, Run, Step, run_step
from trading.errors import InvariantBroken, PermanentError, TransientError, VendorRateLimited
from trading.tasks.report import StepReport

AT = datetime(2021, 6, 10, 14, 30, tzinfo=UTC)
SLOT = Slot(date(2021, 6, 10), AT - timedelta(hours=1), AT, is_closing=False)


class Scripted:
    """Attempts that end as written, then well."""

    def __init__(self, **ends) -> None:
        self.ends, self.pauses, self.red = ends, [], []

    def attempt(self, run, step, try_number):
        ends = self.ends.get(step.name, [])
        error = ends.pop(0) if ends else None
        if error is None:
            return Outcome(EndKind.DONE, report=StepReport(step.name))
        if isinstance(error, EndKind):
            return Outcome(error)
        return Outcome(EndKind.TRANSIENT if isinstance(error, TransientError) else EndKind.PERMANENT, error=error)

    def pause(self, wait):
        self.pauses.append(wait)

    def failed(self, run, step, outcome):
        self.red.append(step.name)


def hour(**ends) -> tuple[Run, Scripted]:
    run, attempts = Run("hourly_trading", SLOT), Scripted(**ends)
    for step in HOURLY:
        run_step(run, step, attempts)
    return run, attempts


def test_what_passes_is_retried_and_the_run_is_green():
    run, attempts = hour(ingest_news=[TransientError("later"), EndKind.KILLED], execute=[EndKind.KILLED])
    assert not run.is_red
    assert (run.tries["ingest_news"], run.tries["execute"], attempts.red) == (3, 2, [])
    assert attempts.pauses == [timedelta(seconds=20)] * 3


def test_what_never_passes_is_red_and_the_hour_goes_on():
    run, attempts = hour(ingest_prices=[TransientError("away")] * TRIES)
    assert (run.tries["ingest_prices"], attempts.red) == (TRIES, ["ingest_prices"])
    assert run.colours["execute"] is Colour.GREEN
    assert run.is_red


def test_a_refusal_is_not_retried_and_a_vendors_pause_is_kept_up_to_ten_minutes():
    _, attempts = hour(
        ingest_prices=[PermanentError("bad key")],
        ingest_news=[VendorRateLimited("429", vendor="v", retry_after_seconds=30.0)],
        ingest_fundamentals=[VendorRateLimited("429", vendor="v", retry_after_seconds=3600.0)],
    )
    assert attempts.red == ["ingest_prices", "ingest_fundamentals"]
    assert attempts.pauses == [timedelta(seconds=30)]


def test_without_the_broker_nothing_is_decided_or_sent_and_it_is_reported():
    run, attempts = hour(sync_broker=[InvariantBroken("cash")])
    assert run.colours["decide"] is Colour.RED
    assert run.colours["execute"] is Colour.LEFT_OUT
    assert run.colours["report"] is Colour.GREEN
    assert attempts.red == ["sync_broker", "decide"]


def test_a_degraded_task_makes_the_run_red_and_no_task():
    run, attempts = Run("hourly_trading", SLOT), Scripted()
    attempts.attempt = lambda *_: Outcome(EndKind.DONE, report=StepReport("x", notes=("no VIX",), degraded=True))
    run_step(run, Step("ingest_prices", None), attempts)
    assert (run.problems, attempts.red) == (["ingest_prices is degraded: no VIX"], [])
