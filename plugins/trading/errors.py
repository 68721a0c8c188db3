"""What can go wrong, and who acts on it.

`TransientError`: waiting helps, the task is retried. `PermanentError`: a person must change something.
`InvariantBroken`: the code or the books are wrong; the task fails at once and trading is paused.
A rule that is not met, a veto or a closed market is a value, never an exception.
"""

from __future__ import annotations


class AirdeskError(Exception):
    """Base of every error that this project raises on purpose; its text ends with the next action."""


class TransientError(AirdeskError):
    """Waiting helps: a timeout, a restarting gateway, a busy server."""


class RateLimited(TransientError):
    """A vendor asked us to wait.

    Attributes:
        retry_after_seconds: how long the vendor asked for, in seconds.
    """

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class PermanentError(AirdeskError):
    """Retrying cannot help: a bad key, a changed payload, a rejected order. An operator acts."""


class ConfigurationError(PermanentError):
    """A setting is missing or contradicts another one."""


class DataRejected(PermanentError):
    """Input from outside is not usable as a whole; nothing of it was stored."""


class BrokerRefused(PermanentError):
    """The broker (or the interlock in front of it) refused; nothing was sent."""


class OutcomeUnknown(PermanentError):
    """An order may or may not have reached the broker; it is parked and never resent by itself."""


class InvariantBroken(AirdeskError):
    """An illegal transition, books that do not tie, data from the future: trading must stop."""
