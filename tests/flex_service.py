"""A Flex Web Service on loopback that answers what a test tells it to, and statements to answer with."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "canary-7731"
ACCOUNT = "DU0000001"

ACCEPTED = (
    "<FlexStatementResponse timestamp='03 June, 2019 11:40 PM EDT'><Status>Success</Status>"
    "<ReferenceCode>1000000001</ReferenceCode><Url>http://elsewhere.invalid/GetStatement</Url></FlexStatementResponse>"
)


def refused(code: int | str) -> str:
    """The service's answer with an error code."""
    return (
        "<FlexStatementResponse timestamp='03 June, 2019 11:40 PM EDT'><Status>Fail</Status>"
        f"<ErrorCode>{code}</ErrorCode><ErrorMessage>words</ErrorMessage></FlexStatementResponse>"
    )


def statement(*sections: str, account: str = ACCOUNT) -> str:
    """A statement of Monday, 3 June 2019."""
    return (
        '<FlexQueryResponse queryName="airdesk" type="AF"><FlexStatements count="1">'
        f'<FlexStatement accountId="{account}" fromDate="2019-06-03" toDate="2019-06-03" period="LastBusinessDay" '
        f'whenGenerated="2019-06-03;23:40:00">{"".join(sections)}</FlexStatement></FlexStatements></FlexQueryResponse>'
    )


def trades(*rows: str) -> str:
    return f"<Trades>{''.join(rows)}</Trades>"


def trade(execution_id: str, symbol: str, shares: int, price: str, **changes: str) -> str:
    """One execution at 10:30 New York time, commission 1 USD."""
    fields = {
        "accountId": ACCOUNT, "currency": "USD", "assetCategory": "STK", "symbol": symbol, "ibExecID": execution_id,
        "dateTime": "2019-06-03;10:30:00", "tradeDate": "2019-06-03", "quantity": str(shares), "tradePrice": price,
        "buySell": "BUY" if shares > 0 else "SELL", "ibCommission": "-1", "ibCommissionCurrency": "USD", "taxes": "0",
        "levelOfDetail": "EXECUTION",
    }  # fmt: skip
    return _element("Trade", fields | changes)


def cash(item_id: str, kind: str, amount: str, **changes: str) -> str:
    """One cash transaction of the evening."""
    fields = {
        "accountId": ACCOUNT, "currency": "USD", "type": kind, "amount": amount, "transactionID": item_id,
        "dateTime": "2019-06-03;20:20:00", "description": f"{kind} as the broker says it", "levelOfDetail": "DETAIL",
    }  # fmt: skip
    return f"<CashTransactions>{_element('CashTransaction', fields | changes)}</CashTransactions>"


def position(symbol: str, shares: int, cost: str) -> str:
    fields = {
        "accountId": ACCOUNT, "currency": "USD", "assetCategory": "STK", "symbol": symbol, "position": str(shares),
        "costBasisPrice": cost, "levelOfDetail": "SUMMARY", "reportDate": "2019-06-03",
    }  # fmt: skip
    return f"<OpenPositions>{_element('OpenPosition', fields)}</OpenPositions>"


def _element(tag: str, fields: dict[str, str]) -> str:
    inside = " ".join(f'{name}="{value}"' for name, value in fields.items() if value is not None)
    return f"<{tag} {inside} />"


@dataclass
class Service:
    """What the stub was asked, and what it will answer: (endpoint) → answers in order, the last one again and again."""

    answers: dict[str, Sequence[str | tuple[int, str]]]
    asked: list[tuple[str, dict[str, list[str]], str | None]] = field(default_factory=list)
    url: str = ""

    def answer(self, endpoint: str) -> tuple[int, bytes]:
        said = self.answers[endpoint]
        count = sum(name == endpoint for name, _, _ in self.asked)
        now = said[min(count, len(said)) - 1]
        status, text = now if isinstance(now, tuple) else (200, now)
        return status, text.encode()


@contextmanager
def flex_service(*statements: str | tuple[int, str], send: str | tuple[int, str] = ACCEPTED) -> Iterator[Service]:
    """Run the service for the length of a `with` block; GetStatement answers with `statements`, one after another."""
    service = Service({"SendRequest": [send], "GetStatement": list(statements)})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = urlsplit(self.path)
            endpoint = place.path.rsplit("/", 1)[-1]
            service.asked.append((endpoint, parse_qs(place.query), self.headers.get("User-Agent")))
            status, body = service.answer(endpoint)
            self.send_response(status)
            self.send_header("Location", "http://elsewhere.invalid/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/FlexWebService"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
