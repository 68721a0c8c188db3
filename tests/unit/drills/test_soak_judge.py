"""The judge of a soak finds each kind of broken promise, and nothing in a soak that went well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from trading.domain.instruments import BookId, BookKind
from trading.domain.parity import DifferenceKind, Parity, ParityDifference, ParityOutcome
from trading.drills.soak.judge import (
    Evidence,
    OutboxRow,
    Promise,
    check_market,
    check_messages,
    check_parity,
    check_reasons,
    check_told,
)
from trading.drills.soak.telegram import Handed
from trading.ports.messages import Fate

AT = datetime(2021, 6, 10, 14, 30, tzinfo=UTC)
KEY, PRICES = ("NVDA", "30m", AT), (10.0, 11.0, 9.0, 10.5, 1000.0)
SOUND = Evidence(
    bars={KEY: frozenset({PRICES})},
    market={KEY: PRICES},
    marks=(("NVDA", AT + timedelta(hours=1), 10.5),),
    closes={"NVDA": {10.5: AT + timedelta(minutes=30)}},
)


def promises(found) -> list[Promise]:
    return [promise for promise, _ in found]


def test_facts_that_are_the_markets_break_no_promise():
    assert promises(check_market(SOUND)) == []


@pytest.mark.parametrize(
    ("planted", "promise"),
    [
        ({"bars": {KEY: frozenset({PRICES, (10.0, 11.0, 9.0, 10.6, 1000.0)})}}, Promise.INVENTED),
        ({"bars": {("NVDA", "30m", AT + timedelta(days=1)): frozenset({PRICES})}}, Promise.INVENTED),
        ({"untrue": ("story 7 says what nobody wrote",)}, Promise.INVENTED),
        ({"marks": (("NVDA", AT + timedelta(hours=1), 10.51),)}, Promise.INVENTED),
        ({"marks": (("NVDA", AT, 10.5),)}, Promise.FUTURE),
        ({"early": ("reason rsi_above about NVDA reads a later bar",)}, Promise.FUTURE),
        ({"sources": frozenset({"SYNTHETIC", "polygon"})}, Promise.PAPER),
        ({"books": frozenset({"demo", "live"})}, Promise.PAPER),
        ({"live_arms": 1}, Promise.PAPER),
    ],
)
def test_a_planted_fact_is_found(planted, promise):
    assert promises(check_market(replace(SOUND, **planted))) == [promise]


def a_row(number: int, **changes) -> OutboxRow:
    row = OutboxRow(number, f"fill:{number}", "order_filled", "sent", f"#{number}", None)
    return replace(row, **changes)


def a_letter(number: int, **changes) -> Handed:
    return replace(Handed(f"#{number}", "SYNTHETIC Filled", has_arrived=True, fate=Fate.SENT), **changes)


ROWS, LETTERS = [a_row(1), a_row(2)], [a_letter(1), a_letter(2)]


def test_letters_that_arrived_once_and_in_order_break_no_promise():
    doubt = a_letter(1, fate=Fate.UNCERTAIN)
    assert promises(check_messages(ROWS, LETTERS)) == []
    assert promises(check_messages(ROWS, [doubt, a_letter(1), a_letter(2)])) == [], "a doubt is cleared once"


@pytest.mark.parametrize(
    ("rows", "letters", "promise"),
    [
        ([a_row(1, state="pending", reference=None)], [], Promise.MESSAGES),
        ([a_row(1)], [], Promise.MESSAGES),
        ([a_row(1)], [a_letter(1, has_arrived=False, fate=Fate.UNCERTAIN)], Promise.MESSAGES),
        ([a_row(1, state="dropped", reference=None)], [], Promise.MESSAGES),
        ([a_row(1, state="failed")], [a_letter(1, has_arrived=False, fate=Fate.UNCERTAIN)], Promise.MESSAGES),
        (ROWS, [*LETTERS, a_letter(1)], Promise.MESSAGES),
        (ROWS, LETTERS[::-1], Promise.MESSAGES),
        (ROWS, [a_letter(1, title="Filled"), a_letter(2)], Promise.LABELLED),
    ],
    ids=["unsent", "never handed", "lost", "dropped", "given up", "twice", "order", "label"],
)
def test_a_planted_letter_is_found(rows, letters, promise):
    assert promises(check_messages(rows, letters)) == [promise]


def test_a_red_run_is_told_once_and_a_green_one_not_at_all():
    told = [a_row(1, key="failure:hourly_trading:a")]
    assert promises(check_told(["failure:hourly_trading:a"], told, "failure:")) == []
    assert promises(check_told([], told, "failure:")) == [Promise.TOLD]
    assert promises(check_told(["failure:hourly_trading:a"], told * 2, "failure:")) == [Promise.TOLD]
    assert promises(check_told(["failure:hourly_trading:b"], [], "failure:")) == [Promise.TOLD]


def a_difference(kind: DifferenceKind, what: str) -> ParityDifference:
    return ParityDifference(kind, AT, "NVDA", what, "1", "2")


def a_day(*differences: ParityDifference) -> Parity:
    book = BookId(BookKind.DEMO, "soak")
    return Parity(book, date(2021, 6, 10), ParityOutcome.DIFFERENT, "differs", differences=differences)


def test_a_calm_day_equals_its_replay():
    day = a_day(a_difference(DifferenceKind.ORDER_MISSING, "entry"))
    assert promises(check_parity(day, is_calm=True)) == [Promise.REPLAY]
    assert promises(check_parity(day, is_calm=False)) == []
    late = a_day(replace(a_difference(DifferenceKind.INPUT, "price"), cause="it came late"))
    assert promises(check_parity(late, is_calm=True)) == [], "what the day before left behind"
    assert promises(check_parity(late, is_calm=True, follows_calm=True)) == [Promise.REPLAY]
    unknown = replace(a_day(), outcome=ParityOutcome.UNKNOWN)
    assert promises(check_parity(unknown, is_calm=True, follows_calm=True)) == [Promise.REPLAY]


def test_the_same_inputs_give_the_same_verdicts_and_hash_on_any_day():
    verdict, late = a_difference(DifferenceKind.VERDICT, "rsi_above"), a_difference(DifferenceKind.INPUT, "price")
    assert promises(check_parity(a_day(verdict), is_calm=False)) == [Promise.REPLAY]
    assert promises(check_parity(a_day(late, verdict), is_calm=False)) == []
    assert promises(check_parity(a_day(a_difference(DifferenceKind.VERDICT, "position_open")), is_calm=False)) == []
    assert promises(check_parity(a_day(a_difference(DifferenceKind.HASH, "hash")), is_calm=False)) == [Promise.REPLAY]


def test_a_symbol_without_its_verdicts_is_found():
    assert promises(check_reasons({"NVDA": 9, "GLD": 9}, ["NVDA", "GLD"], decision_id="d")) == []
    assert promises(check_reasons({"NVDA": 9, "GLD": 8}, ["NVDA", "GLD"], decision_id="d")) == [Promise.EXPLAINED]
    assert promises(check_reasons({}, ["NVDA"], decision_id="d")) == [Promise.EXPLAINED]
