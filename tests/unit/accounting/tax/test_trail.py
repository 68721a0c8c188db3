"""From executions to the events of the tax ledger."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from trading.accounting.tax.records import Purchase, Sale, Split
from trading.accounting.tax.trail import MethodChoice, method_on, trail
from trading.domain.fills import LotMethod
from trading.domain.orders import Side

from tests.builders import AS_OF, BOOK, a_fill


def test_a_commission_raises_the_basis_and_lowers_the_proceeds_and_counts_as_zero_while_unknown():
    buy = a_fill(order_id="entry")
    sale = a_fill(fill_id="f2", order_id="exit", side=Side.SELL, price=Decimal(110))
    ten = Decimal(10)
    assert list(trail([buy, sale])) == [
        Purchase("lot.f1", "entry", BOOK, "NVDA", buy.executed_at, ten, Decimal("1001.00")),
        Sale("f2", "exit", BOOK, "NVDA", sale.executed_at, ten, Decimal("1099.00"), LotMethod.FIFO),
    ]
    (untold,) = trail([a_fill(commission_usd=None)])
    assert (untold.cost_usd, untold.order_id) == (1000, "f1")


def test_splits_come_along_and_a_method_holds_from_its_day_on():
    split = Split(BOOK, "NVDA", AS_OF, Decimal(4))
    choices = [MethodChoice(date(2019, 6, 4), LotMethod.HIFO), MethodChoice(date(2019, 6, 6), LotMethod.FIFO)]
    sales = [a_fill(side=Side.SELL, executed_at=AS_OF + timedelta(days=day)) for day in range(4)]
    first, *rest = trail(sales, [split], choices)
    assert first is split
    assert [sale.method for sale in rest] == [LotMethod.FIFO, LotMethod.HIFO, LotMethod.HIFO, LotMethod.FIFO]
    assert method_on(date(2019, 6, 3), ()) is LotMethod.FIFO
