"""The account: trades, cash items, settlement, corporate actions. Nothing here knows of orders' lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal

from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.money import ZERO, to_usd
from trading.domain.orders import Side
from trading.domain.portfolio import AccountType
from trading.gateway.records import BrokerState, CashItem, CashKind, Holding, SplitDone, Unsettled


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What the account allows. The gateway lends nothing: also a margin account buys with its own cash only.

    Attributes:
        account_type: CASH spends settled cash only and sells no more than it holds.
        collar_frac: a limit further than this through the market is rejected (IBKR knowledge base 838).
        precaution_frac: the user's own precaution, refused before the order exists; None: switched off, because the
            desk keeps a collar of its own at 3 % and IB's presets are the user's to set.
        not_permitted: symbols that this account may not trade (460).
    """

    account_type: AccountType = AccountType.MARGIN
    collar_frac: Decimal = Decimal("0.10")
    precaution_frac: Decimal | None = None
    not_permitted: frozenset[Symbol] = frozenset()


def spendable_usd(state: BrokerState, terms: AccountTerms) -> Decimal:
    """Return what a purchase may cost now."""
    return settled_cash_usd(state) if terms.account_type is AccountType.CASH else state.cash_usd


def settled_cash_usd(state: BrokerState) -> Decimal:
    """Return the cash without the sale proceeds that are still on their way."""
    return state.cash_usd - sum((u.amount_usd for u in state.unsettled), ZERO)


def settle(state: BrokerState, on: date) -> None:
    """Let proceeds due by `on` arrive."""
    state.unsettled = [u for u in state.unsettled if u.settles_on > on]


def book_trade(state: BrokerState, fill: Fill, commission_usd: Decimal, settles_on: date | None) -> Decimal | None:
    """Move cash and shares; return the realised gain after commission, None if the trade only opened.

    Args:
        state: changed in place.
        fill: what was traded.
        commission_usd: charged for this fill.
        settles_on: when a sale's proceeds arrive in a cash account; None for a margin account.
    """
    signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
    cash = -signed * fill.price - commission_usd
    state.cash_usd += cash
    if settles_on is not None and fill.side is Side.SELL:
        state.unsettled.append(Unsettled(settles_on, cash))
    holding = state.holdings.setdefault(fill.symbol, Holding())
    before = holding.quantity
    closed = min(abs(before), abs(signed)) if before * signed < 0 else ZERO
    holding.quantity = after = before + signed
    gain = None
    if closed:
        direction = 1 if before > 0 else -1
        gain = (fill.price - holding.average_cost) * closed * direction - commission_usd
        holding.realized_usd += gain
    if after == 0:
        holding.average_cost = ZERO
    elif closed and after * before < 0:
        holding.average_cost = fill.price
    elif not closed:
        fee = commission_usd if signed > 0 else -commission_usd
        paid = holding.average_cost * abs(before) + fill.price * abs(signed) + fee
        holding.average_cost = paid / abs(after)
    return gain


def add_cash(
    state: BrokerState, kind: CashKind, amount_usd: Decimal, text: str, symbol: Symbol | None = None
) -> CashItem:
    """Book cash that moved without a trade, in whole cents, and return the item."""
    amount_usd = to_usd(amount_usd)
    item = CashItem(len(state.cash_items) + 1, kind, amount_usd, state.clock, text, symbol)
    state.cash_items.append(item)
    state.cash_usd += amount_usd
    return item


def pay_dividend(state: BrokerState, symbol: Symbol, per_share_usd: Decimal) -> None:
    """Credit a cash dividend on the shares held now: before the ex-date's open those of the previous close."""
    held = _held(state, symbol)
    if held:
        words = f"{symbol} cash dividend {per_share_usd.normalize():f} USD per share on {held.normalize():f} shares"
        add_cash(state, CashKind.DIVIDEND, held * per_share_usd, words, symbol)


def split_holding(state: BrokerState, symbol: Symbol, ratio: Decimal, price: Decimal | None, at: datetime) -> None:
    """Put the holding on the new basis; the fraction of a share is paid out in cash.

    Args:
        state: changed in place.
        symbol: what splits.
        ratio: new shares per old share.
        price: USD/share on the new basis, for the fraction; None: at average cost.
        at: when.
    """
    held = _held(state, symbol)
    if not held:
        return
    holding = state.holdings[symbol]
    holding.average_cost /= ratio
    exact = held * ratio
    holding.quantity = exact.to_integral_value(ROUND_DOWN)
    if fraction := exact - holding.quantity:
        each = holding.average_cost if price is None else price
        words = f"{symbol} cash in lieu of {fraction.normalize():f} shares at {each.normalize():f} USD"
        add_cash(state, CashKind.CASH_IN_LIEU, fraction * each, words, symbol)
    state.splits.append(SplitDone(symbol, ratio, holding.quantity, at))


def _held(state: BrokerState, symbol: Symbol) -> Decimal:
    holding = state.holdings.get(symbol)
    return ZERO if holding is None else holding.quantity
