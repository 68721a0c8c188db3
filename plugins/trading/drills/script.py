"""What the desk of a drill decides at each hour: entries with protection, trims, exits. Drawn, not judged by rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random

import numpy as np

from trading import __version__
from trading.analysis.facts import utc64
from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import Slot
from trading.domain.orders import Order, OrderPurpose
from trading.domain.panel import panel_of
from trading.domain.portfolio import Portfolio
from trading.domain.signals import Targets
from trading.drills.market import DrillMarket
from trading.execution.planner import PlanTerms, plan_entry, plan_sale
from trading.ports import Store, Transaction
from trading.strategy.spec import StrategySpec

CALM_VIX = 15.0
WEIGHT_FRAC = 0.02
"""Small, so that no limit on turnover or exposure ends the story early."""
ENTRIES_AN_HOUR = (1, 2, 2)
EXIT_SHARE, TRIM_SHARE = 0.15, 0.15
"""Share of held positions that an hour sells, wholly or in part."""
ENTRY_LIFE = timedelta(minutes=25)
THIN_SHARE, THIN_SHARES = 0.25, 7
"""Share of the symbols that trade so thinly in an hour that a bar fills only so many shares of an order."""


class Script:
    """Decides for one book; each name is entered once, so that no wash sale stands in the way."""

    def __init__(self, spec: StrategySpec, book: BookId, market: DrillMarket, seed: int) -> None:
        self._spec, self._book, self._market = spec, book, market
        self._draw = Random(f"{seed}.script")
        self._fresh = list(spec.universe.traded)
        self._draw.shuffle(self._fresh)

    def decide(self, store: Store, slot: Slot) -> tuple[Order, ...]:
        """Store the facts that the checks read and the decision of this hour; returns its orders."""
        decision_id = decision_id_for(self._book, DecisionKind.HOURLY, slot.as_of)
        terms = PlanTerms(self._book, decision_id, slot.as_of, 0.005, 0.12, 0.25)
        prices = dict(zip(self._spec.universe.traded, self._market.closes(slot.as_of), strict=True))
        with store.transaction() as tx:
            self._store_facts(tx, slot, prices)
            portfolio = tx.ledger.portfolio(self._book, slot.as_of)
            busy = {o.symbol for o in tx.orders.working(self._book) if not o.is_protective}
            nav_usd = float(portfolio.cash_usd) + sum(
                float(p.quantity) * prices[s] for s, p in portfolio.positions.items()
            )
            orders = (*self._sales(terms, slot, portfolio, busy), *self._entries(terms, slot, prices, nav_usd))
            decision = Decision(
                decision_id, self._book, DecisionKind.HOURLY, slot.as_of, slot.as_of, slot.session_on, slot.is_closing,
                self._spec.name, self._spec.spec_hash, __version__, "0" * 16, nav_usd,
            )  # fmt: skip
            tx.decisions.add(decision, (), Targets(slot.as_of, nav_usd, {}), orders)
        return orders

    def thin_symbols(self) -> dict[Symbol, int | None]:
        """Return how many shares of each symbol one bar fills in the next hour; None means all."""
        return {s: THIN_SHARES if self._draw.random() < THIN_SHARE else None for s in self._spec.universe.traded}

    def _sales(self, terms: PlanTerms, slot: Slot, portfolio: Portfolio, busy: set[Symbol]) -> Iterator[Order]:
        for symbol, position in sorted(portfolio.positions.items()):
            chance, held = self._draw.random(), position.quantity
            if symbol in busy or not held:
                continue
            if chance < EXIT_SHARE:
                yield plan_sale(terms, symbol, held, OrderPurpose.EXIT, at_open=slot.is_closing)
            elif chance < EXIT_SHARE + TRIM_SHARE and held > 2:
                part = Decimal(int(held) // 2)
                yield plan_sale(terms, symbol, part, OrderPurpose.TRIM, at_open=slot.is_closing)

    def _entries(self, terms: PlanTerms, slot: Slot, prices: dict[Symbol, float], nav_usd: float) -> Iterator[Order]:
        if slot.is_closing:
            return
        for _ in range(min(self._draw.choice(ENTRIES_AN_HOUR), len(self._fresh))):
            symbol = self._fresh.pop()
            yield from plan_entry(
                terms, symbol, weight_frac=WEIGHT_FRAC, nav_usd=nav_usd, last_price=prices[symbol],
                expires_at=slot.as_of + ENTRY_LIFE,
            )  # fmt: skip

    def _store_facts(self, tx: Transaction, slot: Slot, prices: dict[Symbol, float]) -> None:
        symbols = self._spec.universe.traded
        times, row = np.array([utc64(slot.as_of)]), np.array([[prices[s] for s in symbols]])
        panel = panel_of(times, symbols, price=row, vix=np.array([[CALM_VIX]]))
        for group in ("technicals", "risk"):
            tx.analysis.write(group, panel, slot.as_of)
