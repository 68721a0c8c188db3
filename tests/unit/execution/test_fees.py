from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from trading.domain.orders import OrderType, Side
from trading.execution.costs import CostModel, ibkr_tiered
from trading.execution.fees import SEC_RATES, TAF_RATES, regulatory_fees
from trading.execution.matching import match

from tests.builders import AS_OF, a_bar, an_order

SHARES, PRICE = Decimal(1_000), Decimal(100)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2016, 2, 15), "1.840"),
        (date(2016, 2, 16), "2.180"),
        (date(2018, 5, 21), "2.310"),
        (date(2018, 5, 22), "1.300"),
        (date(2021, 2, 24), "2.210"),
        (date(2021, 2, 25), "0.510"),
        (date(2025, 5, 13), "2.780"),
        (date(2025, 5, 14), "0"),
        (date(2026, 4, 3), "0"),
        (date(2026, 4, 4), "2.060"),
    ],
)
def test_section_31_follows_the_advisories_to_the_day(on, expected):
    without_taf = regulatory_fees(Side.SELL, SHARES, PRICE, on) - regulatory_fees(Side.SELL, SHARES, Decimal(0), on)
    assert without_taf == Decimal(expected)


@pytest.mark.parametrize(
    ("on", "shares", "expected"),
    [
        (date(2019, 6, 3), 1_000, "0.119"),
        (date(2019, 6, 3), 50_000, "5.95"),
        (date(2019, 6, 3), 1_000_000, "5.95"),
        (date(2022, 1, 1), 1_000, "0.130"),
        (date(2023, 12, 29), 1_000_000, "7.27"),
        (date(2024, 1, 2), 1_000, "0.166"),
        (date(2026, 9, 30), 1_000, "0.195"),
        (date(2026, 10, 1), 1_000, "0"),
        (date(2027, 1, 4), 1_000, "0.195"),
    ],
)
def test_the_trading_activity_fee_is_by_share_and_capped_by_trade(on, shares, expected):
    assert regulatory_fees(Side.SELL, Decimal(shares), Decimal(0), on) == Decimal(expected)


def test_a_purchase_pays_no_fees_and_a_day_before_the_tables_pays_their_first_rate():
    assert regulatory_fees(Side.BUY, SHARES, PRICE, date(2019, 6, 3)) == 0
    early = regulatory_fees(Side.SELL, SHARES, PRICE, date(2001, 1, 2))
    assert early == regulatory_fees(Side.SELL, SHARES, PRICE, date(2014, 3, 18))


def test_the_tables_ascend_and_each_rate_names_its_notice():
    for table in (SEC_RATES, TAF_RATES):
        assert all(earlier.starts_on < later.starts_on for earlier, later in pairwise(table))
        assert all(rate.source for rate in table)


def a_sale(price: float, costs: CostModel):
    order = an_order(side=Side.SELL, order_type=OrderType.MARKET, limit_price=None, quantity=Decimal(1_000))
    return match(order, a_bar(starts_at=AS_OF, open=price, high=price, low=price, close=price), costs)


def test_one_function_charges_commission_and_fees_of_a_fill():
    fill = a_sale(100.0, CostModel(0.0))
    assert fill.commission_usd == Decimal("5") + Decimal("2.07") + Decimal("0.119")
    tiered = a_sale(100.0, CostModel(0.0, ibkr_tiered))
    assert tiered.commission_usd == Decimal("3.5") + Decimal("2.189")


@pytest.mark.parametrize(("bps", "price"), [(0, "100"), (5, "99.95"), (20, "99.80")])
def test_a_sale_gives_away_half_the_spread(bps, price):
    assert a_sale(100.0, CostModel(bps / 10_000)).price == Decimal(price)


def test_slippage_comes_on_top_for_the_symbols_that_have_it():
    assert a_sale(100.0, CostModel(0.0005, slippage_frac={"NVDA": 0.002})).price == Decimal("99.75")
    assert a_sale(100.0, CostModel(0.0005, slippage_frac={"AMD": 0.002})).price == Decimal("99.95")


@pytest.mark.parametrize(
    ("factor", "price", "charge"), [(0, "100", "0"), (1, "99.75", "7.183825"), (2, "99.5", "14.3573")]
)
def test_costs_scale_together(factor, price, charge):
    fill = a_sale(100.0, CostModel(0.0005, slippage_frac={"NVDA": 0.002}).scaled(factor))
    assert (fill.price, fill.commission_usd) == (Decimal(price), Decimal(charge))
