"""Every command of the bot is in its page, as the code makes it."""

import re

from trading.entrypoints.bot.registry import all_commands
from trading.entrypoints.documentation.telegram import NAME, telegram_page

from tests.architecture.sources import ROOT


def test_the_table_of_commands_is_as_the_code_makes_it():
    written = (ROOT / NAME).read_text(encoding="utf-8")
    assert telegram_page(ROOT) == written, "run `make docs` and commit what it writes"


def test_no_command_is_missing():
    written = (ROOT / NAME).read_text(encoding="utf-8")
    listed = re.findall(r"^\| `/(\w+)", written, re.M)
    assert listed == [command.name for command in all_commands()]
    assert all(f"`/{alias}`" in written for command in all_commands() for alias in command.aliases)


def test_a_missing_command_would_be_found(tmp_path):
    (tmp_path / "docs").mkdir()
    page = (ROOT / NAME).read_text(encoding="utf-8")
    without = re.sub(r"^\| `/halt.*\n", "", page, flags=re.M)
    (tmp_path / NAME).write_text(without, encoding="utf-8")
    assert telegram_page(tmp_path) == page != without
