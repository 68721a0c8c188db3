"""Trades: positions from their entry to their last sale, and what they say together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.accounting.trades import closed_trades, trade_figures, turnover
from trading.domain.orders import OrderPurpose, Side
from trading.engine.corporate import split_lot

from tests.builders import AS_OF, a_fill


def bought(number: int, quantity: int, price: int, **overrides):
    fill = a_fill(fill_id=f"b{number}", order_id=f"NVDA.entry.0.{number}", quantity=Decimal(quantity))
    return replace(fill, price=Decimal(price), commission_usd=Decimal(1), **overrides)


def sold(number: int, quantity: int, price: int, purpose: str, *, days: int, entry: int = 1):
    return a_fill(
        fill_id=f"s{number}",
        order_id=f"NVDA.{purpose}.0.{number}{entry}",
        side=Side.SELL,
        quantity=Decimal(quantity),
        price=Decimal(price),
        commission_usd=Decimal(1),
        executed_at=AS_OF + timedelta(days=days, minutes=2),
    )


def booked(*fills):
    lots, disposals = (), []
    for fill in fills:
        booking = book_fill(fill, lots)
        lots = booking.lots
        disposals += booking.disposals
    return closed_trades(fills, disposals, {lot.fill_id for lot in lots})


def test_a_position_sold_in_two_pieces_is_one_trade():
    (trade,) = booked(bought(1, 10, 100), sold(1, 4, 120, "trim", days=2), sold(2, 6, 90, "stop", days=5))
    assert (trade.quantity, trade.entry_price, trade.exit_price) == (10, 100, pytest.approx(102))
    assert trade.cost_usd == pytest.approx(1001)
    assert trade.gain_usd == pytest.approx(4 * 120 + 6 * 90 - 1000 - 3)
    assert trade.closed_by is OrderPurpose.STOP
    assert trade.closed_at - trade.opened_at == timedelta(days=5)
    assert trade.return_frac == pytest.approx(trade.gain_usd / 1001)


def test_an_entry_filled_in_pieces_is_one_trade():
    first, second = bought(1, 4, 100), replace(bought(1, 6, 110), fill_id="b1b")
    (trade,) = booked(first, second, sold(1, 10, 120, "target", days=1))
    assert (trade.quantity, trade.entry_price) == (10, pytest.approx(106))


def test_a_split_in_between_leaves_shares_and_prices_on_the_basis_of_the_last_sale():
    entry = bought(1, 10, 600)
    trimmed = book_fill(sold(1, 2, 660, "trim", days=2), book_fill(entry, ()).lots)
    lots = [split_lot(lot, Decimal(4)) for lot in trimmed.lots]
    closed = book_fill(sold(2, 32, 180, "exit", days=9), lots)
    (trade,) = closed_trades(
        (entry, trimmed.fill, closed.fill), (*trimmed.disposals, *closed.disposals), open_fill_ids=()
    )
    assert trade.quantity == pytest.approx(40, abs=1e-3)
    assert trade.entry_price == pytest.approx(150, abs=1e-3)
    assert trade.exit_price == pytest.approx((8 * 165 + 32 * 180) / 40, abs=1e-3)
    assert trade.gain_usd == pytest.approx(2 * 660 + 32 * 180 - 6000 - 3)


def test_what_is_still_held_is_no_closed_trade():
    assert booked(bought(1, 10, 100), sold(1, 4, 120, "trim", days=2)) == ()


def test_figures_of_two_gains_and_a_loss():
    trades = booked(
        bought(1, 10, 100),
        sold(1, 10, 121, "target", days=1),
        bought(2, 10, 100),
        sold(2, 10, 111, "exit", days=2),
        bought(3, 10, 100),
        sold(3, 10, 90, "stop", days=4),
    )
    figures = trade_figures(trades)
    assert (figures.count, figures.hit_frac) == (3, pytest.approx(2 / 3))
    assert figures.profit_factor == pytest.approx((208 + 108) / 102)
    assert figures.payoff == pytest.approx((208 + 108) / 2 / 102)
    assert figures.gain_usd == pytest.approx(208 + 108 - 102)
    assert figures.mean_days == pytest.approx(7 / 3)


def test_without_trades_or_without_losses_a_quotient_is_not_known():
    none = trade_figures(())
    assert (none.count, none.hit_frac, none.profit_factor, none.payoff) == (0, None, None, None)
    gains = trade_figures(booked(bought(1, 10, 100), sold(1, 10, 121, "target", days=1)))
    assert (gains.hit_frac, gains.profit_factor, gains.payoff) == (1.0, None, None)
    losses = trade_figures(booked(bought(1, 10, 100), sold(1, 10, 90, "stop", days=1)))
    assert (losses.hit_frac, losses.profit_factor, losses.payoff) == (0.0, 0.0, None)


def test_turnover_counts_the_smaller_side_once():
    assert turnover([bought(1, 10, 100), sold(1, 4, 120, "trim", days=2)], 1000.0) == pytest.approx(0.48)
    assert turnover([], 0.0) is None
