"""The plan of a soak is drawn from its seed alone, and each of its faults can be carried out."""

from __future__ import annotations

from pathlib import Path

import pytest
from trading.drills.soak import vendors
from trading.drills.soak.clocks import SKEWS
from trading.drills.soak.dag import HOURLY
from trading.drills.soak.disturbing import GATEWAY_FAULTS
from trading.drills.soak.plan import CALM_SHARE, CHANCES, KINDS, LEFT_OUT, Family, plan_of
from trading.drills.soak.telegram import DEATHS, OUTCOMES

HOURS = [7] * 30


def test_the_same_seed_draws_the_same_faults_and_another_one_others():
    assert plan_of(1, HOURS) == plan_of(1, HOURS)
    assert plan_of(1, HOURS).faults != plan_of(2, HOURS).faults


def test_more_sessions_and_fewer_families_change_nothing_of_the_rest():
    whole = plan_of(5, HOURS).faults
    assert plan_of(5, HOURS[:9]).faults == tuple(f for f in whole if f.session < 9)
    assert plan_of(5, HOURS, (Family.GATEWAY,)).faults == tuple(f for f in whole if f.family is Family.GATEWAY)
    waiting = plan_of(5, HOURS).ambushes
    assert plan_of(5, HOURS, (Family.KILLS,)).ambushes == tuple(f for f in waiting if f.family is Family.KILLS)


def test_what_waits_for_a_sending_strikes_no_other_task_and_no_calm_session():
    plan = plan_of(2, HOURS)
    assert {f.step for f in plan.ambushes} == {"execute"}
    assert {f.family for f in plan.ambushes} == {Family.KILLS, Family.POSTGRES, Family.GATEWAY}
    assert len({(f.session, f.hour) for f in plan.ambushes}) == len(plan.ambushes)
    assert not any(plan.is_calm(f.session) for f in plan.ambushes)
    assert plan.in_wait(plan.ambushes[0].session, plan.ambushes[0].hour) == plan.ambushes[:1]


def test_every_kind_strikes_within_some_seeds_and_some_sessions_are_calm():
    plans = [plan_of(seed, HOURS) for seed in range(1, 21)]
    struck = {(f.family, f.name) for plan in plans for f in plan.faults}
    assert struck == {(family, kind.name) for family in Family for kind in KINDS[family]}
    calm = sum(plan.is_calm(number) for plan in plans for number in range(30)) / 600
    assert abs(calm - CALM_SHARE) < 0.08
    assert all(min(plan.by_family()[family] for plan in plans) > 0 for family in Family if CHANCES[family] >= 0.1)


def test_faults_stay_within_their_hours_and_bounds():
    kinds = {(family, kind.name): kind for family in Family for kind in KINDS[family]}
    for fault in plan_of(3, [4, 7, 7]).faults:
        kind = kinds[fault.family, fault.name]
        assert 0 <= fault.hour < (4, 7, 7)[fault.session]
        assert 1 <= fault.tries <= kind.tries <= 4
        assert 1 <= fault.number <= kind.size
        assert fault.step in kind.steps


@pytest.mark.parametrize(
    ("family", "handled"),
    [
        (Family.GATEWAY, set(GATEWAY_FAULTS) - {LEFT_OUT}),
        (Family.LISTS, set(GATEWAY_FAULTS) & {LEFT_OUT}),
        (Family.CLOCK, set(SKEWS)),
        (Family.TELEGRAM, set(OUTCOMES) | DEATHS),
    ],
)
def test_each_kind_of_a_family_is_carried_out_and_no_other(family, handled):
    assert {kind.name for kind in KINDS[family]} == handled


def test_each_kind_of_the_vendors_is_named_where_their_answers_are_spoilt():
    text = Path(vendors.__file__).read_text(encoding="utf-8")
    assert [kind.name for kind in KINDS[Family.VENDORS] if f'"{kind.name}"' not in text] == []


def test_faults_strike_tasks_that_there_are():
    steps = {step.name for step in HOURLY}
    assert {s for family in Family for kind in KINDS[family] for s in kind.steps} - {""} <= steps


def test_ids_are_those_of_the_catalogue():
    page = (Path(__file__).parents[3] / "docs" / "faults.md").read_text(encoding="utf-8")
    ids = {kind.fault_id for kinds in KINDS.values() for kind in kinds} - {""}
    assert all(f"| {fault_id} |" in page for fault_id in ids)
