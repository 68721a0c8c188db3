"""The account: cash items, settlement, corporate actions, what-if, what the account's terms refuse."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from trading.domain.portfolio import AccountType
from trading.execution.costs import CostModel, ibkr_fixed
from trading.gateway.account import add_cash, settled_cash_usd
from trading.gateway.broker import PaperBroker
from trading.gateway.records import CashKind, Refusal, ScriptedQuote, Status
from trading.gateway.stepping import advance

from tests.fakes import half_hours, ny, with_prices
from tests.unit.gateway.paper import (
    CLIENT,
    FLAT,
    START,
    a_dividend,
    a_market_order,
    a_split,
    a_ticket,
    broker_on,
    place_bracket,
    statuses,
)

TUESDAY_OPEN = ny("2019-06-04 09:30")
AFTER_SPLIT = [
    *FLAT[:13],
    *half_hours("NVDA", TUESDAY_OPEN, [(10.0, 10.0, 10.0, 10.0)] * 13),
]
"""100 on Monday; 10 for 1 on Tuesday."""


# --- corporate actions ------------------------------------------------------------------------------


def test_b19_a_dividend_is_credited_on_the_shares_of_the_previous_close() -> None:
    broker = broker_on(FLAT, actions=[a_dividend(date(2019, 6, 4), 0.25)])
    broker.place(CLIENT, a_market_order())
    advance(broker, ny("2019-06-04 09:29"))
    assert broker.state.cash_items == []
    broker.place(CLIENT, a_market_order(2, tif="OPG"))
    advance(broker, ny("2019-06-04 10:00"))
    (item,) = broker.state.cash_items
    assert (item.kind, item.amount_usd, item.booked_at, item.symbol) == (
        CashKind.DIVIDEND, Decimal("2.50"), TUESDAY_OPEN, "NVDA",
    )  # fmt: skip
    assert broker.state.cash_usd == 100_000 - 2 * 1000 + Decimal("2.50")


def test_a_split_scales_the_holding_before_the_open_and_cancels_what_rests() -> None:
    broker = broker_on(AFTER_SPLIT, actions=[a_split(date(2019, 6, 4), 10)])
    place_bracket(broker)
    advance(broker, ny("2019-06-04 10:00"))
    holding = broker.state.holdings["NVDA"]
    assert (holding.quantity, holding.average_cost) == (100, 10)
    assert statuses(broker) == [Status.FILLED, Status.CANCELLED, Status.CANCELLED]
    assert broker.state.orders[1].done_text == "Cancelled by System: corporate action, NVDA split 10 for 1"


def test_the_fraction_of_a_share_is_paid_in_cash() -> None:
    broker = broker_on(AFTER_SPLIT, actions=[a_split(date(2019, 6, 4), 1.5)])
    broker.place(CLIENT, a_market_order(quantity=Decimal(3)))
    advance(broker, ny("2019-06-04 10:00"))
    assert broker.state.holdings["NVDA"].quantity == 4
    assert [(i.kind, i.amount_usd) for i in broker.state.cash_items] == [(CashKind.CASH_IN_LIEU, Decimal("5.00"))]


def test_a_dividend_leaves_resting_orders_alone() -> None:
    broker = broker_on(FLAT, actions=[a_dividend(date(2019, 6, 4), 0.25)])
    place_bracket(broker)
    advance(broker, ny("2019-06-04 10:00"))
    assert statuses(broker)[1:] == [Status.PRE_SUBMITTED, Status.SUBMITTED]


def test_an_action_on_a_day_without_session_takes_effect_at_the_next_open() -> None:
    broker = broker_on(FLAT, actions=[a_dividend(date(2019, 6, 8), 1.0)])
    broker.place(CLIENT, a_market_order())
    advance(broker, ny("2019-06-10 09:29"))
    assert broker.state.cash_items == []
    advance(broker, ny("2019-06-10 09:30"))
    assert broker.state.cash_items[0].amount_usd == 10


def test_an_action_is_taken_over_once_however_the_clock_moves() -> None:
    broker = broker_on(FLAT, actions=[a_dividend(date(2019, 6, 4), 1.0)])
    broker.place(CLIENT, a_market_order())
    for at in ("2019-06-04 08:00", "2019-06-04 09:30", "2019-06-04 12:00", "2019-06-05 09:30"):
        advance(broker, ny(at))
    assert len(broker.state.cash_items) == 1


# --- money ------------------------------------------------------------------------------------------


def test_cash_items_move_the_cash_and_are_numbered() -> None:
    broker = broker_on(FLAT)
    add_cash(broker.state, CashKind.DEPOSIT, Decimal(500), "wire")
    add_cash(broker.state, CashKind.FEE, Decimal("-1.25"), "data")
    assert [i.item_id for i in broker.state.cash_items] == [1, 2]
    assert broker.state.cash_usd == Decimal("100498.75")


def test_b22_a_cash_account_spends_a_sale_only_after_it_settled() -> None:
    broker = broker_on(FLAT, cash_usd=1_000, account_type=AccountType.CASH)
    broker.place(CLIENT, a_market_order())
    broker.place(CLIENT, a_market_order(2, action="SELL"))
    assert (broker.state.cash_usd, settled_cash_usd(broker.state)) == (1_000, 0)
    broker.place(CLIENT, a_market_order(3))
    advance(broker, ny("2019-06-04 10:00"))
    broker.place(CLIENT, a_market_order(4))
    advance(broker, ny("2019-06-05 10:00"))
    broker.place(CLIENT, a_market_order(5))
    assert statuses(broker)[2:] == [Status.INACTIVE, Status.INACTIVE, Status.FILLED], "two sessions in 2019"


def test_a_sale_pays_the_regulator_and_a_purchase_does_not() -> None:
    flat = broker_on(FLAT)
    broker = PaperBroker(flat.state, flat.feed, flat.calendar, CostModel())
    broker.place(CLIENT, a_market_order())
    broker.place(CLIENT, a_market_order(2, action="SELL"))
    bought, sold = (e.commission_usd for e in broker.state.executions)
    assert (bought, sold - bought) == (Decimal(1), Decimal("0.02188")), "20.70 per million, 0.000119 a share"


def test_a_margin_account_settles_at_once() -> None:
    broker = broker_on(FLAT, cash_usd=1_000)
    for order_id, action in ((1, "BUY"), (2, "SELL"), (3, "BUY")):
        broker.place(CLIENT, a_market_order(order_id, action=action))
    assert statuses(broker) == [Status.FILLED] * 3


def test_a_cash_account_never_sells_short() -> None:
    broker = broker_on(FLAT, account_type=AccountType.CASH)
    broker.place(CLIENT, a_market_order(action="SELL"))
    assert statuses(broker) == [Status.INACTIVE]


def test_average_cost_holds_commissions_and_sales_realise_against_it() -> None:
    bars = with_prices(FLAT, ny("2019-06-03 11:00"), (110, 110, 110, 110))
    broker = broker_on(bars, commission=ibkr_fixed)
    broker.place(CLIENT, a_market_order())
    assert broker.state.holdings["NVDA"].average_cost == Decimal("100.1")
    advance(broker, ny("2019-06-03 11:00"))
    broker.place(CLIENT, a_market_order(2, action="SELL", quantity=Decimal(5)))
    assert [e.realized_usd for e in broker.state.executions] == [None, Decimal("48.5")]


# --- terms ------------------------------------------------------------------------------------------


def test_the_percentage_precaution_refuses_before_an_order_exists() -> None:
    broker = broker_on(FLAT, precaution_frac=Decimal("0.03"))
    broker.place(CLIENT, a_ticket(limit_price=Decimal("103.00")))
    with pytest.raises(Refusal, match="exceeds the Percentage constraint of 3%"):
        broker.place(CLIENT, a_ticket(2, limit_price=Decimal("103.01")))
    assert broker.next_id(CLIENT) == 2


def test_the_precaution_is_off_until_the_user_sets_it() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=Decimal("109.00")))
    assert statuses(broker) == [Status.FILLED]


def test_a_symbol_without_permission_is_refused_with_460() -> None:
    with pytest.raises(Refusal) as refused:
        broker_on(FLAT, not_permitted=frozenset({"NVDA"})).place(CLIENT, a_ticket())
    assert refused.value.code == 460


def test_a_price_below_a_dollar_ticks_in_hundredths_of_a_cent() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=Decimal("0.5001")))
    with pytest.raises(Refusal) as refused:
        broker.place(CLIENT, a_ticket(2, limit_price=Decimal("0.50001")))
    assert refused.value.code == 110


def test_a_what_if_tells_margins_and_creates_nothing() -> None:
    broker = broker_on(FLAT, commission=ibkr_fixed)
    impact = broker.what_if(CLIENT, a_ticket(is_what_if=True))
    assert (impact.before.equity_with_loan_usd, impact.change.initial_usd) == (100_000, 1_000)
    assert (impact.commission_usd, impact.change.equity_with_loan_usd, impact.warning) == (1, -1, None)
    assert (broker.state.orders, broker.next_id(CLIENT), broker.take_events()) == ([], 1, [])


def test_a_what_if_warns_of_what_would_be_rejected() -> None:
    impact = broker_on(FLAT, cash_usd=10).what_if(CLIENT, a_ticket())
    assert impact.warning == "insufficient funds: 10.00 USD available"


# --- scripted quotes --------------------------------------------------------------------------------


def a_quote(bid: str, ask: str, last: str, **fields) -> ScriptedQuote:
    return ScriptedQuote(Decimal(bid), Decimal(ask), Decimal(last), **fields)


def test_a_scripted_quote_is_the_market_until_it_is_cleared() -> None:
    broker = broker_on(FLAT)
    broker.script_quote("NVDA", a_quote("49.90", "50.10", "50"))
    broker.place(CLIENT, a_market_order())
    broker.place(CLIENT, a_ticket(2, limit_price=Decimal("48.00")))
    broker.script_quote("NVDA", a_quote("47.00", "47.20", "47.10"))
    assert [e.price for e in broker.state.executions] == [Decimal("50.10"), Decimal("47.20")]
    broker.script_quote("NVDA", None)
    assert broker.market_price("NVDA") == 100


def test_a_scripted_last_price_triggers_a_stop_and_moves_a_trailing_one() -> None:
    broker = broker_on(FLAT)
    place_bracket(broker)
    broker.script_quote("NVDA", a_quote("119.90", "120.10", "120"))
    assert broker.state.orders[1].stop_price == Decimal("105.6")
    broker.script_quote("NVDA", a_quote("104.90", "105.10", "105"))
    assert statuses(broker) == [Status.FILLED, Status.FILLED, Status.CANCELLED]


def test_a_trailing_stop_starts_under_what_the_market_shows() -> None:
    broker = broker_on(FLAT)
    broker.script_quote("NVDA", ScriptedQuote(bid=Decimal(50)))
    trail = {"order_type": "TRAIL", "limit_price": None, "trail_percent": Decimal(10)}
    broker.place(CLIENT, a_ticket(action="SELL", **trail))
    assert broker.state.orders[0].stop_price == 45


def test_a_late_child_without_a_market_starts_under_what_its_entry_paid() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_market_order())
    broker.state.clock = ny("2019-07-30 10:30")
    trail = {"order_type": "TRAIL", "limit_price": None, "trail_percent": Decimal(10)}
    broker.place(CLIENT, a_ticket(2, action="SELL", parent_id=1, **trail))
    assert broker.state.orders[1].stop_price == 90


def test_bars_pass_behind_a_scripted_quote() -> None:
    broker = broker_on(with_prices(FLAT, ny("2019-06-03 11:00"), (60, 60, 60, 60)))
    broker.script_quote("NVDA", a_quote("99.90", "100.10", "100"))
    broker.place(CLIENT, a_ticket(limit_price=Decimal("95.00")))
    advance(broker, ny("2019-06-03 12:00"))
    assert statuses(broker) == [Status.SUBMITTED]


def test_a_quote_that_says_halted_fills_nothing() -> None:
    broker = broker_on(FLAT)
    broker.script_quote("NVDA", a_quote("99.90", "100.10", "100", is_halted=True))
    broker.place(CLIENT, a_market_order())
    assert broker.state.executions == []
    assert broker.state.clock == START
