"""The page for operators lists the kinds of messages as the code has them."""

import re

from trading.domain.messages import KINDS

from tests.architecture.sources import ROOT


def test_the_table_of_messages_is_the_one_in_the_code():
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    written = re.findall(r"^\| `(\w+)` \| (.+) \| (info|warning|error) \| (\w+) \| (yes|–) \| .+ \|$", page, re.M)
    assert written == [
        (kind.value, rule.title, rule.severity.value, rule.delivery.value, "yes" if rule.is_urgent else "–")
        for kind, rule in KINDS.items()
    ]
