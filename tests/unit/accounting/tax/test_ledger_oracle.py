"""Lots, rows and wash sales: answers made outside the project, from IRS examples and edge days."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.accounting.lots import term_of
from trading.accounting.tax.ledger import tax_ledger
from trading.domain.fills import Term

from tests.oracles import oracle
from tests.unit.accounting.tax.oracle_events import events_of, rules_of


def rows_told(ledger):
    return [
        {
            "sale": r.fill_id,
            "lot": r.lot_id,
            "account": r.book.name,
            "symbol": r.symbol,
            "qty": int(r.quantity),
            "date_acquired": r.acquired_on.isoformat(),
            "holding_period_start": r.holding_starts_on.isoformat(),
            "date_sold": r.sold_on.isoformat(),
            "proceeds": f"{r.proceeds_usd:.2f}",
            "basis": f"{r.basis_usd:.2f}",
            "code": "W" if r.matches else "",
            "adjustment": f"{r.disallowed_usd:.2f}",
            "gain": f"{r.gain_usd:.2f}",
            "term": "LT" if term_of(r.holding_starts_on, r.sold_on) is Term.LONG else "ST",
            "matched_qty": int(sum(m.quantity for m in r.matches)),
            "replacement_lots": [m.lot_id for m in r.matches],
            "permanently_disallowed": f"{sum(m.disallowed_usd for m in r.matches if m.is_permanent):.2f}",
        }
        for r in ledger.rows
    ]


def lots_told(ledger):
    return [
        {
            "lot": lot.lot_id,
            "account": lot.book.name,
            "symbol": lot.symbol,
            "qty": int(lot.quantity),
            "basis": f"{lot.basis_usd:.2f}",
            "wash_added_at_match": f"{lot.wash_usd:.2f}",
            "date_acquired": lot.acquired_on.isoformat(),
            "holding_period_start": lot.holding_starts_on.isoformat(),
            "is_replacement": lot.is_replacement,
        }
        for lot in ledger.lots
    ]


def totals_told(ledger, rules):
    taxable = (lot.basis_usd for lot in ledger.lots if lot.book not in rules.iras)
    sums = {
        "realized_economic": sum(r.economic_usd for r in ledger.rows),
        "disallowed": sum(r.disallowed_usd for r in ledger.rows),
        "permanently_disallowed": sum(m.disallowed_usd for r in ledger.rows for m in r.matches if m.is_permanent),
        "recognized": sum(r.gain_usd for r in ledger.rows),
        "open_basis_taxable": sum(taxable, Decimal(0)),
    }
    return {name: f"{value:.2f}" for name, value in sums.items()}


@pytest.mark.parametrize("number", range(16), ids=lambda n: f"S{n + 1:02}")
def test_lots_rows_and_totals_are_those_of_the_oracle(number):
    case = oracle("wash_sale_cases.json")["cases"][number]
    rules = rules_of(case)
    ledger = tax_ledger(events_of(case["events"]), rules)
    assert rows_told(ledger) == case["expected"]["rows"]
    assert lots_told(ledger) == case["expected"]["open_lots"]
    assert totals_told(ledger, rules) == case["expected"]["totals"]
