from __future__ import annotations

import io

from rich.console import Console
from trading.execution.checks import Denial
from trading.ports import Stage, StoredDenial
from trading.reporting.tables import denials_table
from trading.reporting.tax_report import table as tax_table

from tests.builders import AS_OF, an_order


def test_a_denial_is_shown_with_its_code_its_numbers_and_when_it_was_given():
    order = an_order()
    kept = [
        StoredDenial(
            order.order_id, Stage.DECISION, Denial("SECTOR_CAP", "ai would be 41.20% of NAV", 0.412, 0.4), AS_OF
        ),
        StoredDenial(order.order_id, Stage.SEND, Denial("VIX_UNKNOWN", "the VIX is unknown", None, 30.0), AS_OF),
    ]
    console = Console(file=io.StringIO(), width=80)
    console.print(denials_table("what stands against them", kept, [order]))
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert any(line.startswith("NVDA entry decision SECTOR_CAP 0.412 0.4 ai would be") for line in lines)
    assert any(line.startswith("NVDA entry send VIX_UNKNOWN – 30 the VIX is") for line in lines)


def test_what_is_too_long_for_80_columns_is_broken_and_never_cut():
    row = {
        "lot": "lot.0000e0d5.55005871.01.01",
        "basis": "9819.476200",
        "book": "paper:DU1234567",
        "held": "2026-11-19",
    }
    narrow = Console(file=io.StringIO(), width=40)
    narrow.print(tax_table("lots", [row], {name: name for name in row}))
    lines = narrow.file.getvalue().splitlines()
    (rule,) = [number for number, line in enumerate(lines) if "──" in line]
    shown = "".join(lines[rule + 1 :])
    assert sorted(shown.replace(" ", "")) == sorted("".join(row.values()))
