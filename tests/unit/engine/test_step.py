from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from trading.analysis.facts import Facts
from trading.domain.fills import Lot
from trading.domain.instruments import VIX, BookId, BookKind, ClientCategory
from trading.domain.locks import StopOut
from trading.domain.market import Resolution
from trading.domain.orders import OrderPurpose, OrderStatus, OrderType
from trading.domain.portfolio import Breaker, Portfolio, Position, TradingState
from trading.domain.signals import Outcome, RuleRole
from trading.engine.desk_view import prices_of
from trading.engine.hashing import decision_hash
from trading.engine.hours import Hours, Terms, history_panel
from trading.engine.rebalance import rebalance_step
from trading.engine.state import BookState, Hour
from trading.engine.step import step
from trading.strategy.judging import judge
from trading.strategy.three_sector import technical_core, three_sector

from tests.builders import an_order
from tests.unit.analysis.worlds import daily_series, rising_world, timeline_between

ON = date(2024, 6, 12)
BOOK = BookId(BookKind.REPLAY, "test")
CORE = technical_core()


def hours_of(facts: Facts, spec=CORE) -> list[Hour]:
    timeline = timeline_between(ON, ON)
    panel = history_panel(spec, facts, timeline, Terms())
    return list(Hours(judge(spec, panel), panel, timeline, Terms()))


def a_book(cash: float = 100_000, **held: tuple[int, float]) -> BookState:
    positions = {
        symbol: Position(symbol, (a_lot_of(symbol, shares, price),), price) for symbol, (shares, price) in held.items()
    }
    return BookState(Portfolio(BOOK, hours_of(Facts())[0].slot.as_of, Decimal(cash), positions))


def a_lot_of(symbol: str, shares: int, price: float) -> Lot:
    return Lot(f"l.{symbol}", BOOK, symbol, Decimal(shares), Decimal(str(price)), Decimal(0), ON, ON, "f")


@pytest.fixture(scope="module")
def world() -> Facts:
    return rising_world(ON, ON)


@pytest.fixture(scope="module")
def first_hour(world) -> Hour:
    return hours_of(world)[0]


def test_a_name_that_qualifies_is_bought_with_its_protection(first_hour):
    taken = step(CORE, a_book(), first_hour, "d1")
    assert [(o.symbol, o.purpose) for o in taken.orders] == [
        ("GLD", OrderPurpose.ENTRY),
        ("GLD", OrderPurpose.STOP),
        ("GLD", OrderPurpose.TARGET),
    ]
    entry, stop, target = taken.orders
    price = first_hour.panel.price[0, 0]
    assert entry.quantity * entry.limit_price <= Decimal(10_000)
    assert (entry.quantity + 1) * entry.limit_price > Decimal(10_000)
    assert (stop.trail_frac, stop.parent_id) == (0.12, entry.order_id)
    assert float(target.limit_price) == pytest.approx(price * 1.25, abs=0.011)
    assert taken.account.targets.weight_frac == {"GLD": pytest.approx(0.1)}


def test_a_cash_account_does_not_spend_what_has_not_settled(first_hour):
    tomorrow = date(2024, 6, 13)
    waiting = replace(a_book(), unsettled={tomorrow: Decimal(95_000)})
    taken = step(CORE, waiting, first_hour, "d1")
    assert (taken.orders, [v.code for v in taken.vetoes if v.denials][:1]) == ((), ["NO_CASH"])
    arrived = replace(a_book(), unsettled={ON: Decimal(95_000)})
    assert step(CORE, arrived, first_hour, "d1").orders == step(CORE, a_book(), first_hour, "d1").orders


def test_as_specified_nothing_is_bought_without_news(first_hour, world):
    taken = step(three_sector(), a_book(), hours_of(world, three_sector())[0], "d1")
    assert taken.orders == ()


def test_a_rising_vix_blocks_entries_and_the_note_says_so(world):
    wild = Facts({**world.bars, (VIX, Resolution.DAY): daily_series(VIX, np.full(10, 31.0), last_on=ON)})
    taken = step(CORE, a_book(), hours_of(wild)[0], "d1")
    assert taken.orders == ()
    assert "VIX 31.0 > 30" in taken.account.note


def test_an_unknown_vix_blocks_entries(world):
    blind = Facts({key: series for key, series in world.bars.items() if key[0] != VIX})
    taken = step(CORE, a_book(), hours_of(blind)[0], "d1")
    assert taken.orders == ()
    assert "the VIX is unknown" in taken.account.note


def test_the_closing_slot_plans_no_entry(world):
    closing = hours_of(world)[-1]
    taken = step(CORE, a_book(), closing, "d1")
    assert taken.orders == ()
    assert {v.code for v in taken.vetoes} == {"MARKET_CLOSED"}


def test_what_is_held_is_not_bought_again(first_hour):
    price = float(first_hour.panel.price[0, 0])
    taken = step(CORE, a_book(90_000, GLD=(80, price)), first_hour, "d1")
    assert taken.orders == ()
    held = [r for r in taken.account.reasons if r.symbol == "GLD" and r.rule == "position_open"]
    assert [r.outcome for r in held] == [Outcome.PASS]


def test_what_drifted_above_twelve_percent_is_trimmed_to_ten(first_hour):
    price = float(first_hour.panel.price[0, 0])
    shares = int(14_000 / price)
    taken = step(CORE, a_book(86_000, GLD=(shares, price)), first_hour, "d1")
    (trim,) = taken.orders
    left = (shares - int(trim.quantity)) * price / taken.nav_usd
    assert trim.purpose is OrderPurpose.TRIM
    assert left == pytest.approx(0.10, abs=price / 100_000)


def test_what_a_retail_client_may_not_buy_is_shown_keeps_its_share_as_cash_and_may_be_sold(first_hour):
    free, bound = a_book(), replace(a_book(), client_category=ClientCategory.EU_RETAIL)
    taken = step(CORE, bound, first_hour, "d1")
    assert (taken.orders, [v.code for v in taken.vetoes if v.denials]) == ((), ["NO_KID"])
    assert taken.account.targets == step(CORE, free, first_hour, "d1").account.targets
    price = float(first_hour.panel.price[0, 0])
    heavy = replace(a_book(86_000, GLD=(int(14_000 / price), price)), client_category=ClientCategory.EU_RETAIL)
    (trim,) = step(CORE, heavy, first_hour, "d1").orders
    assert trim.purpose is OrderPurpose.TRIM


@pytest.mark.parametrize(
    ("category", "barred"),
    [("US", set()), ("EU_PRO", set()), ("EU_RETAIL", {"GLD", "SLV", "BOTZ"}), ("UK_RETAIL", {"GLD", "SLV", "BOTZ"})],
)
def test_funds_of_the_us_are_signal_only_for_retail_clients_of_eu_and_uk(category, barred):
    assert CORE.universe.signal_only(ClientCategory(category)) == barred


def test_after_too_many_stops_nothing_is_bought_and_the_note_says_until_when(first_hour):
    stopped = tuple(StopOut(f"S{n}", ON, f"o{n}") for n in range(CORE.protection.guard_stops))
    taken = step(CORE, replace(a_book(), stops=stopped), first_hour, "d1")
    assert (taken.orders, [v.code for v in taken.vetoes if v.denials]) == ((), ["STOP_GUARD"])
    assert "exits only until 2024-06-19" in taken.account.note
    resting = replace(a_book(), stops=(StopOut("GLD", ON, "o"),))
    assert [v.code for v in step(CORE, resting, first_hour, "d1").vetoes if v.denials] == ["COOLDOWN"]


def test_the_breaker_trips_sells_all_and_survives_until_its_way_back(world):
    hour, closing = hours_of(world)[0], hours_of(world)[-1]
    price = float(hour.panel.price[0, 0])
    book = replace(a_book(85_000, GLD=(80, price)), breaker=Breaker(100_000, 100_000))
    tripped = step(CORE, book, hour, "d1")
    assert [o.purpose for o in tripped.orders] == [OrderPurpose.EXIT]
    assert tripped.state.trading_state is TradingState.REDUCE_ONLY
    assert "REDUCE_ONLY" in tripped.state_change
    later = step(CORE, tripped.state, closing, "d2")
    assert later.state.breaker.tripped_on == ON
    assert [o.order_type for o in later.orders] == [OrderType.MARKET_ON_OPEN]


def test_after_ten_sessions_and_a_calm_vix_the_mark_is_rebased(first_hour):
    waiting = replace(
        a_book(94_000), breaker=Breaker(100_000, 100_000, date(2024, 5, 20), 9), trading_state=TradingState.REDUCE_ONLY
    )
    taken = step(CORE, waiting, first_hour, "d1")
    assert taken.state.trading_state is TradingState.ACTIVE
    assert taken.state.breaker == Breaker(94_000.0, 100_000)


def test_a_lifetime_loss_halts_until_an_operator_resumes(first_hour):
    taken = step(CORE, replace(a_book(84_000), breaker=Breaker(84_000, 100_000)), first_hour, "d1")
    assert taken.state.trading_state is TradingState.HALTED
    assert {v.code for v in taken.vetoes} == {"STATE"}


@pytest.mark.parametrize("peaks", [(84_000, 100_000), (100_000, 100_000)], ids=["lifetime loss", "drawdown"])
def test_a_desk_that_an_operator_resumed_is_not_stopped_again_by_the_same_loss(first_hour, peaks):
    stopped = replace(a_book(84_000), breaker=Breaker(*peaks))
    resumed = replace(step(CORE, stopped, first_hour, "d1").state, trading_state=TradingState.ACTIVE)
    taken = step(CORE, resumed, first_hour, "d2")
    assert (taken.state.trading_state, taken.state_change) == (TradingState.ACTIVE, None)
    assert [o.purpose for o in taken.orders if not o.is_protective] == [OrderPurpose.ENTRY]


def test_a_held_symbol_without_a_price_stops_sizing_and_says_so(first_hour):
    taken = step(CORE, a_book(90_000, MSFT=(10, 400.0)), first_hour, "d1")
    assert taken.nav_usd is None
    assert taken.orders == ()


def test_two_books_that_see_the_same_have_the_same_decision_hash(first_hour):
    one = step(CORE, a_book(), first_hour, "a")
    other = step(CORE, replace(a_book()), first_hour, "b")
    hashes = {decision_hash(CORE.spec_hash, first_hour, t.account.targets) for t in (one, other)}
    assert len(hashes) == 1


def test_a_known_surprise_is_a_part_of_the_decision_hash_and_its_absence_is_not(first_hour):
    targets = step(CORE, a_book(), first_hour, "a").account.targets

    def hash_with(**columns):
        return decision_hash(CORE.spec_hash, replace(first_hour, panel=replace(first_hour.panel, **columns)), targets)

    panel = first_hour.panel
    why, surprise = panel.why_earnings, panel.earnings_surprise_frac
    assert hash_with(why_earnings=why + np.int8(1)) == hash_with()
    assert hash_with(earnings_surprise_frac=np.full(surprise.shape, 0.02)) != hash_with()


def test_recomputing_a_stored_verdict_gives_the_same_verdict(first_hour):
    for reason in first_hour.judgement.reasons(0, first_hour.slot.as_of):
        if reason.outcome is Outcome.ABSTAIN:
            assert reason.why
        elif reason.rule in ("golden_cross", "rsi_above", "vix_above"):
            assert (reason.observed > reason.threshold) == (reason.outcome is Outcome.PASS), reason
        elif reason.rule == "rsi_below":
            assert (reason.observed < reason.threshold) == (reason.outcome is Outcome.PASS), reason


def test_a_rebalance_trims_what_is_worth_a_trade_and_buys_nothing(first_hour):
    price = float(first_hour.panel.price[0, 0])
    heavy = rebalance_step(CORE, a_book(88_000, GLD=(int(12_500 / price), price)), first_hour, "r1")
    light = rebalance_step(CORE, a_book(89_000, GLD=(int(11_000 / price), price)), first_hour, "r2")
    assert [o.purpose for o in heavy.orders] == [OrderPurpose.REBALANCE]
    assert light.orders == ()


def with_exit(hour: Hour, *rules: str) -> Hour:
    """Return the hour in which the named exit rules say to sell GLD."""
    column = hour.panel.column["GLD"]
    changed = []
    for role, name, verdicts in hour.judgement.verdicts:
        passes = verdicts.passes.copy()
        passes[hour.row, column] = name in rules if role is RuleRole.EXIT else passes[hour.row, column]
        changed.append((role, name, replace(verdicts, passes=passes)))
    exits = hour.judgement.exits.copy()
    exits[hour.row, column] = bool(rules)
    return replace(hour, judgement=replace(hour.judgement, exits=exits, verdicts=tuple(changed)))


@pytest.mark.parametrize(
    ("rules", "purpose"),
    [
        (("rsi_above",), OrderPurpose.RULE_EXIT),
        (("negative_news",), OrderPurpose.EXIT),
        (("rsi_above", "negative_news"), OrderPurpose.EXIT),
    ],
)
def test_a_sale_that_could_have_waited_is_told_from_one_that_cuts_risk(first_hour, rules, purpose):
    price = prices_of(first_hour)["GLD"]
    taken = step(CORE, a_book(89_000, GLD=(int(10_000 / price), price)), with_exit(first_hour, *rules), "d1")
    assert [o.purpose for o in taken.orders if not o.is_protective] == [purpose]


def test_what_lies_under_its_stop_is_sold_to_cut_risk_whatever_a_rule_says(first_hour):
    price = prices_of(first_hour)["GLD"]
    taken = step(CORE, a_book(GLD=(10, price * 1.2)), with_exit(first_hour, "rsi_above"), "d1")
    assert [o.purpose for o in taken.orders if not o.is_protective] == [OrderPurpose.EXIT]


def test_a_name_below_its_stop_that_nothing_guards_at_the_broker_is_sold_by_the_software_stop(first_hour):
    price = prices_of(first_hour)["GLD"]
    book = a_book(GLD=(10, price * 1.2))
    taken = step(CORE, book, first_hour, "d1")
    (exit_order,) = [o for o in taken.orders if o.symbol == "GLD" and o.purpose is OrderPurpose.EXIT]
    assert exit_order.quantity == 10
    (reason,) = [r for r in taken.account.reasons if r.rule == "software_stop"]
    assert (reason.symbol, reason.outcome, reason.observed) == ("GLD", Outcome.PASS, price)
    assert reason.threshold == pytest.approx(price * 1.2 * 0.88)


def test_a_stop_that_rests_at_the_broker_is_left_to_work(first_hour):
    price = prices_of(first_hour)["GLD"]
    book = a_book(GLD=(10, price * 1.2))
    stop = an_order(symbol="GLD", purpose=OrderPurpose.STOP, status=OrderStatus.SUBMITTED, order_type=OrderType.TRAIL)
    taken = step(CORE, replace(book, working=(stop,)), first_hour, "d1")
    assert [r for r in taken.account.reasons if r.rule == "software_stop"] == []
    assert [o for o in taken.orders if o.symbol == "GLD" and o.purpose is OrderPurpose.EXIT] == []


def test_r05_a_name_that_is_held_or_being_bought_is_not_bought_again(first_hour):
    price = prices_of(first_hour)["GLD"]
    entry = an_order(symbol="GLD", status=OrderStatus.SUBMITTED)
    for book in (a_book(GLD=(10, price)), replace(a_book(), working=(entry,))):
        taken = step(CORE, book, first_hour, "d1")
        assert [o for o in taken.orders if o.symbol == "GLD" and o.purpose is OrderPurpose.ENTRY] == []
