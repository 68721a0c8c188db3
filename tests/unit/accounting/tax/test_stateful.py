"""Any history of a book: what is booked one by one is what the first execution leads to anew."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from trading.accounting.corrections import corrected
from trading.accounting.lots import book_fill
from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import Split, TaxRules
from trading.accounting.tax.tie_out import Booked, conserved, matches_of, tie_out
from trading.accounting.tax.trail import MethodChoice, trail
from trading.domain.fills import LotMethod, newest_revisions
from trading.domain.market import ActionKind, CorporateAction
from trading.domain.money import to_usd
from trading.domain.orders import Side
from trading.domain.portfolio import Portfolio, Position
from trading.engine.corporate import apply_actions, split_lot, whole_lots
from trading.engine.state import BookState
from trading.errors import InvariantBroken

from tests.builders import AS_OF, BOOK, a_fill

SYMBOLS = st.sampled_from(["NVDA", "GLD"])
PRICES = st.decimals("5", "200", places=2)
FEES = st.sampled_from([Decimal(0), Decimal("1.00"), Decimal("0.355")])
GAPS = st.sampled_from([0, 1, 12, 29, 30, 31, 200])


class Ledger(RuleBasedStateMachine):
    """A book that is booked as the desk books it."""

    @initialize(method=st.sampled_from(list(LotMethod)))
    def opens(self, method):
        self.now = AS_OF.replace(hour=16)
        self.method = method
        self.heard, self.splits, self.disposals = [], [], []
        self.lots = {"NVDA": (), "GLD": ()}
        self.cash = self.paid = self.owed = Decimal(0)
        self.number = 0

    def held(self, symbol):
        return sum((lot.quantity for lot in self.lots[symbol]), Decimal(0))

    def fill(self, symbol, side, quantity, price, fee, order):
        self.now += timedelta(seconds=1)
        self.number += 1
        return a_fill(
            fill_id=f"e.{self.number:04}.01", order_id=order, symbol=symbol, side=side, quantity=Decimal(quantity),
            price=price, commission_usd=fee, executed_at=self.now,
        )  # fmt: skip

    def book(self, fill):
        booking = book_fill(fill, self.lots[fill.symbol], self.method)
        self.heard.append(fill)
        self.lots[fill.symbol] = booking.lots
        self.disposals += booking.disposals
        self.cash += booking.cash_usd

    @rule(symbol=SYMBOLS, pieces=st.lists(st.integers(1, 60), min_size=1, max_size=3), price=PRICES, fee=FEES, gap=GAPS)
    def buys(self, symbol, pieces, price, fee, gap):
        self.now += timedelta(days=gap)
        for quantity in pieces:
            self.book(self.fill(symbol, Side.BUY, quantity, price, fee, f"entry{len(self.heard)}"))

    @precondition(lambda self: any(self.held(s) for s in self.lots))
    @rule(parts=st.integers(1, 4), price=PRICES, fee=FEES, gap=GAPS, pieces=st.integers(1, 2))
    def sells_a_part_or_all(self, parts, price, fee, gap, pieces):
        self.now += timedelta(days=gap)
        symbol = max(self.lots, key=self.held)
        left = max(Decimal(1), self.held(symbol) // parts)
        order = f"exit{len(self.heard)}"
        while left > 0:
            quantity = min(left, max(Decimal(1), left // pieces))
            self.book(self.fill(symbol, Side.SELL, quantity, price, fee, order))
            left -= quantity

    @precondition(lambda self: self.heard)
    @rule(which=st.integers(0, 999))
    def hears_an_execution_again(self, which):
        self.heard.append(self.heard[which % len(self.heard)])

    @precondition(lambda self: self.heard)
    @rule(price=PRICES, which=st.integers(0, 999))
    def hears_a_correction(self, price, which):
        standing = newest_revisions(self.heard)
        wrong = standing[which % len(standing)]
        later_sales = [f for f in standing if f.side is Side.SELL and f.executed_at > wrong.executed_at]
        if wrong.side is Side.BUY and later_sales:
            return  # which lot is the dearest may have changed: that is for a person, and the tie-out tells
        base, number = wrong.fill_id.rsplit(".", 1)
        right = replace(wrong, fill_id=f"{base}.{int(number) + 1:02}", price=price)
        try:
            booking = corrected(wrong, right, self.lots[wrong.symbol], self.disposals)
        except InvariantBroken:
            return
        self.heard.append(right)
        self.lots[wrong.symbol] = booking.lots
        self.disposals = [d for d in self.disposals if d.fill_id != wrong.fill_id] + list(booking.disposals)
        undone = wrong.quantity * wrong.price * (1 if wrong.side is Side.BUY else -1) + wrong.commission_usd
        self.cash += undone + booking.cash_usd

    @rule(symbol=SYMBOLS, ratio=st.sampled_from(["2", "4", "1.5", "0.1"]), paid=st.booleans(), gap=GAPS)
    def splits_shares(self, symbol, ratio, paid, gap):
        self.now = (self.now + timedelta(days=gap + 1)).replace(hour=0, minute=0, second=0)
        moved = [split_lot(lot, Decimal(ratio)) for lot in self.lots[symbol]]
        broken = sum((lot.quantity for lot in moved), Decimal(0)) % 1
        in_lieu = Decimal("7.77") if paid and broken else None
        self.splits.append(Split(BOOK, symbol, self.now, Decimal(ratio), in_lieu))
        self.lots[symbol] = tuple(whole_lots(moved))
        self.now = self.now.replace(hour=16)

    @rule(symbol=SYMBOLS, per_share=st.sampled_from([0.22, 0.015, 1.3333]), gap=GAPS)
    def pays_a_dividend(self, symbol, per_share, gap):
        self.now += timedelta(days=gap)
        positions = {name: Position(name, lots, 1.0) for name, lots in self.lots.items() if lots}
        state = BookState(Portfolio(BOOK, self.now, self.cash + self.paid, positions))
        action = CorporateAction(symbol, ActionKind.DIVIDEND, self.now.date(), per_share, "SYNTHETIC", self.now)
        after, _ = apply_actions(state, [action], {})
        assert after.portfolio.positions == positions
        self.paid = after.portfolio.cash_usd - self.cash
        self.owed += to_usd(self.held(symbol) * Decimal(str(per_share)))

    @invariant()
    def cash_is_what_was_traded_and_what_dividends_paid(self):
        standing = newest_revisions(self.heard)
        traded = sum((f.quantity * f.price * (1 if f.side is Side.SELL else -1) for f in standing), Decimal(0))
        fees = sum((f.commission_usd for f in standing), Decimal(0))
        assert self.cash + self.paid == traded - fees + self.owed

    def ledger(self, **rules):
        return tax_ledger(self.events(), TaxRules(**rules))

    def events(self):
        choices = [MethodChoice(AS_OF.date(), self.method)]
        return list(trail(newest_revisions(self.heard), self.splits, choices))

    @invariant()
    def what_is_booked_ties(self):
        ledger = self.ledger()
        booked = Booked(
            fills=newest_revisions(self.heard),
            lots=[lot for lots in self.lots.values() for lot in lots],
            disposals=self.disposals,
            matches=list(matches_of(ledger, {str(BOOK)}).values()),
            traded_usd=self.cash,
        )
        assert tie_out(ledger, booked) == ()
        assert conserved(ledger, self.events()) == ()

    @invariant()
    def the_order_in_which_events_became_known_does_not_matter(self):
        shuffled = self.events()
        random.Random(len(shuffled)).shuffle(shuffled)
        assert tax_ledger(shuffled) == self.ledger()

    @invariant()
    def nothing_is_washed_twice_and_no_gain_is(self):
        ledger = self.ledger()
        for row in ledger.rows:
            assert row.disallowed_usd >= 0
            assert row.disallowed_usd == 0 or row.economic_usd + row.disallowed_usd <= 0
            assert sum(m.quantity for m in row.matches) >= 0
        bought = {f"lot.{f.fill_id}": f.quantity for f in newest_revisions(self.heard) if f.side is Side.BUY}
        if not self.splits:
            used = {}
            for match in (m for row in ledger.rows for m in row.matches):
                used[match.lot_id] = used.get(match.lot_id, 0) + match.quantity
            assert all(shares <= bought[lot_id] for lot_id, shares in used.items())

    @invariant()
    def without_the_wash_rule_every_loss_counts(self):
        free = self.ledger(exempt=frozenset({"NVDA", "GLD"}))
        assert all(row.gain_usd == row.economic_usd for row in free.rows)


Ledger.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestLedger = Ledger.TestCase
