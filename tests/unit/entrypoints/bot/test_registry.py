"""Commands are found by their files: adding one touches one file."""

import importlib
import sys

import pytest
from trading.entrypoints.bot.registry import all_commands, by_name
from trading.errors import InvariantBroken

HELLO = '''
"""/hello: say hello."""
from trading.domain.people import Role
from trading.entrypoints.bot.command import Command
from trading.entrypoints.bot.reply import Reply

COMMAND = Command("{name}", "say hello", lambda ask: Reply.of("hello"), Role.VIEW, aliases=("hi",))
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of commands with one file."""
    folder = tmp_path / "more_commands"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "hello.py").write_text(HELLO.format(name="hello"))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("more_commands"), folder
    for name in [name for name in sys.modules if name.startswith("more_commands")]:
        del sys.modules[name]


def test_a_new_file_is_a_new_command(package):
    module, folder = package
    assert [c.name for c in all_commands(module)] == ["hello"]
    (folder / "wave.py").write_text(HELLO.format(name="wave").replace('"hi"', '"waves"'))
    importlib.invalidate_caches()
    found = all_commands(module)
    assert [(c.name, c.usage) for c in found] == [("hello", "/hello"), ("wave", "/wave")]
    assert set(by_name(found)) == {"hello", "hi", "wave", "waves"}


@pytest.mark.parametrize(
    ("name", "sentence"), [("hello", "names two commands"), ("Hello", "no name that Telegram takes")]
)
def test_a_name_that_cannot_be_is_refused(package, name, sentence):
    module, folder = package
    (folder / "other.py").write_text(HELLO.format(name=name).replace('"hi"', '"ho"'))
    importlib.invalidate_caches()
    with pytest.raises(InvariantBroken, match=sentence):
        all_commands(module)


def test_what_asks_first_has_something_that_follows():
    commands = all_commands()
    assert len(commands) > 45
    asking = {c.name for c in commands if c.act is not None}
    assert asking == {"approve", "buy", "cancel", "close", "flatten", "lock", "resume", "unban"}
    assert all(c.help and c.help[0].islower() is c.help[0].isalpha() and len(c.help) <= 60 for c in commands)
