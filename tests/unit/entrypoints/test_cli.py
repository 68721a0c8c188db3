import argparse
import json
import subprocess
import sys

import pytest
from trading.entrypoints import cli
from trading.entrypoints.answers import add_json
from trading.entrypoints.command_index import COMMANDS
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


def test_a_folder_that_cannot_be_written_is_a_sentence_too(monkeypatch, capsys):
    error = PermissionError(13, "Permission denied", "/srv/desk/run.lock")
    monkeypatch.setattr(cli, "modules_for", lambda command: (a_group(error),))
    assert cli.main(["fail"]) == 1
    assert capsys.readouterr().err.startswith("airdesk: /srv/desk/run.lock: Permission denied; see that ")


def test_ctrl_c_ends_with_the_shells_code(monkeypatch):
    monkeypatch.setattr(cli, "modules_for", lambda command: (a_group(KeyboardInterrupt()),))
    assert cli.main(["fail"]) == 130


def test_debug_shows_where_an_error_comes_from(monkeypatch, capsys):
    monkeypatch.setattr(cli, "modules_for", lambda command: (a_group(ConfigurationError("A is wrong; correct it")),))
    assert cli.main(["fail", "--debug"]) == 1
    trace, sentence = capsys.readouterr().err.rsplit("airdesk: ", 1)
    assert "Traceback" in trace
    assert sentence == "A is wrong; correct it\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["xyzzy"], "there is no command 'xyzzy'; there are demo, up"),
        (["positons"], "there is no command 'positons'; did you mean positions? See ./airdesk --help"),
        (["data", "imprt"], "there is no command 'imprt'; did you mean import? See ./airdesk data --help"),
        (["doctor", "--xyzzy"], "unrecognised arguments: --xyzzy; see ./airdesk doctor --help"),
        (["replay", "show", "a", "--xyzzy"], "unrecognised arguments: --xyzzy; see ./airdesk replay show --help"),
        (["why"], "the following arguments are required: SYMBOL; see ./airdesk why --help"),
    ],
)
def test_a_command_that_is_not_understood_is_one_sentence_with_what_to_type(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"airdesk: {sentence}")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["reconcile", "show", "abc"], "argument ID: 'abc' is no whole number; see ./airdesk reconcile show --help"),
        (["tax", "method", "lifo"], "argument fifo|hifo: 'lifo' is none of fifo, hifo; see ./airdesk tax method"),
        (["gateway", "--port", "65536"], "argument --port: '65536' is no whole number from 0 to 65,535; see"),
        (["gateway", "--clock", "noon"], "argument --clock: 'noon' is no instant; write it as 2026-06-01T14:30"),
        (["ban", "TSLA", "--reason", " "], "argument --reason: it is empty; say why in a few words; see"),
    ],
)
def test_a_wrong_value_is_told_without_the_types_of_python(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"airdesk: {sentence}")


def test_a_program_is_refused_in_json_as_well(monkeypatch, capsys):
    group = a_group(TransientError("busy; try again"))
    monkeypatch.setattr(cli, "modules_for", lambda command: (group,))
    monkeypatch.setattr(group, "register", staticmethod(with_json(group.register)))
    assert cli.main(["fail", "--json"]) == 3
    told = capsys.readouterr()
    assert json.loads(told.out) == {"error": "busy; try again", "exit_code": 3}
    assert told.err == "airdesk: busy; try again\n"


def with_json(register):
    def registered(subparsers):
        register(subparsers)
        add_json(subparsers.choices["fail"])

    return registered


def test_a_program_that_mistypes_is_refused_in_json_as_well(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["orders", "--json", "--limit", "0"])
    told = json.loads(capsys.readouterr().out)
    assert (end.value.code, told["exit_code"]) == (2, 2)
    assert told["error"].startswith("argument --limit: '0' is no whole number of 1 or more; see")


def test_an_empty_command_line_shows_the_commands_and_is_a_usage_error(capsys):
    assert cli.main([]) == 2
    assert "first steps:" in capsys.readouterr().err


def test_the_help_names_every_command_and_fits_a_terminal_of_80_columns(capsys):
    assert cli.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines if line.startswith("  ") and line.strip()} >= set(COMMANDS)
    assert max(map(len, lines)) < 80


def test_the_help_loads_no_command():
    code = (
        "import sys; from trading.entrypoints.cli import main; main(['--help']); "
        "heavy = {'airflow', 'pandas', 'numpy', 'psycopg2', 'rich', 'trading.bootstrap'}; print(heavy & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": "plugins"}
    )
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("command", ["demo", "why", "replay", "data", "gateway", "reconcile", "tax"])
def test_a_command_that_is_loaded_alone_is_understood_as_among_all(command, capsys):
    shown = []
    for parser in (cli.build_parser(command), cli.build_parser()):
        with pytest.raises(SystemExit):
            parser.parse_args([command, "--help"])
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
