"""Whatever the facts: nothing passes on a number that is none, and a tighter limit lets nothing more through."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from trading.domain.orders import Side
from trading.execution.desk import cost_usd
from trading.execution.vetoes import vet

from tests.builders import an_order
from tests.unit.execution.desks import LIMITS, a_desk, a_quote, an_exit

BAD_FLOATS = st.sampled_from([float("nan"), float("inf"), float("-inf")])
BAD_DECIMALS = st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
FACTS = ("nav_usd", "cash_usd", "vix", "price", "other price", "held", "on order", "traded", "settled", "previous")


def desk_with(fact: str, number: float):
    """Return the sound desk with one fact that is no number."""
    decimal, sound = Decimal(number), a_desk()
    changes = {
        "cash_usd": {"cash_usd": decimal},
        "price": {"prices": {**sound.prices, "NVDA": number}},
        "other price": {"prices": {**sound.prices, "GLD": number}, "held": {"GLD": Decimal(10)}},
        "held": {"held": {"NVDA": decimal}},
        "on order": {"on_order_usd": {"GLD": number}},
        "traded": {"traded_today_usd": number},
        "settled": {"settled_cash_usd": decimal},
        "previous": {"previous_nav_usd": number},
    }
    return replace(sound, **changes.get(fact, {fact: number}))


@given(st.sampled_from(FACTS), BAD_FLOATS)
def test_r01_no_entry_passes_on_a_fact_that_is_no_number(fact, number):
    passed, vetoes = vet([an_order()], desk_with(fact, number), LIMITS)
    assert passed == ()
    assert all(d.observed is None or abs(d.observed) < float("inf") for v in vetoes for d in v.denials)


@given(st.sampled_from(["quantity", "limit_price"]), BAD_DECIMALS)
def test_r01_no_order_passes_with_a_number_that_is_none(name, number):
    assert vet([an_order(**{name: number})], a_desk(), LIMITS)[0] == ()
    sale = an_exit(**{name: number})
    assert vet([sale], a_desk(held={"NVDA": Decimal(10)}), LIMITS)[0] == ()


@given(BAD_DECIMALS)
def test_r01_no_entry_passes_on_a_quote_that_is_no_number(number):
    quote = a_quote(ask=number)
    assert vet([an_order()], a_desk(quotes={"NVDA": quote}), LIMITS)[0] == ()


def orders():
    return st.builds(
        lambda symbol, quantity, cents: an_order(symbol=symbol, quantity=Decimal(quantity), limit_price=cents),
        st.sampled_from(["NVDA", "AMD", "AAPL", "MSFT", "GLD"]),
        st.integers(1, 150),
        st.integers(9_700, 10_300).map(lambda c: Decimal(c) / 100),
    )


def desks():
    return st.builds(
        lambda cash, vix, traded, count, held: a_desk(
            cash_usd=Decimal(cash), vix=vix, traded_today_usd=traded, orders_today=count, held={"AMD": Decimal(held)}
        ),
        st.integers(0, 100_000), st.floats(5, 60), st.floats(0, 60_000), st.integers(0, 25), st.integers(0, 450),
    )  # fmt: skip


def limits():
    part = st.floats(0.0, 1.0)
    return st.builds(
        lambda asset, sector, buffer, collar, vix, usd, day, turned: replace(
            LIMITS, asset_cap_frac=asset, sector_cap_frac=sector, cash_buffer_frac=buffer, collar_frac=collar, vix=vix,
            order_usd=usd, orders_a_day=day, turnover_a_day_frac=turned,
        ),
        part, part, part, st.floats(0, 0.05), st.floats(10, 50), st.floats(100, 1e6), st.integers(0, 25), part,
    )  # fmt: skip


@given(orders(), desks(), limits(), limits())
def test_a_tighter_limit_lets_no_order_through_that_a_looser_one_stops(order, desk, one, other):
    names = (
        "asset_cap_frac",
        "sector_cap_frac",
        "collar_frac",
        "vix",
        "order_usd",
        "orders_a_day",
        "turnover_a_day_frac",
    )
    tight = replace(
        one,
        cash_buffer_frac=max(one.cash_buffer_frac, other.cash_buffer_frac),
        **{name: min(getattr(one, name), getattr(other, name)) for name in names},
    )
    if vet([order], desk, tight)[0]:
        assert vet([order], desk, one)[0]
        assert vet([order], desk, other)[0]


@given(st.lists(orders(), max_size=8), desks())
def test_whatever_passes_together_stays_inside_every_cap_together(batch, desk):
    passed, _ = vet(batch, desk, LIMITS)
    spent = sum(cost_usd(o, desk.prices) for o in passed)
    nav = desk.nav_usd
    if passed:
        assert float(desk.cash_usd) - spent >= LIMITS.cash_buffer_frac * nav - 1e-3
        assert desk.traded_today_usd + spent <= LIMITS.turnover_a_day_frac * nav + 1e-3
        assert desk.orders_today + len(passed) <= LIMITS.orders_a_day
    assert len({o.symbol for o in passed}) == len(passed)


@given(st.lists(st.integers(1, 20), max_size=6), st.integers(0, 40))
def test_sales_that_pass_together_never_sell_more_than_is_held(quantities, held):
    sales = [an_exit(quantity=Decimal(q), leg=n, decision_id=f"d{n}") for n, q in enumerate(quantities)]
    passed, _ = vet(sales, a_desk(held={"NVDA": Decimal(held)}), LIMITS)
    assert sum(o.quantity for o in passed if o.side is Side.SELL) <= held
