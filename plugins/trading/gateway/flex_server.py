"""IB's Flex Web Service in miniature, for tests: two endpoints over HTTP on loopback. SIMULATED.

    GET http://127.0.0.1:PORT/FlexWebService/SendRequest?t=TOKEN&q=QUERY&v=3[&fd=YYYYMMDD&td=YYYYMMDD]
    GET http://127.0.0.1:PORT/FlexWebService/GetStatement?t=TOKEN&q=REFERENCE&v=3

The first answers with a reference code and the URL of the second:

    <FlexStatementResponse timestamp='03 June, 2019 11:40 PM EDT'>
    <Status>Success</Status>
    <ReferenceCode>1000000001</ReferenceCode>
    <Url>http://127.0.0.1:PORT/FlexWebService/GetStatement</Url>
    </FlexStatementResponse>

or with `<Status>Fail</Status>`, `<ErrorCode>` and `<ErrorMessage>`. The second answers with a `FlexQueryResponse` (see
`flex_statement`), or with the same error shape. `fd` and `td` (New York dates, both included) restrict the period;
without them it runs from the account's first day to the simulated present. The token is `FLEX_TOKEN`;
`EXPIRED_TOKEN` gets 1012, any other 1015, a query id that is not a number 1014, an unknown reference code 1017, a
request without a User-Agent or of another version 1020. The control command `flex_error` with code
1019 makes the next GetStatement say "in progress" once.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from urllib.parse import parse_qs, urlsplit

from trading.gateway.flex_ledger import new_york_day
from trading.gateway.flex_statement import Period, statement
from trading.gateway.listings import EASTERN
from trading.gateway.records import LABEL
from trading.gateway.server import LOOPBACK, Gateway

FLEX_TOKEN = "SIMULATED"  # noqa: S105 - the simulated service guards nothing
EXPIRED_TOKEN = "EXPIRED"  # noqa: S105
PATH = "/FlexWebService"
FIRST_REFERENCE = 1_000_000_001
ERRORS = {
    1009: "The server is under heavy load. Statement could not be generated at this time. Please try again shortly.",
    1012: "Token has expired.",
    1014: "Query is invalid.",
    1015: "Token is invalid.",
    1017: "Reference code is invalid.",
    1018: "Too many requests have been made from this token. Please try again shortly.",
    1019: "Statement generation in progress. Please try again shortly.",
    1020: "Invalid request or unable to validate request.",
    1021: "Statement could not be retrieved at this time. Please try again shortly.",
}
"""Error codes of the service."""


class FlexError(Exception):
    """A request that is answered with an error code.

    Attributes:
        code: a key of `ERRORS`.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"{code} {ERRORS.get(code, '')}")
        self.code = code


class FlexServer:
    """Serves statements of one gateway's account. A statement is made when it is fetched, not when it is asked for."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._periods: dict[int, Period] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    async def listen(self, port: int) -> int:
        """Accept connections on a loopback port (0: any free one) and return it."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            body = self._answer(request)
            status = "200 OK" if body is not None else "404 Not Found"
            head = f"HTTP/1.1 {status}\r\nContent-Type: text/xml;charset=utf-8\r\nConnection: close\r\n"
            writer.write(f"{head}Content-Length: {len(body or b'')}\r\n\r\n".encode() + (body or b""))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # no whole request came, or nobody waits for its answer
        finally:
            writer.close()

    def _answer(self, request: str) -> bytes | None:
        """Return the body, or None where nothing is served."""
        first, *headers = request.split("\r\n")
        method, target, *_ = [*first.split(" "), "", ""]
        try:
            url = urlsplit(target)
        except ValueError:
            return None
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        endpoint = {f"{PATH}/SendRequest": self._send_request, f"{PATH}/GetStatement": self._get_statement}.get(
            url.path
        )
        if method != "GET" or endpoint is None:
            return None
        try:
            has_agent = any(line.lower().startswith("user-agent:") for line in headers)
            _check(asked, has_agent=has_agent)
            return endpoint(asked)
        except FlexError as failed:
            return self._response(
                "Fail",
                f"<ErrorCode>{failed.code}</ErrorCode>\n<ErrorMessage>{ERRORS.get(failed.code, LABEL)}</ErrorMessage>",
            )

    def _send_request(self, asked: dict[str, str]) -> bytes:
        if not asked.get("q", "").isdecimal():
            raise FlexError(1014)
        reference = FIRST_REFERENCE + len(self._periods)
        self._periods[reference] = self._period(asked)
        url = f"http://{LOOPBACK}:{self.port}{PATH}/GetStatement"
        return self._response("Success", f"<ReferenceCode>{reference}</ReferenceCode>\n<Url>{url}</Url>")

    def _get_statement(self, asked: dict[str, str]) -> bytes:
        wanted = asked.get("q", "")
        # A number of thousands of digits is none that was given out, and is not read.
        period = self._periods.get(int(wanted)) if wanted.isdecimal() and len(wanted) < 20 else None
        if period is None:
            raise FlexError(1017)
        if self._gateway.flex_errors:
            raise FlexError(self._gateway.flex_errors.pop(0))
        return statement(self._gateway.broker, self._gateway.listings, period)

    def _period(self, asked: dict[str, str]) -> Period:
        state = self._gateway.broker.state
        happened = [e.executed_at for e in state.executions] + [i.booked_at for i in state.cash_items]
        first_on = new_york_day(min(happened, default=state.clock))
        last_on = new_york_day(state.clock)
        return Period(_date(asked.get("fd")) or first_on, _date(asked.get("td")) or last_on)

    def _response(self, status: str, inner: str) -> bytes:
        at = self._gateway.broker.state.clock.astimezone(EASTERN)
        stamp = at.strftime("%d %B, %Y %I:%M %p ") + (at.tzname() or "EST")
        text = (
            f"<FlexStatementResponse timestamp='{stamp}'>\n<Status>{status}</Status>\n{inner}\n</FlexStatementResponse>"
        )
        return text.encode()


def _check(asked: dict[str, str], *, has_agent: bool) -> None:
    """Refuse what the service would not serve."""
    if not has_agent or asked.get("v") != "3":
        raise FlexError(1020)
    if asked.get("t") == EXPIRED_TOKEN:
        raise FlexError(1012)
    if asked.get("t") != FLEX_TOKEN:
        raise FlexError(1015)


def _date(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date only
    except ValueError:
        raise FlexError(1020) from None
