"""The market of a symbol as clients see it: a scripted quote, or one derived from the feed's last price.

The feed knows trades only, so bid and ask stand half a spread away from the last price, as fills do. Outside the
session there is no bid and no ask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.market import Bar, Session
from trading.domain.money import CENT, round_to_tick, to_price
from trading.domain.orders import Side
from trading.execution.costs import CostModel
from trading.gateway.feed import LOOK_BACK_DAYS, BarFeed
from trading.gateway.listings import EASTERN, Listing
from trading.gateway.records import BrokerState
from trading.ports import MarketCalendar

DELAY = timedelta(minutes=15)
"""How old delayed data is."""


@dataclass(frozen=True, slots=True)
class MarketView:
    """What is shown of one symbol.

    Attributes:
        bid, ask, last, open, high, low, close: USD/share; None where nothing is shown. `close` is yesterday's.
        volume: shares of today's completed bars.
        traded_at: time of `last`.
        is_open: whether the session is on.
        is_halted: None when nothing is said about it.
        is_delayed: shown as delayed although the client may see live data.
    """

    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    close: Decimal | None = None
    volume: int = 0
    traded_at: datetime | None = None
    is_open: bool = False
    is_halted: bool | None = False
    is_delayed: bool = False


class Market:
    """Views of a feed."""

    def __init__(self, state: BrokerState, feed: BarFeed, calendar: MarketCalendar, costs: CostModel) -> None:
        self._state, self._feed, self._calendar, self._costs = state, feed, calendar, costs

    def view(self, listing: Listing, *, is_delayed: bool) -> MarketView:
        """Return what is shown now, or was shown `DELAY` ago."""
        now = self._state.clock
        view = self._from_feed(listing, now - DELAY if is_delayed else now)
        view = replace(view, is_halted=listing.symbol in self._state.halted)
        quote = self._state.quotes.get(listing.symbol)
        if quote is None:
            return view
        return replace(
            view,
            bid=quote.bid,
            ask=quote.ask,
            last=quote.last,
            traded_at=None if quote.last is None else now,
            is_delayed=quote.is_delayed,
            is_halted=view.is_halted or quote.is_halted,
        )

    def _from_feed(self, listing: Listing, at: datetime) -> MarketView:
        session = self._calendar.session(at.astimezone(EASTERN).date())
        today = self._bars_of(listing, session, at)
        if session is None or not today:
            earlier = self._last_before(listing, at)
            if earlier is None:
                return MarketView()
            close = to_price(earlier.close)
            return MarketView(last=close, close=close, traded_at=earlier.ends_at)
        view = self._of_session(today, at)
        previous = self._last_before(listing, session.opens_at)
        is_open = at < session.closes_at
        return replace(
            view if not is_open or listing.kind != "STK" else self._with_sides(view),
            close=None if previous is None else to_price(previous.close),
            is_open=is_open,
        )

    def _bars_of(self, listing: Listing, session: Session | None, at: datetime) -> list[Bar]:
        if session is None:
            return []
        return [b for b in self._feed.bars(listing.symbol, session.opens_at, at) if b.starts_at >= session.opens_at]

    def _last_before(self, listing: Listing, at: datetime) -> Bar | None:
        """Return the last bar that ended before `at`, or at it."""
        found = self._feed.bars(listing.symbol, at - timedelta(days=LOOK_BACK_DAYS), at)
        return max((b for b in found if b.ends_at <= at), key=lambda b: b.ends_at, default=None)

    def _of_session(self, bars: list[Bar], at: datetime) -> MarketView:
        """Of a bar that still runs only the open is known."""
        newest, ended = bars[-1], [b for b in bars if b.ends_at <= at]
        is_running = newest.ends_at > at
        last = newest.open if is_running else newest.close
        return MarketView(
            last=to_price(last),
            open=to_price(bars[0].open),
            high=to_price(max([last, *(b.high for b in ended)])),
            low=to_price(min([last, *(b.low for b in ended)])),
            volume=int(sum(b.volume for b in ended)),
            traded_at=newest.starts_at if is_running else newest.ends_at,
        )

    def _with_sides(self, view: MarketView) -> MarketView:
        assert view.last is not None, "a session with bars has a last price"
        return replace(
            view,
            bid=round_to_tick(self._costs.slipped(view.last, Side.SELL), tick=CENT, up=False),
            ask=round_to_tick(self._costs.slipped(view.last, Side.BUY), tick=CENT, up=True),
        )
