"""Locks that follow from what happened: a stopped symbol rests, many stops pause the book, each with its last day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from trading.domain.fills import Disposal, Term
from trading.domain.instruments import BookId, BookKind
from trading.domain.locks import Restriction, StopOut
from trading.domain.portfolio import Portfolio
from trading.engine.desk_view import limits_of
from trading.engine.locks import guarded, locks_of, resting
from trading.engine.state import BookState
from trading.strategy.spec import Protection
from trading.strategy.three_sector import technical_core

from tests.builders import AS_OF

BOOK = BookId(BookKind.REPLAY, "locks")
ON = date(2024, 6, 12)
DAY = timedelta(days=1)
RULES = Protection(cooldown_days=7, guard_stops=3, guard_window_days=10, guard_pause_days=5)
LIMITS = limits_of(technical_core())
days = st.integers(0, 40).map(lambda n: date(2024, 5, 1) + n * DAY)


def stops(*on: date, symbol: str | None = None) -> tuple[StopOut, ...]:
    return tuple(StopOut(symbol or f"S{n}", day, f"o{n}") for n, day in enumerate(on))


def a_book(**overrides) -> BookState:
    return replace(BookState(Portfolio(BOOK, AS_OF, Decimal(100_000))), **overrides)


def a_loss(symbol: str, on: date) -> Disposal:
    ten, one, zero = Decimal(10), Decimal(1), Decimal(0)
    return Disposal("d", "l", "f", BOOK, symbol, one, one, ten, zero, on - 90 * DAY, on, Term.SHORT)


def locks(state: BookState, on: date = ON) -> list[tuple]:
    return [(lock.code, lock.symbol, lock.since, lock.until) for lock in locks_of(state, RULES, LIMITS, on)]


def test_a_stopped_symbol_rests_from_its_newest_stop():
    assert resting(stops(ON - 5 * DAY, ON, symbol="NVDA"), RULES) == {"NVDA": ON + 7 * DAY}
    assert resting(stops(ON), replace(RULES, cooldown_days=0)) == {}


def test_the_guard_counts_stops_within_its_window_and_pauses_from_the_last_of_them():
    just_within = stops(ON - 9 * DAY, ON - 2 * DAY, ON)
    assert guarded(just_within, RULES, ON) == (ON, ON + 5 * DAY)
    assert guarded(just_within, RULES, ON + 5 * DAY) == (ON, ON + 5 * DAY)
    assert guarded(just_within, RULES, ON + 6 * DAY) is None
    assert guarded(just_within, RULES, ON - DAY) is None
    assert guarded(stops(ON - 10 * DAY, ON - 2 * DAY, ON), RULES, ON) is None
    assert guarded(just_within, replace(RULES, guard_stops=0), ON) is None


def test_another_stop_makes_the_pause_longer():
    assert guarded(stops(ON - 3 * DAY, ON - 2 * DAY, ON - DAY, ON), RULES, ON) == (ON, ON + 5 * DAY)


def test_the_pause_holds_though_the_stops_that_caused_it_leave_the_window():
    early = stops(ON - 9 * DAY, ON - 8 * DAY, ON, ON + 4 * DAY)
    assert guarded(early, RULES, ON + 5 * DAY) == (ON, ON + 5 * DAY)


@given(on=st.lists(days, max_size=8), at=days)
def test_the_guard_holds_exactly_while_some_window_held_too_many_stops(on, at):
    count, window, pause = RULES.guard_stops, RULES.guard_window_days, RULES.guard_pause_days
    too_many = [
        end
        for end in on
        if sum(end - window * DAY < day <= end for day in on) >= count and end <= at <= end + pause * DAY
    ]
    spell = guarded(stops(*on), RULES, at)
    assert (spell is not None) == bool(too_many)
    if spell is not None:
        assert spell[1] == max(too_many) + pause * DAY


def test_every_lock_says_what_it_locks_until_when_and_which_check_denies():
    book = a_book(
        stops=stops(ON - 3 * DAY, symbol="NVDA"),
        disposals=(a_loss("AMD", ON - 30 * DAY),),
        restricted={"TSLA": Restriction("TSLA", ON - DAY, ON, "cli:me: earnings")},
        untradable={"GLD": "reconciliation: foreign order"},
        newest_nav_usd=96_000.0, closing_nav_usd=100_000.0, orders_today=20,
    )  # fmt: skip
    assert locks(book) == [
        ("DAILY_LOSS", None, ON, ON),
        ("DAILY_LIMIT", None, ON, ON),
        ("COOLDOWN", "NVDA", ON - 3 * DAY, ON + 4 * DAY),
        ("WASH_BLOCK", "AMD", ON - 30 * DAY, ON),
        ("RESTRICTED", "TSLA", ON - DAY, ON),
        ("NOT_TRADABLE", "GLD", None, None),
    ]


def test_a_lock_whose_last_day_has_passed_is_gone():
    book = a_book(
        stops=stops(ON - 8 * DAY, symbol="NVDA"),
        disposals=(a_loss("AMD", ON - 31 * DAY),),
        restricted={"TSLA": Restriction("TSLA", ON - 9 * DAY, ON - DAY, "cli:me: earnings")},
    )
    assert locks(book) == []


def test_turnover_locks_the_rest_of_the_day_only():
    busy = a_book(newest_nav_usd=100_000.0, closing_nav_usd=100_000.0, traded_usd=40_000.0, traded_on=ON)
    assert locks(busy) == [("DAILY_LIMIT", None, ON, ON)]
    assert locks(busy, ON + DAY) == []
