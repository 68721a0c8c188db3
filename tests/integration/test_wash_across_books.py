"""What is checked before a trade knows the taxpayer's other books, as stored, and agrees with the tax reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from trading.accounting.tax.records import TaxRules
from trading.domain.instruments import BookId, ClientCategory
from trading.domain.market import ActionKind, CorporateAction
from trading.domain.orders import OrderStatus, Side
from trading.domain.signals import Targets
from trading.engine.outlooks import SaleOutlooks
from trading.ports import Services, Sources
from trading.ports.tax import Taxpayer
from trading.tasks.booking import booking_of
from trading.tasks.facts import load_state
from trading.tasks.keeping import keep_state
from trading.tasks.locks import locks_now
from trading.tasks.tax import read_taxes

from tests.builders import a_decision, a_fill
from tests.fakes import FakeBroker, FixedClock, ny
from tests.integration.order_desk import BOOK, CALENDAR, SPEC, Desk, slot

OTHER = BookId.parse("paper:DU0000002")
NOW = "2019-06-03 10:30"
CLOSE = "2019-06-03 16:00"
TOGETHER = Taxpayer((BOOK, OTHER))
OPENED_AT = datetime(2018, 12, 3, 15, tzinfo=UTC)


@pytest.fixture
def services(store) -> Services:
    with store.transaction() as tx:
        for book in (BOOK, OTHER):
            tx.ledger.open_book(book, strategy="s", spec_hash="h", opened_at=OPENED_AT, cash_usd=Decimal(100_000))
    broker = FakeBroker(ny(NOW), {s: Decimal(100) for s in SPEC.universe.traded})
    return Services(store, CALENDAR, FixedClock(ny(NOW)), Sources(), broker)


def trade(store, name, on, shares, price, book=BOOK, symbol="NVDA"):
    side = Side.BUY if shares > 0 else Side.SELL
    fill = a_fill(
        fill_id=name, book=book, symbol=symbol, side=side, quantity=Decimal(abs(shares)), price=Decimal(price),
        executed_at=datetime.fromisoformat(f"{on}T15:00+00:00"),
    )  # fmt: skip
    with store.transaction() as tx:
        assert tx.ledger.add_booking(booking_of(tx, fill))


def washed(services, taxpayer):
    """Return until when which symbols are locked for a wash sale in this book."""
    found = locks_now(replace(services, taxpayer=taxpayer), SPEC, BOOK)
    return {lock.symbol: lock.until for lock in found if lock.code == "WASH_BLOCK"}


def test_a_loss_of_another_book_is_a_lock_here_with_its_last_day(store, services):
    trade(store, "o1", "2019-02-01", 10, 120, OTHER)
    trade(store, "o2", "2019-05-20", -10, 100, OTHER)
    assert washed(services, Taxpayer()) == {}
    assert washed(services, Taxpayer((OTHER,))) == {}
    assert washed(services, TOGETHER) == {"NVDA": date(2019, 6, 19)}
    with_amd = replace(TOGETHER, rules=TaxRules(groups={"NVDA": "AMD"}))
    assert washed(services, with_amd) == {"AMD": date(2019, 6, 19), "NVDA": date(2019, 6, 19)}
    assert washed(services, replace(TOGETHER, rules=TaxRules(exempt=frozenset({"NVDA"})))) == {}


def test_a_loss_before_a_split_that_only_this_book_took_over_waits_for_as_many_new_shares(store, services):
    trade(store, "o1", "2019-02-01", 10, 120, OTHER)
    trade(store, "o2", "2019-05-20", -10, 100, OTHER)
    with store.transaction() as tx:
        split = CorporateAction("NVDA", ActionKind.SPLIT, date(2019, 5, 22), 2.0, "test", OPENED_AT)
        assert tx.ledger.apply_action(BOOK, split, ny(NOW))
        state = load_state(tx, BOOK, slot(NOW), client_category=ClientCategory.US, taxpayer=TOGETHER)
    assert [d.quantity for d in state.related.disposals] == [20]


def test_a_purchase_is_denied_at_the_moment_of_sending_for_a_loss_that_another_book_took_since(store, services):
    desk = Desk(replace(services, taxpayer=TOGETHER), gateway=None)
    desk.sync(NOW)
    entry, stop, target = desk.enter(NOW)
    trade(store, "o1", "2019-02-01", 10, 120, OTHER)
    trade(store, "o2", "2019-06-03", -10, 100, OTHER)
    desk.execute(NOW)
    assert desk.status(entry, stop, target) == [OrderStatus.DENIED] * 3
    with store.transaction() as tx:
        (row,) = tx.checks.denials([entry.order_id])
    assert row.denial.code == "WASH_BLOCK"
    assert "2019-07-03" in row.denial.text


@pytest.mark.parametrize(
    ("symbol", "rules"), [("NVDA", TaxRules()), ("AMD", TaxRules(groups={"AMD": "NVDA"}))], ids=["same", "group"]
)
def test_what_a_sale_would_wash_is_what_the_tax_report_then_says(store, services, symbol, rules):
    trade(store, "b1", "2019-02-01", 10, 120)
    trade(store, "o1", "2019-05-24", 6, 110, OTHER, symbol)
    together = replace(services, taxpayer=Taxpayer((BOOK, OTHER), rules))

    def outlook(taxpayer):
        with store.transaction() as tx:
            state = load_state(tx, BOOK, slot(NOW), client_category=ClientCategory.US, taxpayer=taxpayer)
        return SaleOutlooks(state, date(2019, 6, 3))("NVDA", Decimal(10), 99.9)

    assert outlook(Taxpayer()) is None
    told = outlook(together.taxpayer)
    trade(store, "b2", "2019-06-03", -10, 100)  # A commission of one dollar makes that 99.90 a share.
    with store.transaction() as tx:
        (row,) = read_taxes(together, tx, BOOK).ledger.rows
    assert (told.wash_quantity, told.clean_on) == (6, date(2019, 6, 24))
    assert told.disallowed_usd == row.disallowed_usd > 0


def test_the_book_that_is_kept_for_the_day_after_knows_what_counted_besides(store, services):
    trade(store, "o1", "2019-02-01", 10, 120, OTHER)
    trade(store, "o2", "2019-05-20", -4, 100, OTHER)
    rules = TaxRules(iras=frozenset({OTHER}), groups={"GOOGL": "GOOG"}, exempt=frozenset({"GLD", "SLV"}))
    together = replace(services, taxpayer=Taxpayer((BOOK, OTHER), rules))
    with store.transaction() as tx:
        hour = slot(CLOSE)
        last = a_decision(book=BOOK, as_of=hour.as_of, is_closing=True)
        tx.decisions.add(last, (), Targets(hour.as_of, 100_000.0, {}), ())
        assert keep_state(together, tx, BOOK, slot(CLOSE))
        expected = load_state(tx, BOOK, slot(CLOSE), client_category=ClientCategory.US, taxpayer=together.taxpayer)
        _, _, kept = tx.parity.state_before(BOOK, date(2019, 6, 4))
    assert kept.related == expected.related
    assert (len(kept.related.lots), len(kept.related.disposals)) == (1, 1)
