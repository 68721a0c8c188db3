"""The page about the paper gateway lists what its control socket understands."""

import re

from trading.gateway.commands import COMMANDS

from tests.architecture.sources import ROOT


def test_every_control_command_is_documented():
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.M)) == set(COMMANDS)
