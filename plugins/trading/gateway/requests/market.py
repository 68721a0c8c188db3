"""Market data and historical bars."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trading.gateway.history import BarRequest, head, history
from trading.gateway.listings import Listing
from trading.gateway.quotes import DELAY, MarketView
from trading.gateway.records import Refusal
from trading.gateway.requests import Handler, ignore
from trading.gateway.requests.contracts import resolve
from trading.gateway.wire import market as wire
from trading.gateway.wire.contracts import read_contract
from trading.gateway.wire.frames import Request
from trading.gateway.wire.market import DataKind, Tick, TickValue
from trading.gateway.wire.tickets import read_instant

if TYPE_CHECKING:
    from trading.gateway.session import Session

NOT_SUBSCRIBED = "Requested market data is not subscribed. Delayed market data is available."
SHOWING_DELAYED = "Requested market data is not subscribed. Displaying delayed market data."


@dataclass(slots=True)
class Watch:
    """One market data subscription.

    Attributes:
        told: what the client heard last, by tick.
    """

    request_id: int
    listing: Listing
    is_delayed: bool
    told: dict[Tick, TickValue] = field(default_factory=dict)


def market_data_type(session: Session, request: Request) -> None:
    """Remember whether delayed data will do."""
    request.skip()
    wanted = request.whole()
    if wanted not in set(DataKind):
        raise Refusal(321, f"Error validating request.-'cA' : cause - Invalid market data type {wanted}")
    session.data_kind = DataKind(wanted)


def market_data(session: Session, request: Request) -> None:
    """Answer with the market of a contract, once or from now on."""
    request.skip()
    request_id = session.about(request.whole())
    listing = resolve(session, read_contract(request))
    request.skip(2)  # delta-neutral flag, generic tick list
    is_snapshot = request.flag()
    is_subscribed = session.gateway.has_live_data
    accepts_delayed = session.data_kind in (DataKind.DELAYED, DataKind.DELAYED_FROZEN)
    if not is_subscribed:
        if not accepts_delayed:
            raise Refusal(354, NOT_SUBSCRIBED)
        session.error(request_id, 10167, SHOWING_DELAYED)
    watch = Watch(request_id, listing, is_delayed=not is_subscribed)
    view = session.gateway.market.view(listing, is_delayed=watch.is_delayed)
    session.send(wire.market_data_type(request_id, _kind_shown(session, view, watch)))
    session.send(wire.tick_parameters(request_id))
    tell_ticks(session, watch)
    if is_snapshot:
        session.send(wire.tick_snapshot_end(request_id))
    else:
        session.watches[request_id] = watch


def _kind_shown(session: Session, view: MarketView, watch: Watch) -> DataKind:
    wants_frozen = session.data_kind in (DataKind.FROZEN, DataKind.DELAYED_FROZEN) and not view.is_open
    if watch.is_delayed or view.is_delayed:
        return DataKind.DELAYED_FROZEN if wants_frozen else DataKind.DELAYED
    return DataKind.FROZEN if wants_frozen else DataKind.LIVE


def tell_ticks(session: Session, watch: Watch) -> None:
    """Send the ticks that differ from what the client heard last."""
    view = session.gateway.market.view(watch.listing, is_delayed=watch.is_delayed)
    is_delayed = watch.is_delayed or view.is_delayed
    for tick, value in _ticks(view, watch.listing).items():
        if tick not in watch.told or watch.told[tick] != value:
            watch.told[tick] = value
            session.send(wire.tick(watch.request_id, tick, value, is_delayed=is_delayed))


def _ticks(view: MarketView, listing: Listing) -> dict[Tick, TickValue]:
    """Return every tick with its value; None is a price that is not shown. An index has no sides and no halts."""
    sides = {Tick.BID: view.bid, Tick.ASK: view.ask} if listing.kind == "STK" else {}
    prices = {Tick.LAST: view.last, Tick.HIGH: view.high, Tick.LOW: view.low, Tick.OPEN: view.open}
    ticks: dict[Tick, TickValue] = {**sides, **prices, Tick.CLOSE: view.close, Tick.VOLUME: view.volume}
    if view.traded_at is not None:
        ticks[Tick.LAST_TIMESTAMP] = str(int(view.traded_at.timestamp()))
    if view.is_halted is not None and listing.kind == "STK":
        ticks[Tick.HALTED] = int(view.is_halted)
    return ticks


def cancel_market_data(session: Session, request: Request) -> None:
    """End a subscription."""
    request.skip()
    request_id = session.about(request.whole())
    if session.watches.pop(request_id, None) is None:
        raise Refusal(300, f"Can't find EId with tickerId:{request_id}")


def historical_data(session: Session, request: Request) -> None:
    """Answer with bars; without a subscription with delayed ones, where the client takes those."""
    request_id = session.about(request.whole())
    listing = resolve(session, read_contract(request))
    request.skip()  # includeExpired
    ends_at = read_instant(request.text())
    size, duration = request.text(), request.text()
    request.skip()  # useRTH
    wanted = BarRequest(listing.symbol, ends_at, size, duration, request.text(), is_epoch=request.whole() == 2)
    if request.flag():
        raise Refusal(321, "Error validating request.-'bB' : cause - keepUpToDate is not simulated.")
    broker, now = session.broker, session.broker.state.clock
    if not session.gateway.has_live_data:
        if session.data_kind not in (DataKind.DELAYED, DataKind.DELAYED_FROZEN):
            raise Refusal(354, NOT_SUBSCRIBED)
        session.error(request_id, 10167, SHOWING_DELAYED)
        now -= DELAY
    found = history(wanted, broker.feed, broker.calendar, now)
    session.send(wire.historical_data(request_id, found.begins_at, found.ends_at, found.bars))


def cancel_historical_data(session: Session, request: Request) -> None:
    """Bars are sent at once, so there is never a query to cancel."""
    request.skip()
    request_id = session.about(request.whole())
    raise Refusal(366, f"No historical data query found for ticker id:{request_id}")


def head_timestamp(session: Session, request: Request) -> None:
    """Answer with the start of the oldest bar."""
    request_id = session.about(request.whole())
    listing = resolve(session, read_contract(request))
    broker = session.broker
    first = head(listing.symbol, broker.feed, broker.calendar, broker.state.clock)
    if first is None:
        raise Refusal(162, "Historical Market Data Service error message:No head time stamp")
    session.send(wire.head_timestamp(request_id, first))


HANDLERS: dict[int, Handler] = {
    1: market_data,
    2: cancel_market_data,
    20: historical_data,
    25: cancel_historical_data,
    59: market_data_type,
    87: head_timestamp,
    90: ignore,
}
