"""Interactive Brokers' Flex Web Service: ask for a statement, wait until it is made, fetch it.

The token travels in the URL, so no URL, no exception of the HTTP library and no redirect ever leaves this module.
"""

from __future__ import annotations

import logging
import re
import time
from urllib.parse import urlsplit

import requests

from trading.adapters.flex_statement import read_statement
from trading.domain.statements import Statement
from trading.errors import ConfigurationError, PermanentError, RateLimited, TransientError

HERE = frozenset({"127.0.0.1", "localhost", "::1"})
USER_AGENT = "airdesk"
"""The service refuses a request without one."""
VERSION = "3"
TIMEOUT_SECONDS = (10.0, 60.0)
"""To connect, and between two pieces of the answer."""
LIMIT_BYTES = 50_000_000
THROTTLED = "1018"
THROTTLED_SECONDS = 60.0
IN_PROGRESS = "1019"
RETRYABLE = {
    "1001": "the statement could not be made just now",
    "1004": "the statement is incomplete just now",
    "1005": "settlement data is not ready",
    "1006": "FIFO profit and loss is not ready",
    "1007": "MTM profit and loss is not ready",
    "1008": "MTM and FIFO profit and loss are not ready",
    "1009": "the server is under heavy load",
    THROTTLED: "too many requests with this token",
    IN_PROGRESS: "the statement is still being made",
    "1021": "the statement could not be fetched just now",
}
FATAL = {
    "1003": "there is no such statement; check the query's period",
    "1010": "the query is of the old kind; make it anew as an Activity Flex Query",
    "1011": "the service account is inactive; switch the Flex Web Service on in the client portal",
    "1012": "the token has expired; make a new one in the client portal and set AIRDESK_FLEX_TOKEN",
    "1013": "the token is bound to another address; correct its IP restriction in the client portal",
    "1014": "the query is invalid; correct AIRDESK_FLEX_QUERY",
    "1015": "the token is invalid; correct AIRDESK_FLEX_TOKEN",
    "1016": "the account is invalid; correct the query's account in the client portal",
    "1017": "the reference code is invalid; run the import again",
    "1020": "the request is invalid; correct AIRDESK_FLEX_URL and AIRDESK_FLEX_QUERY",
}
LONGEST_CODE = 6
"""A longer "code" may be anything, our token included, and is not repeated."""
_FIELD = re.compile(rb"<(Status|ReferenceCode|ErrorCode)>\s*([A-Za-z0-9]{1,40})\s*</\1>")


class FlexStatements:
    """`StatementSource` on the Flex Web Service.

    Args:
        url: folder of the two endpoints, without them; https unless it is on this machine.
        token: secret of the service.
        query: number of the Activity Flex Query.
        account: whose statement it must be; "" takes the only one.
        poll_seconds: pause between two looks for a statement that is still being made.
        polls: how many looks before the task is left to try again later.
    """

    def __init__(
        self, url: str, token: str, query: str, *, account: str, poll_seconds: float = 5.0, polls: int = 6
    ) -> None:
        try:
            place = urlsplit(url)
        except ValueError:
            # Its own text repeats the address.
            raise ConfigurationError("AIRDESK_FLEX_URL is not an address; correct it in .env") from None
        if place.scheme != "https" and not (place.scheme == "http" and place.hostname in HERE):
            raise ConfigurationError("AIRDESK_FLEX_URL must start with https://, because the token travels in it")
        self._url, self._token, self._query = url.rstrip("/"), token, query
        self._account, self._poll_seconds, self._polls = account, poll_seconds, polls
        # At DEBUG the HTTP library writes each request line, and the token with it.
        logging.getLogger("urllib3").setLevel(logging.INFO)

    def fetch(self) -> tuple[bytes, Statement]:
        """Return the newest statement as received and as read.

        Raises:
            TransientError: the service is busy, silent, or cut the answer off.
            PermanentError: the service refuses; the text says what to change.
            DataRejected: the statement holds something that we cannot read; nothing of it may be used.
        """
        reference = self._ask("SendRequest", self._query)
        fields = _fields(reference)
        if fields.get("Status") != "Success" or "ReferenceCode" not in fields:
            raise _refusal(fields.get("ErrorCode"))
        body = self._collect(fields["ReferenceCode"])
        return body, read_statement(body, account=self._account)

    def _collect(self, reference: str) -> bytes:
        for look in range(1, self._polls + 1):
            body = self._ask("GetStatement", reference)
            if b"<FlexStatementResponse" not in body[:1000]:
                return body
            code = _fields(body).get("ErrorCode")
            if code != IN_PROGRESS or look == self._polls:
                raise _refusal(code)
            time.sleep(self._poll_seconds)
        raise AssertionError("the last look returns or raises")

    def _ask(self, endpoint: str, query: str) -> bytes:
        """Return the body of one request. The library's errors hold the URL, so none of them is passed on."""
        try:
            with requests.get(
                f"{self._url}/{endpoint}",
                params={"t": self._token, "q": query, "v": VERSION},
                headers={"User-Agent": USER_AGENT},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = _limited(answer)
                status = answer.status_code
        except requests.RequestException as error:
            kind = type(error).__name__
            raise TransientError(
                f"Flex {endpoint}: no answer ({kind}); check AIRDESK_FLEX_URL, then try again"
            ) from None
        if status == requests.codes.ok:
            return body
        if status == requests.codes.too_many_requests or status >= requests.codes.internal_server_error:
            raise TransientError(f"Flex {endpoint}: the server answered {status}; try again later")
        raise PermanentError(f"Flex {endpoint}: the server answered {status}; correct AIRDESK_FLEX_URL")


def _limited(answer: requests.Response) -> bytes:
    body = bytearray()
    for piece in answer.iter_content(65_536):
        body += piece
        if len(body) > LIMIT_BYTES:
            raise PermanentError(
                f"the statement is larger than {LIMIT_BYTES // 1_000_000} MB; shorten the query's period"
            )
    return bytes(body)


def _fields(body: bytes) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in _FIELD.findall(body[:5000])}


def _refusal(code: str | None) -> TransientError | PermanentError:
    """Return the error for a code of the service; an unknown one is a person's business."""
    if code == THROTTLED:
        return RateLimited(
            f"Flex code {code}: {RETRYABLE[code]}; try again in {THROTTLED_SECONDS:g} s",
            retry_after_seconds=THROTTLED_SECONDS,
        )
    if code in RETRYABLE:
        return TransientError(f"Flex code {code}: {RETRYABLE[code]}; try again later")
    if code in FATAL:
        return PermanentError(f"Flex code {code}: {FATAL[code]}")
    is_number = code is not None and code.isdecimal() and len(code) <= LONGEST_CODE
    said = (
        f"code {code if is_number else 'of another shape'}, which is not documented"
        if code
        else "neither a reference nor an error code"
    )
    return PermanentError(f"Flex answered with {said}; look at the query in the client portal")
