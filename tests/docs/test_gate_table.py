"""The record of the gates says what the code does."""

import re

from trading.domain.gates import GATES

from tests.architecture.sources import ROOT


def test_the_table_of_gates_is_the_one_in_the_code():
    text = (ROOT / "docs" / "adr" / "0027-gates.md").read_text(encoding="utf-8")
    written = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", text, re.M)
    assert written == [
        (gate.value, rule.sentence, rule.clears, "release it" if rule.by_person else "–")
        for gate, rule in GATES.items()
    ]
