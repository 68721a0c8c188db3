"""The broker's bars over a real socket: the installed client library asks the paper gateway, which plays the broker."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import date, timedelta

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.history import CLIENT_ID, NAME, PACING, HistoryLine
from trading.adapters.ibkr.session import Patience
from trading.adapters.sources.ibkr_bars import INDICES, METALS, STOCKS, IbkrBars, SplitKnowledge
from trading.domain.instruments import GOLD, VIX
from trading.domain.market import ActionKind, CorporateAction, Resolution, TimeWindow
from trading.errors import (
    DataRejected,
    NotEntitled,
    SymbolNotEntitled,
    UnknownSymbol,
    VendorRateLimited,
    VendorRefused,
    VendorUnavailable,
)
from trading.gateway.feed import DailyFeed
from trading.gateway.records import Refusal
from trading.gateway.session import HANDLERS
from trading.gateway.wire import frame

from tests.fakes import ACCOUNT, FixedClock, WeekdayCalendar, flat_bars, half_hours, memory_feed, ny, running_gateway
from tests.fakes_http import MemoryCalls

MONDAY = date(2019, 6, 3)
NOW = ny("2019-06-07 16:00")
WEEK = TimeWindow(ny("2019-06-03 09:30"), NOW)
HASTY = Patience(handshake_seconds=2.0, request_seconds=2.0, client_id_seconds=2.0)
SPLIT = CorporateAction("NVDA", ActionKind.SPLIT, date(2019, 6, 5), 10.0, "test", ny("2019-06-01 09:30"))
HISTORICAL = 20
"""The request for historical bars."""


def market():
    bars = flat_bars("NVDA", MONDAY, 2, price=1000.0) + flat_bars("NVDA", date(2019, 6, 5), 3, price=101.0)
    halted = [bar for bar in flat_bars("AMD", MONDAY, 5) if bar.starts_at != ny("2019-06-05 11:30")]
    metals = [replace(bar, volume=0.0) for bar in flat_bars(GOLD, MONDAY, 5, price=1400.0)]
    return [*bars, *halted, *metals, *flat_bars(VIX, MONDAY, 5, price=35.5)]


def feed_of(bars, *actions):
    plain = memory_feed(bars)
    chosen = lambda symbols, first_on, last_on: [  # noqa: E731 - the feed's reader of actions
        a for a in actions if a.symbol in symbols and first_on <= a.ex_on <= last_on
    ]
    return DailyFeed(plain.symbols, plain._read_day, chosen)


@pytest.fixture
def gateway():
    with running_gateway(feed_of(market(), SPLIT), NOW) as running:
        yield running


class Actions:
    """A source of splits."""

    name = "actions"

    def __init__(self, *actions):
        self.actions, self.asked = actions, []

    def corporate_actions(self, symbols, window):
        self.asked.append((tuple(symbols), window))
        return iter(action for action in self.actions if action.symbol in symbols)


class Desk:
    """The source, on one gateway."""

    def __init__(self, gateway, *, now=NOW, stored=(SPLIT,), sources=(), simulated=True, seconds=20.0, writer=11,
                 calendar=None, port=None, calls=None, is_history=False):  # fmt: skip
        self.calls, self.calendar = calls or MemoryCalls(now=now), calendar or WeekdayCalendar()
        self.line = HistoryLine(
            "127.0.0.1", port or gateway.port, self.calls,
            writer_client_id=writer, deadline_seconds=seconds, patience=HASTY, allows_simulated=simulated,
        )  # fmt: skip
        knowledge = SplitKnowledge(
            lambda symbol: [action for action in stored if action.symbol == symbol], sources, FixedClock(now)
        )
        self.source = IbkrBars(self.line, self.calendar, knowledge, is_history=is_history)

    def bars(self, symbol="AMD", window=WEEK, resolution=Resolution.HALF_HOUR):
        return list(self.source.bars(symbol, window, resolution))


def refusing(monkeypatch, code, words):
    """Let the gateway refuse every question about bars."""

    def refuse(session, request):
        session.about(request.whole())
        raise Refusal(code, words)

    monkeypatch.setitem(HANDLERS, HISTORICAL, refuse)


# --- what is served --------------------------------------------------------------------------------


def test_the_bars_are_the_markets_and_a_halted_half_hour_stays_a_gap(gateway):
    bars = Desk(gateway, sources=[Actions()]).bars()
    told = [(b.starts_at, b.ends_at, b.open, b.high, b.low, b.close, b.volume) for b in bars]
    traded = [b for b in market() if b.symbol == "AMD"]
    assert told == [(b.starts_at, b.ends_at, b.open, b.high, b.low, b.close, b.volume) for b in traded]
    assert len(bars) == 64
    assert ny("2019-06-05 11:30") not in {b.starts_at for b in bars}
    assert {b.known_at - b.ends_at for b in bars} == {timedelta(0)}


def test_days_span_their_sessions_and_one_that_is_not_over_is_not_served(gateway):
    desk = Desk(gateway, sources=[Actions()])
    window = TimeWindow(WEEK.starts_at, ny("2019-06-07 15:30"))
    assert desk.source.served_until("AMD", Resolution.DAY, window.ends_at) == ny("2019-06-06 16:00")
    days = desk.bars(window=window, resolution=Resolution.DAY)
    assert [(d.starts_at, d.ends_at) for d in days] == [
        (ny(f"2019-06-0{day} 09:30"), ny(f"2019-06-0{day} 16:00")) for day in (3, 4, 5, 6)
    ]
    assert days[0].volume == 13_000


def test_a_bar_that_still_runs_is_not_served(gateway):
    bars = Desk(gateway, sources=[Actions()]).bars(window=TimeWindow(ny("2019-06-07 09:30"), ny("2019-06-07 10:45")))
    assert [b.starts_at for b in bars] == [ny("2019-06-07 09:30"), ny("2019-06-07 10:00")]


def test_a_half_day_ends_at_one_and_sessions_around_the_clock_change_begin_at_half_past_nine():
    calendar = WeekdayCalendar(half_days=frozenset({date(2026, 10, 30)}))
    bars = [
        bar
        for session in calendar.sessions(date(2026, 10, 30), date(2026, 11, 2))
        for bar in half_hours("AMD", session.opens_at, [(100.0,) * 4] * (7 if session.session_on.day == 30 else 13))
    ]
    window = TimeWindow(ny("2026-10-30 09:30"), ny("2026-11-02 16:00"))
    with running_gateway(memory_feed(bars), window.ends_at) as gateway:
        desk = Desk(gateway, now=window.ends_at, sources=[Actions()], calendar=calendar)
        halves, days = desk.bars(window=window), desk.bars(window=window, resolution=Resolution.DAY)
    assert [b.starts_at for b in halves] == [b.starts_at for b in bars]
    assert [d.ends_at for d in days] == [ny("2026-10-30 13:00"), ny("2026-11-02 16:00")]


def test_a_split_that_the_broker_works_into_its_history_is_taken_out_again(gateway):
    halves = Desk(gateway).bars("NVDA")
    days = Desk(gateway).bars("NVDA", resolution=Resolution.DAY)
    assert [d.close for d in days] == [1000.0, 1000.0, 101.0, 101.0, 101.0]
    assert {h.close for h in halves[:26]} == {1000.0}
    assert {h.close for h in halves[26:]} == {101.0}
    assert days[0].volume == pytest.approx(13_000)


def test_before_a_split_takes_effect_nothing_is_changed(gateway):
    eve = ny("2019-06-04 16:00")
    with running_gateway(feed_of(market(), SPLIT), eve) as early:
        assert {b.close for b in Desk(early, now=eve).bars("NVDA", TimeWindow(WEEK.starts_at, eve))} == {1000.0}


def test_old_history_asks_a_source_of_splits_and_recent_one_takes_what_is_stored(gateway):
    source = Actions(SPLIT)
    late = ny("2019-07-01 16:00")
    desk = Desk(gateway, now=late, stored=(), sources=[source])
    assert desk.bars("NVDA", resolution=Resolution.DAY)[0].close == 1000
    assert desk.bars("NVDA")[0].close == 1000, "the same question is not asked twice"
    assert source.asked == [(("NVDA",), TimeWindow(WEEK.starts_at, late))]
    Desk(gateway, sources=[source]).bars("NVDA")
    assert len(source.asked) == 1


def test_where_nobody_tells_of_splits_only_the_current_session_is_served(gateway):
    bars = Desk(gateway, stored=()).bars("NVDA")
    assert {b.starts_at.date() for b in bars} == {date(2019, 6, 7)}
    assert len(bars) == 13


def test_where_nobody_tells_of_splits_history_is_refused_instead_of_cut_and_the_next_symbol_is_asked(gateway):
    desk = Desk(gateway, stored=(), is_history=True)
    with pytest.raises(DataRejected, match=r"nobody tells of the splits of NVDA.*; set POLYGON_API_KEY"):
        desk.bars("NVDA")
    assert desk.calls.calls == []
    assert len(desk.bars(VIX)) == 65
    assert len(desk.bars("NVDA", TimeWindow(ny("2019-06-07 09:30"), NOW))) == 13, "the current session needs no splits"


def test_the_vix_of_today_comes_without_volume_and_on_the_day_itself(gateway):
    bars = Desk(gateway).bars(VIX)
    assert {(b.close, b.volume) for b in bars} == {(35.5, 0.0)}
    assert bars[-1].known_at == NOW


def test_the_day_of_the_vix_ends_a_quarter_of_an_hour_after_the_stocks(gateway):
    desk = Desk(gateway)
    assert desk.source.served_until(VIX, Resolution.DAY, NOW) == ny("2019-06-06 16:00")
    assert desk.bars(VIX, resolution=Resolution.DAY)[-1].ends_at == ny("2019-06-06 16:00")
    later = NOW + timedelta(minutes=15)
    gateway.tell("advance", to=later.isoformat())
    assert desk.source.served_until(VIX, Resolution.DAY, later) == NOW
    newest = Desk(gateway).bars(VIX, TimeWindow(WEEK.starts_at, later), Resolution.DAY)[-1]
    assert (newest.ends_at, newest.known_at) == (NOW, later)


def test_gold_is_served_in_half_hours_of_midpoints_and_not_in_days(gateway):
    desk = Desk(gateway)
    assert {(b.close, b.volume) for b in desk.bars(GOLD)} == {(1400.0, 0.0)}
    assert desk.source.served_until(GOLD, Resolution.DAY, NOW) is None


def test_hours_are_not_served_because_the_brokers_are_clock_anchored(gateway):
    assert Desk(gateway).source.served_until("AMD", Resolution.HOUR, NOW) is None


def test_a_long_window_is_asked_for_in_pieces_that_the_broker_answers(gateway):
    desk = Desk(gateway, sources=[Actions()])
    window = TimeWindow(ny("2019-03-04 09:30"), NOW)
    assert len(desk.bars(window=window)) == 64
    asked = [call.endpoint for call in desk.calls.calls]
    assert [endpoint.split("/")[4] for endpoint in asked] == ["1 M", "1 M", "1 M", "1 M"]
    assert len({endpoint for endpoint in asked}) == 4


# --- who asks --------------------------------------------------------------------------------------


def test_the_connection_has_an_id_of_its_own_and_is_closed_after_each_use(gateway, monkeypatch):
    seen = []
    answer = HANDLERS[HISTORICAL]

    def watching(session, request):
        seen.extend(s.client_id for s in gateway.gateway.sessions)
        answer(session, request)

    monkeypatch.setitem(HANDLERS, HISTORICAL, watching)
    Desk(gateway, sources=[Actions()]).bars()
    assert seen == [CLIENT_ID]
    assert Desk(gateway, writer=CLIENT_ID).line.client_id == CLIENT_ID + 1
    gateway.tell("advance", to=NOW.isoformat())
    assert gateway.tell("state")["clients"] == []


def test_bars_are_read_while_the_writer_is_connected(gateway):
    with IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, gateway.control_port).connect() as writer:
        assert Desk(gateway, sources=[Actions()]).bars()
        assert writer.identity().client_id == 11


def test_the_prices_of_a_simulated_broker_are_our_own_and_refused(gateway):
    desk = Desk(gateway, simulated=False, sources=[Actions()])
    with pytest.raises(SymbolNotEntitled, match="SIMULATED"):
        desk.bars()
    assert desk.source.served_until("AMD", Resolution.HALF_HOUR, NOW) is None


def test_identical_questions_are_fifteen_seconds_apart_and_others_half_a_second(gateway):
    desk = Desk(gateway, sources=[Actions()])
    for symbol in ("AMD", "AMD", VIX):
        desk.bars(symbol)
    first, second, third = (call.called_at for call in desk.calls.calls)
    assert second - first >= timedelta(seconds=PACING.repeat_seconds)
    assert timedelta(seconds=PACING.pause_seconds) <= third - second < timedelta(seconds=1)


# --- what goes wrong -------------------------------------------------------------------------------


def test_an_unknown_symbol_fails_alone(gateway):
    desk = Desk(gateway, sources=[Actions()])
    with pytest.raises(UnknownSymbol, match="200"):
        desk.bars("NONE")
    assert desk.bars()


def test_without_a_subscription_bars_are_a_quarter_of_an_hour_late_and_say_so(gateway):
    gateway.tell("live_data", is_subscribed=False)
    bars = Desk(gateway, sources=[Actions()]).bars()
    assert {b.known_at - b.ends_at for b in bars} == {timedelta(minutes=15)}
    assert bars[-1].ends_at == ny("2019-06-07 15:30"), "the newest one still runs in what is shown"


@pytest.mark.parametrize(
    ("code", "words"),
    [(354, "Requested market data is not subscribed."), (162, "No market data permissions for ISLAND STK")],
)
def test_a_missing_permission_is_asked_for_once_a_day_and_leaves_other_kinds_on(gateway, monkeypatch, code, words):
    refusing(monkeypatch, code, words)
    desk = Desk(gateway)
    with pytest.raises(SymbolNotEntitled):
        desk.bars(VIX)
    assert desk.calls.off_reason(NAME, INDICES)
    assert desk.source.served_until(VIX, Resolution.HALF_HOUR, NOW) is None
    assert desk.source.served_until("AMD", Resolution.HALF_HOUR, NOW) == NOW
    with pytest.raises(NotEntitled):
        desk.bars(VIX)
    assert len(desk.calls.calls) == 1
    assert not any(desk.calls.off_reason(NAME, kind) for kind in (STOCKS, METALS))


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (162, "Historical Market Data Service error message:query pacing violation", VendorRateLimited),
        (100, "Max rate of messages per second has been exceeded", VendorRateLimited),
        (366, "No historical data query found for ticker id", VendorUnavailable),
        (1100, "Connectivity between IBKR and Trader Workstation has been lost", VendorUnavailable),
        (10197, "No market data during competing live session", VendorRefused),
        (321, "Error validating request", VendorRefused),
    ],
)  # fmt: skip
def test_each_refusal_has_its_type(gateway, monkeypatch, code, words, kind):
    refusing(monkeypatch, code, words)
    desk = Desk(gateway, sources=[Actions()])
    with pytest.raises(kind) as caught:
        desk.bars()
    assert type(caught.value) is kind
    assert [failure for _, failure in desk.calls.results()] == [str(code)]


def test_no_data_is_no_bars(gateway):
    bars = Desk(gateway, sources=[Actions()]).bars(window=TimeWindow(ny("2018-06-04 09:30"), ny("2018-06-05 16:00")))
    assert bars == []


def test_a_competing_session_that_silences_the_answer_is_named(gateway):
    desk = Desk(gateway, sources=[Actions()], seconds=1.0)
    gateway.tell("fault", message_id=-17, fault="drop")
    answer = HANDLERS[HISTORICAL]

    def compete(session, request):
        session.send(frame(4, 2, -1, 10197, "No market data during competing live session", ""))
        answer(session, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(HANDLERS, HISTORICAL, compete)
        with pytest.raises(VendorRefused, match="10197"):
            desk.bars()


@pytest.mark.parametrize("fault", ["close_before", "half_frame", "drop"])
def test_a_gateway_that_dies_or_stalls_while_it_is_asked_is_an_outage_and_never_an_empty_answer(gateway, fault):
    gateway.tell("fault", message_id=-17, fault=fault)
    desk = Desk(gateway, sources=[Actions()], seconds=1.0)
    with pytest.raises(VendorUnavailable):
        desk.bars()
    assert desk.calls.failures[NAME] == 1


def test_five_outages_leave_the_gateway_alone_and_the_next_source_is_asked():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    desk = Desk(None, port=port, sources=[Actions()])
    for _ in range(5):
        with pytest.raises(VendorUnavailable, match="no broker answers"):
            desk.bars()
    assert desk.source.served_until("AMD", Resolution.HALF_HOUR, NOW) is None


def test_a_port_that_never_speaks_does_not_hold_the_task_past_its_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        desk = Desk(None, port=silent.getsockname()[1], sources=[Actions()], seconds=0.3)
        with pytest.raises(VendorUnavailable):
            desk.bars()
        with pytest.raises(VendorUnavailable, match="time"):
            desk.bars()
