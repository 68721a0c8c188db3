"""Any history of purchases and of sales that name their lots, by the day that the broker was told."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import Purchase, Sale, Split
from trading.accounting.tax.tie_out import conserved

from tests.builders import AS_OF, BOOK

AMOUNTS = st.decimals("5", "200", places=2)
GAPS = st.sampled_from([0, 1, 12, 29, 30, 31, 200])


class NamedLots(RuleBasedStateMachine):
    """One symbol of one book, each sale from lots that a person chose."""

    @initialize()
    def opens(self):
        self.now = AS_OF
        self.events = []
        self.held = {}

    @rule(shares=st.integers(1, 60), price=AMOUNTS, gap=GAPS)
    def buys(self, shares, price, gap):
        self.now += timedelta(days=gap, seconds=1)
        lot_id = f"lot.{len(self.events)}"
        self.events.append(
            Purchase(lot_id, lot_id, BOOK, "NVDA", self.now, Decimal(shares), shares * price + Decimal("0.355"))
        )
        self.held[lot_id] = Decimal(shares)

    @precondition(lambda self: self.held)
    @rule(which=st.lists(st.integers(0, 99), min_size=1, max_size=3), parts=st.integers(1, 3), price=AMOUNTS, gap=GAPS)
    def sells_lots_by_name(self, which, parts, price, gap):
        self.now += timedelta(days=gap, seconds=1)
        names = list(dict.fromkeys(sorted(self.held)[number % len(self.held)] for number in which))
        chosen = tuple((name, max(Decimal(1), self.held[name] // parts)) for name in names)
        shares = sum(quantity for _, quantity in chosen)
        number = f"sale{len(self.events)}"
        self.events.append(Sale(number, number, BOOK, "NVDA", self.now, shares, shares * price, chosen=chosen))
        self.held = {n: q for n, q in {**self.held, **{n: self.held[n] - q for n, q in chosen}}.items() if q}

    @precondition(lambda self: self.held)
    @rule(ratio=st.sampled_from([2, 4]), gap=GAPS)
    def splits_shares(self, ratio, gap):
        self.now += timedelta(days=gap, seconds=1)
        self.events.append(Split(BOOK, "NVDA", self.now, Decimal(ratio)))
        self.held = {name: quantity * ratio for name, quantity in self.held.items()}

    @invariant()
    def exactly_the_named_lots_went(self):
        ledger, held = tax_ledger(self.events), {}
        for lot in ledger.lots:
            held[lot.lot_id] = held.get(lot.lot_id, 0) + lot.quantity
        assert held == self.held
        for sale in (e for e in self.events if isinstance(e, Sale)):
            gone = {}
            for row in (r for r in ledger.rows if r.fill_id == sale.fill_id):
                gone[row.lot_id] = gone.get(row.lot_id, 0) + row.quantity
            assert gone == dict(sale.chosen)

    @invariant()
    def no_cent_is_lost_and_no_gain_is_washed(self):
        ledger = tax_ledger(self.events)
        assert conserved(ledger, self.events) == ()
        for row in ledger.rows:
            assert 0 <= row.disallowed_usd <= max(Decimal(0), -row.economic_usd)

    @invariant()
    def the_order_in_which_events_became_known_does_not_matter(self):
        shuffled = list(self.events)
        random.Random(len(shuffled)).shuffle(shuffled)
        assert tax_ledger(shuffled) == tax_ledger(self.events)

    @invariant()
    def to_name_the_oldest_is_first_in_first_out(self):
        if len(self.held) == 1 and not any(isinstance(e, Sale) for e in self.events):
            (name,), now = self.held, self.now + timedelta(days=1)
            sale = Sale("last", "last", BOOK, "NVDA", now, self.held[name], Decimal(100))
            named = replace(sale, chosen=((name, self.held[name]),))
            assert tax_ledger([*self.events, named]) == tax_ledger([*self.events, sale])


NamedLots.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestNamedLots = NamedLots.TestCase
