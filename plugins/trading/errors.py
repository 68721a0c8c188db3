"""What can go wrong, and who acts on it.

`TransientError`: waiting helps, the task is retried. `PermanentError`: a person must change something.
`InvariantBroken`: the code or the books are wrong; the task fails at once and trading is paused.
A rule that is not met, a veto or a closed market is a value, never an exception.
"""

from __future__ import annotations

from datetime import datetime


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


class VendorError(AirdeskError):
    """A data vendor did not give what was asked for. The text never holds a URL, a header or a key.

    Attributes:
        vendor: its name. status: HTTP status; None where no whole reply came.
        code: the vendor's own word for it, as far as it gives one.
        excerpt: the beginning of what it said instead of data, secrets removed.
    """

    def __init__(
        self, message: str, *, vendor: str, status: int | None = None, code: str | None = None, excerpt: str = ""
    ) -> None:
        # Not super(): the other parent of a subclass may want arguments of its own.
        AirdeskError.__init__(self, message)
        self.vendor, self.status, self.code, self.excerpt = vendor, status, code, excerpt


class VendorUnavailable(VendorError, TransientError):
    """No answer, a 5xx, or something that is not the data: an outage, tried again later."""


class VendorRateLimited(VendorError, RateLimited):
    """The vendor, or its quota as we count it, asks for a pause."""

    def __init__(
        self,
        message: str,
        *,
        vendor: str,
        retry_after_seconds: float,
        status: int | None = None,
        code: str | None = None,
        excerpt: str = "",
    ) -> None:
        VendorError.__init__(self, message, vendor=vendor, status=status, code=code, excerpt=excerpt)
        self.retry_after_seconds = retry_after_seconds


class CircuitOpen(VendorRateLimited):
    """The vendor failed several times in a row and is left alone for a while; nothing was asked."""


class VendorRefused(VendorError, PermanentError):
    """The vendor refuses the request or answers with what we cannot use; asking again gives the same."""


class NotEntitled(VendorRefused):
    """The plan does not include it (403): the capability is off for the day, the source is skipped."""


class UnknownSymbol(VendorRefused):
    """The vendor does not know it (404): this symbol fails, the others go on."""


class SymbolNotEntitled(NotEntitled, UnknownSymbol):
    """The plan does not include this kind of symbol: this one fails, the others go on."""


class QuotaExhausted(VendorRefused):
    """The day's calls or the month's money are used up: skip the source, do not wait.

    Attributes:
        resumes_at: when there is quota again; None where only the vendor knows.
    """

    def __init__(
        self,
        message: str,
        *,
        vendor: str,
        status: int | None = None,
        code: str | None = None,
        excerpt: str = "",
        resumes_at: datetime | None = None,
    ) -> None:
        super().__init__(message, vendor=vendor, status=status, code=code, excerpt=excerpt)
        self.resumes_at = resumes_at


class PartlyAnswered(VendorRefused):
    """A quota or a plan ended between two questions of one call: what came before is whole and is kept.

    Attributes:
        end: what ended the questions.
    """

    def __init__(self, end: QuotaExhausted | NotEntitled) -> None:
        super().__init__(str(end), vendor=end.vendor, status=end.status, code=end.code, excerpt=end.excerpt)
        self.end = end


class AccountCapped(VendorRefused):
    """The vendor serves this account no more in this month: it is off until the next one; an operator hears."""


class BrokerRefused(PermanentError):
    """The broker (or the interlock in front of it) refused; nothing was sent."""


class OutcomeUnknown(PermanentError):
    """An order may or may not have reached the broker; it is parked and never resent by itself."""


class InvariantBroken(AirdeskError):
    """An illegal transition, books that do not tie, data from the future: trading must stop."""
