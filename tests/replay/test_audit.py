"""The audit of a replay finds nothing while every check works, and names the promise once one does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from trading.analysis.facts import Facts
from trading.domain.instruments import VIX, BookId, BookKind
from trading.domain.market import Resolution
from trading.domain.series import BarSeries
from trading.engine.ablation import KEPT, without_each
from trading.engine.audit import PROMISES, Audit, audit
from trading.engine.desk_view import limits_of
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult
from trading.engine.step import Gate
from trading.execution.checks import CHECKS
from trading.strategy import rules
from trading.strategy.catalogue import STRATEGIES
from trading.strategy.spec import rule_name

from tests.replay.random_markets import RandomMarket, random_market, without_breaker

BOOK = BookId(BookKind.REPLAY, "audit")
SEEDS = range(12)


def played(one: RandomMarket, *left_out: str) -> ReplayResult:
    gate = Gate(limits_of(one.spec), tuple(check for check in CHECKS if check.code not in left_out))
    return replay_panel(
        one.spec, one.panel, one.market, one.timeline,
        book=BOOK, cash_usd=Decimal(100_000), terms=one.terms, gate=gate,
    )  # fmt: skip


def facts_of(one: RandomMarket, *, known_later: str = "0m") -> Facts:
    """Return the raw index that the panel shows, hour by hour, and its closes."""
    ends = one.panel.times
    starts = ends - np.timedelta64(30, "m")
    level = one.panel.vix[:, 0]
    late = np.timedelta64(int(known_later[:-1]), "m")
    hours = BarSeries(VIX, Resolution.HOUR, starts, ends, ends + late, *[level.copy() for _ in range(4)], level * 0)
    closing = np.flatnonzero(one.timeline.grid.is_closing)
    days = BarSeries(
        VIX, Resolution.DAY, starts[closing], ends[closing], ends[closing],
        *[level[closing] for _ in range(4)], level[closing] * 0,
    )  # fmt: skip
    bars = {(VIX, Resolution.HOUR): hours, (VIX, Resolution.DAY): days}
    actions = [action for group in one.market.actions_on.values() for action in group]
    return Facts(bars=bars, actions=actions)


def audited(one: RandomMarket, result: ReplayResult) -> Audit:
    return audit(result, facts_of(one), one.timeline)


def promises(found: Audit) -> set[str]:
    assert {breach.promise for breach in found.breaches} <= set(PROMISES)
    return {breach.promise for breach in found.breaches}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_replay_with_every_check_keeps_every_promise(seed):
    one = random_market(seed)
    result = played(one)
    found = audited(one, result)
    assert found.breaches == ()
    assert found.entry_count > 0
    assert max(found.highest) <= 1.0 - one.spec.sizing.cash_buffer_frac + 1e-9
    assert found.highest[0] <= one.spec.sizing.asset_cap_frac + 1e-9


def test_a_vix_that_nothing_heeds_is_found_with_its_level_and_day():
    broken = []
    for seed in SEEDS:
        one = random_market(seed)
        calm = replace(one, spec=replace(one.spec, blocks=(rules.price_not_fresh,)))
        broken += audited(calm, played(calm, "VIX_BLOCK")).breaches
    assert {breach.promise for breach in broken} == {"vix"}
    assert all("over 30" in breach.detail for breach in broken)


def test_an_index_that_was_not_known_yet_does_not_count():
    one = random_market(0)
    entries = audited(one, result := played(one)).entry_count
    # Every hour of the index comes two days late, and its closes are all that was known: too old, within a session.
    late = facts_of(one, known_later="2880m")
    hours = {key: series for key, series in late.bars.items() if key[1] is Resolution.HOUR}
    found = audit(result, Facts(bars=hours), one.timeline)
    assert {b.promise for b in found.breaches} == {"vix"}
    assert len({b.at for b in found.breaches}) > 0.5 * entries
    none = audit(result, Facts(), one.timeline)
    assert {b.detail for b in none.breaches} == {"no VIX was known"}
    assert len(none.breaches) == entries


def test_a_purchase_after_a_loss_that_nothing_stops_is_a_wash_sale():
    found = []
    for seed in SEEDS:
        one = without_breaker(random_market(seed))
        found.append(audited(one, played(one, "WASH_BLOCK", "WASH_FLAG")))
    assert set().union(*map(promises, found)) == {"wash_sale"}
    breach = next(b for one in found for b in one.breaches)
    assert "of the loss disallowed" in breach.detail


@pytest.mark.parametrize(
    ("promise", "sizing"),
    [
        ("asset_cap", {"asset_cap_frac": 0.04, "asset_floor_frac": 0.01}),
        ("sector_cap", {"sector_cap_frac": 0.04}),
        ("gross_cap", {"cash_buffer_frac": 0.97}),
    ],
)
def test_an_entry_above_a_cap_is_found(promise, sizing):
    one = random_market(1)
    result = played(one)
    stricter = replace(result, spec=replace(one.spec, sizing=replace(one.spec.sizing, **sizing)))
    assert promises(audited(one, stricter)) == {promise}


def test_an_entry_while_the_state_was_not_active_is_found():
    one = random_market(1)
    result = played(one)
    first_at = result.curve.as_of[0].astype("datetime64[us]").item().replace(tzinfo=UTC)
    told = ((first_at, "drawdown 5.1% is over 5%: REDUCE_ONLY"),)
    found = audited(one, replace(result, state_changes=told))
    assert promises(found) == {"state"}
    assert len(found.breaches) == found.entry_count
    lifted = (*told, (first_at, "10 sessions after the trip, VIX 14.0: ACTIVE"))
    assert audited(one, replace(result, state_changes=lifted)).breaches == ()


def test_a_session_that_closed_over_the_limit_is_listed_and_breaks_nothing():
    found = [audited(one, played(one)) for one in map(random_market, range(40))]
    calm = [each for one in found for each in one.calm_before]
    assert calm
    assert all(each.vix_seen <= 30.0 < each.vix_close for each in calm)
    assert all(isinstance(each.session_on, date) and not isinstance(each.session_on, datetime) for each in calm)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_each_part_of_a_strategy_is_left_out_once_and_nothing_else(name):
    spec = STRATEGIES[name]()
    found = dict(without_each(spec))
    rule_names = [rule_name(rule) for _, rule in spec.rules() if rule_name(rule) not in KEPT]
    assert list(found) == [*rule_names, "trailing stop", "take profit", "drawdown breaker"]
    for part, less in found.items():
        gone = [r for r in spec.rules() if r not in less.rules()]
        assert [rule_name(rule) for _, rule in gone] == ([part] if part in rule_names else [])
        assert less.spec_hash != spec.spec_hash
    assert found["vix_above"].protection.max_vix > 100.0
