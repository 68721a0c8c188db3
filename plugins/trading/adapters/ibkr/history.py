"""Historical bars over a connection of their own: opened late, closed always, never the writer's.

The connection is read-only: it asks for bars, the time and who the account says it is. Each request is a row of the
ledger that all processes share, because the broker paces by user and not by connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from trading.adapters.ibkr.broker import MARKER
from trading.adapters.ibkr.messages import MessageClass, classify
from trading.adapters.ibkr.session import FIRST_REQUEST_ID, ClientIdBusy, IbSession, Patience, open_session
from trading.errors import (
    BrokerRefused,
    CircuitOpen,
    NotEntitled,
    SymbolNotEntitled,
    TransientError,
    UnknownSymbol,
    VendorError,
    VendorRateLimited,
    VendorRefused,
    VendorUnavailable,
)
from trading.ports.calls import CallLedger, CallResult, Quota

NAME = "ibkr"
CLIENT_ID, HISTORY_CLIENT_ID = 22, 24
"""Of the connection for bars of this hour, and of the one for history; the writer's is another one."""
BUSY = "326"
"""The gateway's word for a client id in use: it is well, and another process of ours asks it."""
SHORT_WAIT_SECONDS = 2.0
"""For a longer pause of the pacing the connection is closed, so that nobody waits for its client id."""
PACING = Quota(per_window=60, window_seconds=600.0, pause_seconds=0.45, repeat_seconds=15.0)
"""IB: 60 requests in ten minutes, fewer than six for one contract in two seconds, no identical ones within 15 s."""
PACING_SECONDS = 60.0
"""How long to wait after a violation of it."""
DELAY = timedelta(minutes=15)
"""How old data without a subscription are."""
DELAYED_DATA, SHOWN_DELAYED = 3, 10167
NO_DATA = "no data"
NOT_SUBSCRIBED = frozenset({354, 10089, 10168})
LOST_QUERY = frozenset({366, 502, 504, 1100})


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """One request for bars.

    Attributes:
        kind: STK, IND or CMDTY, in the broker's words.
        what: TRADES or MIDPOINT.
        duration, size: in the broker's words, e.g. "5 D", "30 mins".
        capability: what the account must be permitted for this.
    """

    symbol: str
    kind: str
    exchange: str
    what: str
    ends_at: datetime
    duration: str
    size: str
    capability: str

    @property
    def endpoint(self) -> str:
        """How the ledger knows a request: equal text is an identical request."""
        return f"bars/{self.symbol}/{self.what}/{self.size}/{self.duration}/{self.ends_at:%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True, slots=True)
class History:
    """The answer to one request.

    Attributes:
        bars: the library's.
        asked_at: the broker's own time before the question: what ended by then was complete.
        is_delayed: the broker said that it shows delayed data.
    """

    bars: Sequence[Any]
    asked_at: datetime
    is_delayed: bool


class HistoryLine:
    """Where bars are asked for, and how patiently.

    Args:
        writer_client_id: the id that this line must never take.
        client_id: the line's own; the next number where it is the writer's.
        pacing: what of the broker's pace this line may use.
        deadline_seconds: all connections of this line together end so long after its first request.
        allows_simulated: ask also a gateway that declares itself SIMULATED; its prices are our own, so only tests may.
    """

    def __init__(
        self,
        host: str,
        port: int,
        calls: CallLedger,
        *,
        writer_client_id: int,
        client_id: int = CLIENT_ID,
        deadline_seconds: float,
        pacing: Quota = PACING,
        patience: Patience | None = None,
        allows_simulated: bool = False,
    ) -> None:
        self.host, self.port, self.calls, self.pacing = host, port, calls, pacing
        self.client_id = client_id if writer_client_id != client_id else client_id + 1
        self._patience, self._deadline_seconds = patience or Patience(request_seconds=30.0), deadline_seconds
        self._ends_at: float | None = None
        self.is_vouched = allows_simulated

    @contextmanager
    def connection(self) -> Iterator[HistoryConnection]:
        """Lend a connection that opens with its first request and is closed when the block ends, however it ends."""
        self._ends_at = self._ends_at or time.monotonic() + self._deadline_seconds
        line = HistoryConnection(self)
        try:
            yield line
        finally:
            line.close()

    def seconds_left(self) -> float:
        """Return how long this line may still wait [s].

        Raises:
            VendorUnavailable: no time is left.
        """
        assert self._ends_at is not None, "connection() sets it"
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise VendorUnavailable(f"{NAME}: the task's time for it is used up; the next run goes on", vendor=NAME)
        return left

    def patience(self) -> Patience:
        """Return how long each step may take now."""
        left, told = self.seconds_left(), self._patience
        return replace(
            told,
            handshake_seconds=min(told.handshake_seconds, left),
            request_seconds=min(told.request_seconds, left),
            client_id_seconds=min(told.client_id_seconds, left),
        )


class HistoryConnection:
    """One connection of a line."""

    def __init__(self, line: HistoryLine) -> None:
        self._line = line
        self._session: IbSession | None = None

    def ask(self, request: HistoryRequest) -> History:
        """Return the bars of a request; none where the broker has none there.

        Raises:
            VendorUnavailable: silence, a lost socket, a client id in use, or a gateway without its broker.
            VendorRateLimited: the pacing is used up.
            SymbolNotEntitled: no permission; the capability is off until midnight UTC.
            UnknownSymbol, VendorRefused: the broker does not know it, or will not.
        """
        line = self._line
        call_id = self._acquire(request)
        began = time.monotonic()
        try:
            found = self._answer(request)
        except VendorError as error:
            is_outage = isinstance(error, VendorUnavailable) and error.code != BUSY
            line.calls.note(call_id, _result(began, error.code or "no answer", is_outage=is_outage))
            if isinstance(error, NotEntitled):
                line.calls.switch_off(NAME, request.capability, reason=str(error))
            raise
        line.calls.note(call_id, _result(began))
        return found

    def close(self) -> None:
        """Hang up, if anybody was called."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _acquire(self, request: HistoryRequest) -> int:
        """Take the request out of the pacing; a long wait for it holds no connection."""
        line = self._line
        if self._session is not None:
            short = min(SHORT_WAIT_SECONDS, line.seconds_left())
            try:
                return line.calls.acquire(NAME, request.endpoint, line.pacing, wait_seconds=short)
            except CircuitOpen:
                raise
            except VendorRateLimited:
                self.close()
        return line.calls.acquire(NAME, request.endpoint, line.pacing, wait_seconds=line.seconds_left())

    def _answer(self, request: HistoryRequest) -> History:
        session = self._opened()
        session.patience = self._line.patience()
        asked_at: datetime = _typed(lambda: session.ask("its time", session.ib.reqCurrentTimeAsync)).astimezone(UTC)
        first = len(session.hearing.messages)
        contract = session.library.contract(
            symbol=request.symbol, secType=request.kind, exchange=request.exchange, currency="USD"
        )

        def start() -> Any:
            # The library's own timeout would make an empty answer of silence.
            return session.ib.reqHistoricalDataAsync(
                contract, request.ends_at, request.duration, request.size, request.what, useRTH=True, formatDate=2,
                timeout=0,
            )  # fmt: skip

        try:
            bars = list(session.ask(f"bars of {request.symbol}", start))
        except BrokerRefused as refused:
            failure = _verdict(request, *_told(refused))
        except (TransientError, ConnectionError):
            failure = _silence(request, session, first)
        else:
            said = {message.code for message in session.hearing.messages[first:]}
            return History(bars, asked_at, SHOWN_DELAYED in said)
        if failure is None:
            return History((), asked_at, is_delayed=False)
        raise failure

    def _opened(self) -> IbSession:
        if self._session is None:
            line = self._line
            self._session = _typed(lambda: open_session(line.host, line.port, line.client_id, line.patience()))
            # Live where the account has it, delayed where it has not.
            self._session.ib.client.reqMarketDataType(DELAYED_DATA)
        self._vouch(self._session)
        return self._session

    def _vouch(self, session: IbSession) -> None:
        """Refuse a gateway that declares itself simulated: what it shows comes from what we stored."""
        if self._line.is_vouched:
            return
        name, word = MARKER
        if _typed(session.account_summary).get(name) == word:
            raise SymbolNotEntitled(
                f"{NAME}: the gateway at {self._line.host}:{self._line.port} is SIMULATED and shows our own prices; "
                "connect your broker, or set AIRDESK_IBKR_BARS=0",
                vendor=NAME, code="simulated",
            )  # fmt: skip
        self._line.is_vouched = True


def _typed[Answer](call: Callable[[], Answer]) -> Answer:
    """Return what a question about anything but bars gives, its failures as those of a vendor."""
    try:
        return call()
    except (TransientError, ConnectionError) as lost:
        text = str(lost) if isinstance(lost, TransientError) else "the broker's connection broke; it is retried"
        code = BUSY if isinstance(lost.__cause__, ClientIdBusy) else None
    except BrokerRefused as refused:
        text, code = str(refused), None
    raise VendorUnavailable(f"{NAME}: {text}", vendor=NAME, code=code)


def _told(refused: BrokerRefused) -> tuple[int, str]:
    """Return code and words of a refusal of the gateway."""
    cause = refused.__cause__
    return int(getattr(cause, "code", 0)), str(getattr(cause, "message", refused))


def _verdict(request: HistoryRequest, code: int, words: str) -> VendorError | None:
    """Return what a refusal means; None where it means that there is no data."""
    symbol, lower = request.symbol, words.lower()
    told: dict[str, Any] = {"vendor": NAME, "code": str(code), "excerpt": words[:300]}
    if code == 162 and NO_DATA in lower:
        return None
    if code in NOT_SUBSCRIBED or (code == 162 and ("permission" in lower or "subscri" in lower)):
        return SymbolNotEntitled(
            f"{NAME}: the account has no {request.capability} ({code} for {symbol}); subscribe, or use another source",
            **told,
        )
    if code == 100 or (code == 162 and "pacing" in lower):
        return VendorRateLimited(
            f"{NAME}: too many requests for bars ({code}); wait {PACING_SECONDS:.0f} s",
            retry_after_seconds=PACING_SECONDS, **told,
        )  # fmt: skip
    if code == 200:
        return UnknownSymbol(f"{NAME}: {symbol} is not one {request.kind} there (200); correct the universe", **told)
    if code in LOST_QUERY or classify(code) is MessageClass.LOST:
        return VendorUnavailable(f"{NAME}: the question about {symbol} was lost ({code}); it is retried", **told)
    if classify(code) is MessageClass.COMPETING:
        return _competition(told)
    return VendorRefused(f"{NAME}: no bars of {symbol} ({code}: {words[:120]}); look at the gateway", **told)


def _competition(told: dict[str, Any]) -> VendorRefused:
    return VendorRefused(
        f"{NAME}: another session of the same user takes the market data (10197); log it out", **told
    )  # fmt: skip


def _silence(request: HistoryRequest, session: IbSession, first: int) -> VendorError | None:
    """Return what an answer that did not come means, by what the gateway said meanwhile."""
    heard = [message for message in session.hearing.messages[first:] if message.code != SHOWN_DELAYED]
    # A library may take a refusal for a remark and go on waiting.
    for message in heard:
        if message.about >= FIRST_REQUEST_ID:
            return _verdict(request, message.code, message.text)
    said = {classify(message.code) for message in heard}
    if MessageClass.COMPETING in said:
        return _competition({"vendor": NAME, "code": "10197"})
    if not session.hearing.is_broker_reachable:
        return VendorUnavailable(f"{NAME}: the gateway lost the broker (1100); it is retried", vendor=NAME, code="1100")
    return VendorUnavailable(f"{NAME}: no whole answer came in time; it is retried", vendor=NAME)


def _result(began: float, failure: str | None = None, *, is_outage: bool = False) -> CallResult:
    took = round((time.monotonic() - began) * 1000)
    return CallResult(status=None, duration_ms=took, failure=failure, is_outage=is_outage)
