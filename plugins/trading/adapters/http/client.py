"""GETs of one vendor, as tasks want them: paced by the ledger, tried again where that helps, typed when they fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from trading.adapters.http.redaction import install_redaction, redact, redact_body, register_secret
from trading.adapters.http.reply import Kind, Reply, Unreadable, check, json_of, text_of
from trading.adapters.http.terms import VendorTerms, host_of
from trading.adapters.http.transfer import NoReply, TooLarge, transfer
from trading.adapters.http.verdicts import CAP_SECONDS, OK, SERVER_ERRORS, excerpt_of, refusal
from trading.errors import (
    AccountCapped,
    NotEntitled,
    QuotaExhausted,
    TransientError,
    VendorError,
    VendorRateLimited,
    VendorRefused,
    VendorUnavailable,
)
from trading.ports.calls import CallLedger, CallResult

TRIES = 3
BACKOFF_SECONDS = (0.5, 1.0)
"""After an outage, before the second and the third try."""
CALL_SECONDS = 120.0
"""All that one call may take: a server that dribbles does not hold a pull of hours for hours."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 3
ENDPOINT_CHARACTERS = 200


class HttpClient:
    """One vendor for the length of one task.

    Args:
        terms: of the vendor.
        calls: the ledger that every process shares; each try, page and redirect passes it.
        deadline_seconds: everything that this client does ends so long after its first request; make one per task.
        sleep: how to wait between tries.
    """

    def __init__(
        self,
        terms: VendorTerms,
        calls: CallLedger,
        *,
        deadline_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._terms, self._calls, self._sleep = terms, calls, sleep
        self._deadline_seconds = deadline_seconds
        self._ends_at: float | None = None
        register_secret(terms.secret)
        install_redaction()

    def get(
        self,
        path: str,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        kind: Kind = Kind.DATA,
        capability: str | None = None,
        units: int = 1,
    ) -> Reply:
        """Return the reply to GET `path`, status 200 and checked to be of `kind`. A web page is never data.

        Args:
            path: below the base URL, symbols in it percent-encoded.
            params: without the key; None values are left out.
            capability: what of the plan this needs; a 403, or a quota that the vendor calls used up, switches it off
                for the UTC day (a closed account: for the month), and later calls raise at once.
            units: most priced units that the reply can hold.

        Raises:
            VendorUnavailable, VendorRateLimited, CircuitOpen: waiting helps.
            VendorRefused, NotEntitled, UnknownSymbol, QuotaExhausted: it does not.
        """
        return self._fetch(
            self._terms.url_of(path), params, headers, lambda reply: check(reply, kind), capability, units
        )

    def get_json(
        self,
        path: str,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        capability: str | None = None,
        units: int = 1,
    ) -> Any:
        """Return the parsed reply to GET `path`; see `get`. NaN and Infinity in it are refused."""
        return self._fetch(self._terms.url_of(path), params, headers, json_of, capability, units)

    def get_text(
        self,
        path: str,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return the text of the reply to GET `path`; see `get`."""
        return self._fetch(self._terms.url_of(path), params, headers, text_of, None, 1)

    def follow(self, next_url: str, *, kind: Kind = Kind.JSON, capability: str | None = None) -> Reply:
        """Return the page at an address that the vendor named, if it is one of the vendor's own; see `get`."""
        return self._fetch(next_url, None, None, lambda reply: check(reply, kind), capability, 1)

    def _fetch[T](
        self,
        url: str,
        params: Mapping[str, object] | None,
        headers: Mapping[str, str] | None,
        read: Callable[[Reply], T],
        capability: str | None,
        units: int,
    ) -> T:
        self._start()
        if capability and (reason := self._calls.off_reason(self._terms.name, capability)):
            raise NotEntitled(
                f"{self._terms.name}: {capability} is off for now ({reason}); use another source",
                vendor=self._terms.name,
            )
        failure: VendorError
        for number in range(1, TRIES + 1):
            answer = self._try(url, dict(params or {}), dict(headers or {}), read, units)
            if not isinstance(answer, VendorError):
                return answer
            failure = answer
            if isinstance(failure, NotEntitled | QuotaExhausted | AccountCapped) and capability:
                is_for_month = isinstance(failure, AccountCapped)
                self._calls.switch_off(self._terms.name, capability, reason=str(failure), is_for_month=is_for_month)
            wait = _pause_before_next(failure, number)
            if wait is None or wait >= self._left():
                break
            self._sleep(wait)
        raise failure

    def _try[T](
        self,
        url: str,
        params: Mapping[str, object],
        headers: Mapping[str, str],
        read: Callable[[Reply], T],
        units: int,
    ) -> T | VendorError:
        """Return what one try gave, redirects followed on the same host; each of them is a call of its own."""
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._call(url, params, headers, read, units)
            if not isinstance(answer, _Elsewhere):
                return answer
            if host_of(answer.url) != host_of(url):
                break
            # The address of a redirect holds the parameters already.
            url, params = answer.url, {}
        return self._refused("it sends us elsewhere, which is not followed; correct the base URL")

    def _call[T](
        self,
        url: str,
        params: Mapping[str, object],
        headers: Mapping[str, str],
        read: Callable[[Reply], T],
        units: int,
    ) -> T | VendorError | _Elsewhere:
        """Take one call out of the quota, make it, and note how it ended."""
        terms = self._terms
        if not terms.allows(url):
            return self._refused("an address outside its own hosts was refused; tell its adapter's author")
        if (left := self._left()) <= 0:
            return self._unavailable("the task's time is used up")
        endpoint = redact(urlsplit(url).path)[:ENDPOINT_CHARACTERS]
        call_id = self._calls.acquire(terms.name, endpoint, terms.quota, wait_seconds=left, units=units)
        started_at = time.monotonic()
        answer, result = self._outcome(url, params, headers, read)
        self._calls.note(call_id, replace(result, duration_ms=round((time.monotonic() - started_at) * 1000)))
        return answer

    def _outcome[T](
        self, url: str, params: Mapping[str, object], headers: Mapping[str, str], read: Callable[[Reply], T]
    ) -> tuple[T | VendorError | _Elsewhere, CallResult]:
        # Waiting for the ledger may have taken all of it; a moment is left so that the call ends by the same rule.
        seconds = max(min(self._left(), CALL_SECONDS), 0.001)
        try:
            reply = transfer(self._terms, url, params=params, headers=headers, seconds=seconds)
        except NoReply as error:
            # A task in its last second says nothing about the vendor.
            is_outage = not error.is_slow or seconds >= self._terms.read_seconds
            return self._unavailable(str(error)), CallResult(None, 0, str(error), is_outage)
        except TooLarge:
            megabytes = self._terms.max_body_bytes / 1e6
            refused = self._refused(f"the reply is larger than {megabytes:g} MB; ask for less at once")
            return refused, CallResult(OK, 0, "too large")
        if reply.status in REDIRECTS and "location" in reply.headers:
            return _Elsewhere(_joined(url, reply.headers["location"])), CallResult(reply.status, 0)
        if self._terms.judge and (verdict := self._terms.judge(reply)):
            is_outage = isinstance(verdict, VendorUnavailable)
            return verdict, CallResult(reply.status, 0, "refused", is_outage, verdict.excerpt)
        excerpt = excerpt_of(reply.body)
        if reply.status != OK:
            is_outage = reply.status >= SERVER_ERRORS
            return refusal(self._terms, reply), CallResult(reply.status, 0, "refused", is_outage, excerpt)
        try:
            return read(reply), CallResult(OK, 0, body=redact_body(reply.body))
        except Unreadable as error:
            answer = self._unavailable(f"the reply is {error}", status=OK, excerpt=excerpt)
            return answer, CallResult(OK, 0, str(error), is_outage=True, excerpt=excerpt)

    def _start(self) -> None:
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self._deadline_seconds

    def _left(self) -> float:
        assert self._ends_at is not None
        return self._ends_at - time.monotonic()

    def _refused(self, why: str) -> VendorRefused:
        return VendorRefused(f"{self._terms.name}: {why}", vendor=self._terms.name)

    def _unavailable(self, why: str, *, status: int | None = None, excerpt: str = "") -> VendorUnavailable:
        text = f"{self._terms.name}: {why}; try again later"
        return VendorUnavailable(text, vendor=self._terms.name, status=status, excerpt=excerpt)


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A redirect; the address may hold the key."""

    url: str


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def _pause_before_next(failure: VendorError, number: int) -> float | None:
    """Return how long to wait before the next try [s]; None where there is none."""
    if number == TRIES or not isinstance(failure, TransientError):
        return None
    if isinstance(failure, VendorRateLimited):
        return failure.retry_after_seconds if failure.retry_after_seconds <= CAP_SECONDS else None
    return BACKOFF_SECONDS[number - 1]
