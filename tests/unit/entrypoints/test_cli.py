import argparse

import pytest
from trading.entrypoints import cli
from trading.errors import ConfigurationError, TransientError


def a_group(error):
    """Return a command module whose one command raises `error`."""

    class Group:
        @staticmethod
        def register(subparsers):
            def run(options: argparse.Namespace) -> int:
                raise error

            subparsers.add_parser("fail").set_defaults(run=run, needs_database=False)

    return Group


def test_an_expected_error_is_one_sentence_and_no_trace(monkeypatch, capsys):
    monkeypatch.setattr(cli, "modules_for", lambda command: (a_group(ConfigurationError("A is wrong; correct it")),))
    assert cli.main(["fail"]) == 1
    assert capsys.readouterr().err == "airdesk: A is wrong; correct it\n"


def test_an_error_that_waiting_cures_has_its_own_exit_code(monkeypatch):
    monkeypatch.setattr(cli, "modules_for", lambda command: (a_group(TransientError("busy; try again")),))
    assert cli.main(["fail"]) == 3


def test_ctrl_c_ends_with_the_shells_code(monkeypatch):
    monkeypatch.setattr(cli, "modules_for", lambda command: (a_group(KeyboardInterrupt()),))
    assert cli.main(["fail"]) == 130


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["doctor", "--nonsense"]])
def test_a_command_that_is_not_understood_is_a_usage_error(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2


def test_every_command_has_help(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("up", "down", "doctor", "migrate", "test"))


@pytest.mark.parametrize("command", sorted(cli.ALONE))
def test_a_command_that_is_loaded_alone_is_understood_as_among_all(command, capsys):
    shown = []
    for parser in (cli.build_parser(command), cli.build_parser()):
        with pytest.raises(SystemExit):
            parser.parse_args([command, "--help"])
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
