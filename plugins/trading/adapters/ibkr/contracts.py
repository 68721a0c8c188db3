"""Contracts and the price steps of their market rules, each asked for once per connection."""

from __future__ import annotations

from typing import Any

from trading.adapters.ibkr.session import IbSession
from trading.adapters.ibkr.translate import PriceSteps, exact
from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.errors import BrokerRefused, TransientError


class Contracts:
    """US stocks and funds, as the broker names them."""

    def __init__(self, session: IbSession) -> None:
        self._session = session
        self._details: dict[Symbol, Any] = {}
        self._rules: dict[int, PriceSteps] = {}

    def of(self, symbol: Symbol) -> Any:
        """Return the contract of a symbol, routed by SMART.

        Raises:
            BrokerRefused: the broker knows none, or several.
        """
        contract = self._detail(symbol).contract
        contract.exchange = "SMART"
        return contract

    def to_quote(self, symbol: Symbol) -> Any:
        """Return a contract that is good enough to ask the market for: the broker refuses it if it knows none."""
        if symbol in self._details:
            return self.of(symbol)
        return self._plain(symbol)

    def price_steps(self, symbol: Symbol) -> PriceSteps:
        """Return the price steps of the symbol's first market rule; its smallest step if it names no rule."""
        detail = self._detail(symbol)
        first = detail.marketRuleIds.split(",")[0]
        if not first:
            return ((ZERO, exact(detail.minTick)),)
        rule = int(first)
        if rule not in self._rules:
            self._rules[rule] = self._ask_rule(rule)
        return self._rules[rule]

    def _ask_rule(self, rule: int) -> PriceSteps:
        rows = self._session.ask(f"market rule {rule}", lambda: self._session.ib.reqMarketRuleAsync(rule))
        if not rows:
            raise TransientError(f"the broker did not tell market rule {rule}; nothing is sent, it is retried")
        return tuple((exact(row.lowEdge), exact(row.increment)) for row in rows)

    def _detail(self, symbol: Symbol) -> Any:
        if symbol not in self._details:
            wanted = self._plain(symbol)
            rows: list[Any] = self._session.ask(
                f"the contract of {symbol}", lambda: self._session.ib.reqContractDetailsAsync(wanted)
            )
            if len(rows) != 1:
                raise BrokerRefused(f"{symbol} is not one US stock at the broker; name its exchange in the universe")
            self._details[symbol] = rows[0]
        return self._details[symbol]

    def _plain(self, symbol: Symbol) -> Any:
        return self._session.library.stock(symbol, "SMART", "USD")
