"""Which failures are worth another try: the class of the error decides, as in `trading.errors`."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import RetryDecision, RetryPolicy

from trading.errors import InvariantBroken, PermanentError, RateLimited, TransientError

MAX_WAIT = timedelta(minutes=10)
"""A vendor that asks for more is asked again in the next hour; a run must end before its next slot."""


class ByErrorClass(RetryPolicy):
    """Waiting helps a `TransientError` only; anything that is not ours keeps the task's ordinary retries."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: object = None
    ) -> RetryDecision:
        """Return whether the task is tried again, and when."""
        if isinstance(exception, RateLimited):
            wait = timedelta(seconds=exception.retry_after_seconds)
            if wait > MAX_WAIT:
                return RetryDecision.fail(reason=f"the vendor asks for {wait}, longer than a run may wait")
            return RetryDecision.retry(delay=wait, reason="the vendor named the wait")
        if isinstance(exception, TransientError):
            return RetryDecision.retry(reason=f"waiting helps; try {try_number} of {max_tries + 1}")
        if isinstance(exception, PermanentError):
            return RetryDecision.fail(reason="a person must change something first")
        if isinstance(exception, InvariantBroken):
            return RetryDecision.fail(reason="the books or the code are wrong")
        return RetryDecision.default()
