"""What must change so that each long has one live stop and one live target for exactly its shares."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.domain.orders import Order, OrderPurpose, OrderStatus
from trading.execution.planner import PlanTerms, plan_entry
from trading.execution.protection import Holding, Repairs, auto_cancel_on, plan_protection, plan_repairs

from tests.builders import AS_OF, BOOK

TOMORROW = date(2019, 6, 4)


def terms(decision_id: str = "d1", planned_at=AS_OF) -> PlanTerms:
    return PlanTerms(BOOK, decision_id, planned_at, 0.005, 0.12, 0.25)


def family(decision_id: str = "d1", *, shares: int = 100, planned_at=AS_OF) -> tuple[Order, Order, Order]:
    legs = plan_entry(
        terms(decision_id, planned_at), "NVDA", weight_frac=0.2, nav_usd=100_000.0, last_price=100.0,
        expires_at=planned_at + timedelta(minutes=25),
    )  # fmt: skip
    entry, stop, target = (replace(leg, quantity=Decimal(shares), status=OrderStatus.SUBMITTED) for leg in legs)
    return entry, stop, target


def a_holding(*guards: Order, held: int = 100, **overrides) -> Holding:
    shown = overrides.pop("shown", held)
    prices = {"stop_price": Decimal("88.00"), "target_price": Decimal("125.00")}
    return Holding("NVDA", Decimal(held), Decimal(shown), guards, **{**prices, **overrides})


def repairs_of(holding: Holding) -> Repairs:
    return plan_repairs(holding, next_session_on=TOMORROW)


def test_a_position_with_one_family_for_its_shares_needs_nothing():
    _, stop, target = family()
    assert repairs_of(a_holding(stop, target)).why is None


def test_a_position_without_protection_gets_a_pair_that_cancels_itself():
    repairs = repairs_of(a_holding())
    ((stop, target),) = plan_protection(terms("protection"), [repairs])
    assert (repairs.place, stop.quantity, target.quantity) == (100, 100, 100)
    assert (stop.stop_price, stop.trail_frac, target.limit_price) == (Decimal("88.00"), 0.12, Decimal("125.00"))
    assert stop.parent_id is None
    assert target.parent_id is None


@pytest.mark.parametrize("left", [0, 1], ids=["only the stop is left", "only the target is left"])
def test_one_leg_alone_is_cancelled_before_a_pair_is_placed(left):
    _, *guards = family()
    repairs = repairs_of(a_holding(guards[left]))
    assert (repairs.cancel, repairs.place) == ((guards[left],), 0)


def test_protection_of_the_wrong_size_is_resized():
    _, stop, target = family(shares=100)
    repairs = repairs_of(a_holding(stop, target, held=60))
    assert [o.quantity for o in repairs.resize] == [60, 60]
    assert repairs.cancel == ()


def test_a_trim_under_way_counts_as_gone():
    _, stop, target = family(shares=60)
    assert repairs_of(a_holding(stop, target, held=100, leaving=Decimal(40))).why is None


def test_a_stop_that_began_to_sell_is_left_to_finish():
    _, stop, target = family(shares=100)
    selling = replace(stop, filled_quantity=Decimal(30), status=OrderStatus.PARTIALLY_FILLED)
    assert repairs_of(a_holding(selling, held=70)).why is None
    repairs = repairs_of(a_holding(selling, target, held=70))
    assert [(o.purpose, o.quantity) for o in repairs.resize] == [(OrderPurpose.TARGET, 70)]


def test_of_two_families_the_one_of_the_right_size_stays():
    _, *first = family("d1", shares=100)
    _, *second = family("d2", shares=60, planned_at=AS_OF + timedelta(hours=1))
    assert repairs_of(a_holding(*first, *second, held=100)).cancel == tuple(second)


def test_protection_without_a_position_is_cancelled():
    _, stop, target = family()
    assert repairs_of(a_holding(stop, target, held=0)).cancel == (stop, target)


def test_an_entry_that_works_without_its_protection_is_called_back():
    entry, stop, target = family()
    assert repairs_of(a_holding(stop, target, held=0, entries=(entry,))).cancel == ()
    assert repairs_of(a_holding(target, held=0, entries=(entry,))).cancel == (entry,)


def test_protection_that_the_broker_holds_back_does_not_count():
    _, stop, target = family()
    held_back = replace(stop, status=OrderStatus.UNKNOWN)
    assert repairs_of(a_holding(held_back, target)).cancel == (held_back, target)


def test_nothing_is_placed_for_shares_that_the_broker_does_not_show():
    repairs = repairs_of(a_holding(held=400, shown=100))
    assert repairs.place == 0
    assert "100 of 400" in repairs.why


def test_protection_of_another_share_basis_is_cancelled():
    _, stop, target = family()
    split = a_holding(stop, target, rebased_at=AS_OF + timedelta(hours=12))
    assert repairs_of(split).cancel == (stop, target)


@pytest.mark.parametrize(
    ("placed_on", "cancelled_on"),
    [
        (date(2026, 4, 11), date(2026, 9, 30)),
        (date(2026, 1, 2), date(2026, 6, 30)),
        (date(2026, 9, 30), date(2026, 12, 31)),
        (date(2026, 10, 1), date(2027, 3, 31)),
    ],
)
def test_a_gtc_order_lives_to_the_end_of_the_following_quarter(placed_on, cancelled_on):
    assert auto_cancel_on(placed_on) == cancelled_on


def test_protection_is_renewed_in_the_last_session_before_the_broker_cancels_it():
    _, stop, target = family()
    assert plan_repairs(a_holding(stop, target), next_session_on=date(2019, 9, 30)).why is None
    assert plan_repairs(a_holding(stop, target), next_session_on=date(2019, 10, 1)).cancel == (stop, target)
