"""Flex statements of the simulated account, read by ibflex, which must know every element and attribute in them."""

from __future__ import annotations

import asyncio
import datetime as dt
import http.client
import socket
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from trading.gateway.flex_server import EXPIRED_TOKEN, FLEX_TOKEN, FlexServer

from tests.contract.gateway.ib_client import NAME, IbClient, needs_library
from tests.contract.gateway.market import NOW
from tests.fakes import ACCOUNT, RunningGateway, ny

ibflex = pytest.importorskip("ibflex", reason="ibflex is not installed here", exc_type=ImportError)


class Service:
    """The statement server of a running gateway."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = FlexServer(gateway.gateway)
        self.port = self._loop.run_until_complete(self._server.listen(0))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def get(self, endpoint: str, agent: str = "Java", **asked: str) -> bytes:
        url = f"http://127.0.0.1:{self.port}/FlexWebService/{endpoint}?{urlencode({'v': '3', **asked})}"
        request = urllib.request.Request(url, headers={"User-Agent": agent})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read()

    def error_of(self, endpoint: str, **asked: str) -> str | None:
        return ElementTree.fromstring(self.get(endpoint, **asked)).findtext("ErrorCode")

    def ask(self, **period: str) -> ElementTree.Element:
        return ElementTree.fromstring(self.get("SendRequest", t=FLEX_TOKEN, q="42", **period))

    def statement(self, **period: str):
        """Return the one parsed statement; an element or attribute that ibflex does not know is an error."""
        reference = self.ask(**period).findtext("ReferenceCode")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            response = ibflex.parser.parse(self.get("GetStatement", t=FLEX_TOKEN, q=reference))
        [statement] = response.FlexStatements
        return statement


@pytest.fixture
def service(gateway: RunningGateway) -> Iterator[Service]:
    running = Service(gateway)
    yield running
    running.stop()


def test_an_empty_account_has_an_empty_statement(service: Service) -> None:
    seen = service.statement()
    assert (seen.accountId, seen.Trades, seen.OpenPositions) == (ACCOUNT, (), ())
    assert {row.currency: row.endingCash for row in seen.CashReport} == {"BASE_SUMMARY": 100_000, "USD": 100_000}


def test_every_part_says_that_it_is_simulated(service: Service) -> None:
    assert service.statement().AccountInformation.acctAlias == "SIMULATED"


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("1012", {"t": EXPIRED_TOKEN, "q": "42"}),
        ("1015", {"t": "wrong", "q": "42"}),
        ("1014", {"t": FLEX_TOKEN, "q": "mine"}),
        ("1020", {"t": FLEX_TOKEN, "q": "42", "v": "2"}),
        ("1020", {"t": FLEX_TOKEN, "q": "42", "fd": "yesterday"}),
    ],
)
def test_a_bad_request_is_answered_with_the_services_code(service: Service, code: str, asked: dict[str, str]) -> None:
    assert service.error_of("SendRequest", **asked) == code


def test_an_unknown_reference_code_is_1017(service: Service) -> None:
    assert service.error_of("GetStatement", t=FLEX_TOKEN, q="5") == "1017"


def test_a_reference_code_of_absurd_length_is_1017(service: Service) -> None:
    assert service.error_of("GetStatement", t=FLEX_TOKEN, q="9" * 6000) == "1017"


def test_an_address_that_is_none_is_answered_as_not_found(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(b"GET http://[::1 HTTP/1.1\r\nUser-Agent: x\r\n\r\n")
        with connection.makefile("rb") as answer:
            assert b"404" in answer.readline()


def test_a_request_without_an_agent_is_refused(service: Service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    connection.putrequest("GET", f"/FlexWebService/SendRequest?t={FLEX_TOKEN}&q=1&v=3", skip_accept_encoding=True)
    connection.endheaders()
    assert b"<ErrorCode>1020<" in connection.getresponse().read()
    connection.close()


def test_a_statement_in_progress_is_said_once(gateway: RunningGateway, service: Service) -> None:
    reference = service.ask().findtext("ReferenceCode")
    gateway.tell("flex_error", code=1019)
    assert service.error_of("GetStatement", t=FLEX_TOKEN, q=reference) == "1019"
    assert service.error_of("GetStatement", t=FLEX_TOKEN, q=reference) is None


def test_the_readers_own_client_downloads_it(monkeypatch, service: Service) -> None:
    client = pytest.importorskip("ibflex.client", exc_type=ImportError)
    url = f"http://127.0.0.1:{service.port}/FlexWebService/SendRequest"
    monkeypatch.setattr(client, "REQUEST_URL", url)
    assert b"FlexQueryResponse" in client.download(FLEX_TOKEN, "42")


@needs_library
def test_trades_carry_reference_ids_commission_and_the_gain_by_fifo(gateway: RunningGateway, service: Service) -> None:
    client = IbClient(gateway)
    client.place("BUY", 10, orderRef="in")
    gateway.tell("quote", symbol="NVDA", bid="110", ask="110.10", last="110")
    sale = client.place("SELL", 4, orderRef="out")
    client.close()
    bought, sold = service.statement().Trades
    assert (bought.orderReference, bought.quantity, bought.levelOfDetail) == ("in", 10, "EXECUTION")
    assert (bought.ibCommission, bought.fifoPnlRealized) == (-1, 0)
    assert (sold.orderReference, sold.quantity) == ("out", -4)
    assert (sold.ibExecID, sold.ibOrderID) == (sale.fills[0].execution.execId, str(sale.order.permId))
    basis = -bought.netCash * 4 / 10
    assert sold.fifoPnlRealized == sold.netCash - basis
    assert sold.isAPIOrder
    assert bought.dateTime == dt.datetime(2019, 6, 3, 10, 30)  # noqa: DTZ001 - New York, as IB writes it


@needs_library
def test_the_desks_own_reader_finds_fills_by_reference_and_execution(gateway: RunningGateway, service: Service) -> None:
    from trading.adapters.flex import FlexStatements

    client = IbClient(gateway)
    trade = client.place("BUY", 10, orderRef="in")
    client.close()
    gateway.tell("flex_error", code=1019)
    url = f"http://127.0.0.1:{service.port}/FlexWebService"
    _, seen = FlexStatements(url, FLEX_TOKEN, "42", account=ACCOUNT, poll_seconds=0.01).fetch()
    [found] = seen.trades
    assert (found.order_ref, found.execution_id) == ("in", trade.fills[0].execution.execId)
    assert (found.perm_id, found.commission_usd, found.executed_at) == (trade.order.permId, 1, NOW)
    assert seen.positions["NVDA"].quantity == 10


@needs_library
def test_cash_and_positions_tie(gateway: RunningGateway, service: Service) -> None:
    client = IbClient(gateway)
    client.place("BUY", 10)
    client.place("SELL", 3)
    client.close()
    gateway.tell("cash", kind="deposit", amount_usd="500.00")
    gateway.tell("cash", kind="fee", amount_usd="-12.34")
    gateway.tell("dividend", symbol="NVDA", per_share="0.25")
    seen = service.statement()
    cash = seen.CashReport[0]
    moved = sum(t.netCash for t in seen.Trades) + sum(c.amount for c in seen.CashTransactions)
    assert cash.startingCash == 100_000
    assert cash.endingCash == cash.startingCash + moved == Decimal(gateway.tell("state")["state"]["cash_usd"])
    assert (cash.deposits, cash.otherFees, cash.dividends) == (500, Decimal("-12.34"), Decimal("1.75"))
    assert [c.type.value for c in seen.CashTransactions] == ["Deposits & Withdrawals", "Other Fees", "Dividends"]
    [position] = seen.OpenPositions
    assert (position.symbol, position.position) == ("NVDA", 7)


@needs_library
def test_a_period_holds_its_own_days_only_and_positions_of_its_end(gateway: RunningGateway, service: Service) -> None:
    client = IbClient(gateway)
    client.place("BUY", 10)
    gateway.tell("advance", to=ny("2019-06-04 10:30").isoformat())
    client.place("SELL", 10)
    client.close()
    monday, tuesday = service.statement(fd="20190603", td="20190603"), service.statement(fd="20190604", td="20190604")
    assert [t.quantity for t in monday.Trades] == [10]
    assert [t.quantity for t in tuesday.Trades] == [-10]
    assert [p.position for p in monday.OpenPositions] == [10]
    assert tuesday.OpenPositions == ()
    assert monday.CashReport[0].endingCash == tuesday.CashReport[0].startingCash


@needs_library
def test_a_split_is_a_corporate_action_and_keeps_the_gain_right(gateway: RunningGateway, service: Service) -> None:
    client = IbClient(gateway)
    client.place("BUY", 10)
    gateway.tell("split", symbol="NVDA", ratio=2)
    gateway.tell("quote", symbol="NVDA", bid="50", ask="50.05", last="50")
    client.place("SELL", 20)
    client.close()
    seen = service.statement()
    [action] = seen.CorporateActions
    assert (action.type.value, action.quantity, action.symbol) == ("FS", 10, "NVDA")
    assert sum(t.fifoPnlRealized for t in seen.Trades) == sum(t.netCash for t in seen.Trades), f"{NAME}: all is closed"
