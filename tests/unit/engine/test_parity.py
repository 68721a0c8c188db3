"""A day beside its replay: equal to itself, and every planted difference has its name and, where known, its cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.domain.codec import decode, encode
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side
from trading.domain.panel import Why
from trading.domain.parity import DifferenceKind, Parity, ParityOutcome
from trading.domain.signals import Outcome
from trading.engine import parity as parities
from trading.engine.parity import Day, DayHour, DayOrder, compare

from tests.builders import AS_OF, BOOK, a_fill, a_reason, an_order

ON = date(2019, 6, 3)
HOURS = tuple(AS_OF + timedelta(hours=n) for n in range(3))
CODE = "0.1.0+abc"


def an_hour(as_of, **changes) -> DayHour:
    verdict = a_reason(as_of=as_of)
    hour = DayHour(
        as_of=as_of,
        cutoff_at=as_of,
        decision_hash=f"hash {as_of:%H}",
        spec_hash="spec",
        code_version=CODE,
        note="1 entry",
        inputs={("NVDA", "price"): 100.0, ("NVDA", "why_price"): int(Why.KNOWN), ("", "vix"): 15.0},
        verdicts={(verdict.symbol, verdict.role.value, verdict.rule): verdict},
        targets={"NVDA": 0.1},
    )
    return replace(hour, **changes)


def an_entry(**changes) -> Order:
    return an_order(planned_at=HOURS[0], **changes)


def a_day(**changes) -> Day:
    entry = an_entry()
    fill = a_fill(order_id=entry.order_id, quantity=entry.quantity, price=Decimal("100.10"), executed_at=HOURS[0])
    hours = {at: an_hour(at) for at in HOURS}
    return replace(Day(HOURS, hours, (DayOrder(entry),), ((fill, entry),), 100_000.0), **changes)


def with_hour(day: Day, as_of, **changes) -> Day:
    return replace(day, hours={**day.hours, as_of: replace(day.hours[as_of], **changes)})


def of(lived: Day, replayed: Day | None = None, **context) -> Parity:
    return compare(BOOK, ON, lived, replayed or a_day(), code_version=CODE, **context)


def test_a_day_equals_itself_and_says_so_in_one_sentence():
    found = of(a_day())
    assert found.outcome is ParityOutcome.EQUAL
    assert found.differences == ()
    assert found.summary == (
        "3 of 3 decisions equal; 1 of 1 orders equal; 1 of 1 fills matched; shortfall 10.0 bps, 1.00 USD"
    )


values = st.one_of(st.none(), st.floats(allow_nan=False), st.integers(0, 10))
days = st.builds(
    lambda inputs, weights, nav, count: Day(
        HOURS,
        {
            at: an_hour(at, inputs={("NVDA", f"column_{n}"): v for n, v in enumerate(inputs)}, targets=weights)
            for at in HOURS
        },
        tuple(DayOrder(an_entry(symbol=f"S{n}", order_id=f"o{n}")) for n in range(count)),
        (),
        nav,
    ),
    st.lists(values, max_size=5),
    st.dictionaries(st.sampled_from(["NVDA", "AMD"]), st.floats(0.001, 1)),
    st.none() | st.floats(1, 1e6),
    st.integers(0, 4),
)


@given(days)
def test_any_day_equals_itself(day):
    found = of(day, day)
    assert (found.outcome, found.decisions_equal, found.orders_equal) == (ParityOutcome.EQUAL, 3, len(day.orders))


@given(days)
def test_a_stored_comparison_reads_back_as_it_was(day):
    found = of(day, a_day())
    assert decode(Parity, encode(found)) == found


def price_of(at, value, why=Why.KNOWN) -> Callable[[Day], Day]:
    def plant(day: Day) -> Day:
        return with_hour(
            day, at, inputs={**day.hours[at].inputs, ("NVDA", "price"): value, ("NVDA", "why_price"): int(why)}
        )

    return plant


def without_hour(day: Day) -> Day:
    return replace(day, hours={at: hour for at, hour in day.hours.items() if at != HOURS[1]})


def another_verdict(day: Day) -> Day:
    verdicts = {k: replace(r, outcome=Outcome.FAIL) for k, r in day.hours[HOURS[1]].verdicts.items()}
    return with_hour(day, HOURS[1], verdicts=verdicts)


def ordered(why_not=None, **changes) -> Callable[[Day], Day]:
    return lambda day: replace(day, orders=(DayOrder(an_entry(**changes), why_not),))


PLANTED = {
    "a missing hour": (without_hour, DifferenceKind.HOUR_MISSING, parities.NO_HOUR),
    "late data": (price_of(HOURS[1], None, Why.NO_DATA), DifferenceKind.INPUT, parities.LATE),
    "a parked symbol": (price_of(HOURS[1], None, Why.PARKED), DifferenceKind.INPUT, parities.PARKED),
    "a revised bar": (price_of(HOURS[1], 99.0), DifferenceKind.INPUT, parities.REVISED),
    "a verdict": (another_verdict, DifferenceKind.VERDICT, None),
    "a target": (lambda d: with_hour(d, HOURS[1], targets={"NVDA": 0.09}), DifferenceKind.TARGET, None),
    "a note": (lambda d: with_hour(d, HOURS[1], note="0 entries"), DifferenceKind.NOTE, None),
    "a hash alone": (lambda d: with_hour(d, HOURS[1], decision_hash="other"), DifferenceKind.HASH, None),
    "a missing order": (lambda d: replace(d, orders=()), DifferenceKind.ORDER_MISSING, None),
    "an order too many": (
        lambda d: replace(d, orders=(*d.orders, DayOrder(an_entry(symbol="AMD")))), DifferenceKind.ORDER_EXTRA, None,
    ),
    "an order denied at send": (
        ordered("denied at send: VIX_BLOCK", status=OrderStatus.DENIED),
        DifferenceKind.ORDER_UNSENT,
        "denied at send: VIX_BLOCK",
    ),
    "another quantity": (ordered(quantity=Decimal(9)), DifferenceKind.ORDER_QUANTITY, None),
    "another limit": (ordered(limit_price=Decimal("100.51")), DifferenceKind.ORDER_LIMIT, None),
    "another type": (ordered(order_type=OrderType.MARKET), DifferenceKind.ORDER_TYPE, None),
    "a missed fill": (lambda d: replace(d, fills=()), DifferenceKind.FILL_MISSED, None),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_named_with_its_cause(name):
    plant, kind, cause = PLANTED[name]
    found = of(plant(a_day()))
    assert found.outcome is ParityOutcome.DIFFERENT
    first = found.differences[0]
    assert (first.kind, first.cause) == (kind, cause)
    assert first.book != first.replay


def test_both_values_of_an_input_are_shown():
    (price,) = of(price_of(HOURS[1], 99.0)(a_day())).differences
    assert (price.symbol, price.what, price.book, price.replay) == ("NVDA", "price", "99", "100")


def test_what_comes_after_a_difference_says_that_it_may_follow_from_it():
    lived = with_hour(price_of(HOURS[0], 99.0)(a_day()), HOURS[2], targets={"NVDA": 0.05})
    first, second = of(lived).differences
    assert (first.cause, second.cause) == (parities.REVISED, parities.EARLIER)


def test_other_code_and_acts_of_people_are_causes_and_remarks():
    lived = with_hour(a_day(), HOURS[0], note="other", code_version="0.0.9+def")
    found = of(lived)
    assert found.differences[0].cause == parities.OTHER_CODE
    assert found.remarks == ("decided by 0.0.9+def, replayed by 0.1.0+abc",)
    by_hand = of(with_hour(a_day(), HOURS[0], note="other"), by_hand=["state HALTED by cli:ann: lunch"])
    assert by_hand.differences[0].cause == parities.BY_HAND
    assert "lunch" in by_hand.remarks[0]


def test_orders_of_another_source_delay_are_compared_by_their_hour_and_explained():
    late = HOURS[0] + timedelta(minutes=15)
    lived = with_hour(a_day(orders=(), fills=()), HOURS[0], cutoff_at=late, decision_hash="other")
    lived = replace(lived, orders=(DayOrder(an_order(planned_at=late, quantity=Decimal(7))),))
    found = of(lived, a_day(fills=()))
    kinds = [(d.kind, d.cause) for d in found.differences]
    assert kinds == [
        (DifferenceKind.HASH, parities.OTHER_DELAY),
        (DifferenceKind.ORDER_QUANTITY, parities.EARLIER),
    ]
    assert (found.orders, found.orders_equal) == (1, 0)


def test_another_strategy_explains_what_it_decides():
    assert of(with_hour(a_day(), HOURS[0], note="x", spec_hash="y")).differences[0].cause == parities.OTHER_STRATEGY


def test_a_worse_price_is_measured_and_is_no_difference():
    entry = an_entry()
    fill = a_fill(order_id=entry.order_id, quantity=Decimal(10), price=Decimal("100.30"), commission_usd=Decimal(2))
    found = of(a_day(fills=((fill, entry),)))
    assert found.outcome is ParityOutcome.EQUAL
    (row,) = found.fills
    assert row.shortfall_bps == pytest.approx(30.0)
    assert row.shortfall_usd == Decimal("3.00")
    assert row.behind_replay_bps == pytest.approx(19.98, abs=0.01)
    assert (row.commission_usd, row.replay_commission_usd) == (Decimal(2), a_fill().commission_usd)


def test_a_sale_that_got_less_than_the_decision_price_is_a_shortfall_too():
    sale = an_entry(side=Side.SELL, purpose=OrderPurpose.EXIT)
    fill = a_fill(order_id=sale.order_id, side=Side.SELL, quantity=Decimal(10), price=Decimal("99.50"))
    day = a_day(orders=(DayOrder(sale),), fills=((fill, sale),))
    assert of(day, day).shortfall_bps == pytest.approx(50.0)


def test_parts_of_a_fill_count_as_one_and_a_smaller_one_differs():
    entry = an_entry()
    parts = tuple(
        (a_fill(fill_id=f"{n}", order_id=entry.order_id, quantity=Decimal(n), price=Decimal("100.10")), entry)
        for n in (4, 6)
    )
    assert of(a_day(fills=parts)).outcome is ParityOutcome.EQUAL
    (less,) = of(a_day(fills=parts[:1])).differences
    assert (less.kind, less.book) == (DifferenceKind.FILL_QUANTITY, "4 at 100.1000")


def test_a_protection_placed_anew_is_the_same_protection():
    stop = an_order(side=Side.SELL, purpose=OrderPurpose.STOP, planned_at=HOURS[0] - timedelta(days=3))
    anew = replace(stop, order_id="anew", planned_at=HOURS[0] - timedelta(days=1))
    fill = a_fill(order_id=stop.order_id, side=Side.SELL)
    found = of(a_day(fills=((fill, anew),)), a_day(fills=((fill, stop),)))
    assert found.outcome is ParityOutcome.EQUAL
    assert found.fills[0].shortfall_bps is None, "no hour decided it"
