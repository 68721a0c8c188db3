"""Which failures are worth another try: the class of the error decides, as in `trading.errors`."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from airflow.sdk import RetryDecision, RetryPolicy

from trading.errors import QuotaExhausted, RateLimited
from trading.tasks.failing import again

A_DAY = timedelta(days=1)
AFTER_MIDNIGHT = timedelta(minutes=5)
"""A load of history that waits for the next day's calls leaves the first minutes to others."""


class ByErrorClass(RetryPolicy):
    """Waiting helps a `TransientError` only; anything that is not ours keeps the task's ordinary retries."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: object = None
    ) -> RetryDecision:
        """Return whether the task is tried again, and when."""
        verdict = again(exception)
        if verdict is None:
            return RetryDecision.default()
        if not verdict.is_worth:
            return RetryDecision.fail(reason=verdict.reason)
        if verdict.wait is not None:
            return RetryDecision.retry(delay=verdict.wait, reason=verdict.reason)
        return RetryDecision.retry(reason=f"{verdict.reason}; try {try_number} of {max_tries + 1}")


class Patient(ByErrorClass):
    """Bulk history has time: a pause of up to a day is waited for, and so is the next day's quota."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: object = None
    ) -> RetryDecision:
        """Return whether the task is tried again, and when."""
        if isinstance(exception, QuotaExhausted):
            now = datetime.now(UTC)
            midnight = datetime.combine(now.date() + A_DAY, time(), UTC)
            wait = (exception.resumes_at or midnight) - now + AFTER_MIDNIGHT
            if wait <= A_DAY + AFTER_MIDNIGHT:
                return RetryDecision.retry(delay=wait, reason="waiting for the next day's calls")
        elif isinstance(exception, RateLimited) and exception.retry_after_seconds <= A_DAY.total_seconds():
            wait = timedelta(seconds=exception.retry_after_seconds)
            return RetryDecision.retry(delay=wait, reason="the vendor named the wait")
        return super().evaluate(exception, try_number, max_tries, context)
