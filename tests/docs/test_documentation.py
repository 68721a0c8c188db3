"""What a person can set or type is written down, and what is written down exists."""

import re
import shlex

import pytest
import yaml
from trading.entrypoints.bot.registry import all_commands
from trading.entrypoints.cli import build_parser
from trading.entrypoints.command_index import COMMANDS, GROUPS
from trading.entrypoints.documentation.commands import commands_page
from trading.entrypoints.documentation.configuration import configuration_page, readers_of, variables_of
from trading.entrypoints.documentation.markdown import between_marks
from trading.entrypoints.documentation.metrics import metrics_table
from trading.entrypoints.documentation.strategy import strategy_table, universe_table
from trading.entrypoints.exits import MEANINGS, Exit
from trading.entrypoints.lessons import LESSONS
from trading.entrypoints.parsers import leaves
from trading.strategy.three_sector import three_sector
from trading.tasks.metrics import GAUGES, Metric

from tests.architecture.sources import ROOT, product_files

NAMES = r"(?:AIRDESK|POLYGON|SEC|FRED|ALPHAVANTAGE|NEWSAPI|X|CBOE|GPR)_[A-Z_]+"
VARIABLE = re.compile(rf"[\"']({NAMES})[\"']")
SET_BY_THE_LAUNCHER = {"AIRDESK_ROOT"}
MAKE_AGAIN = "run `make docs` and commit what it writes"
TYPED = re.compile(r"\./airdesk ((?:[a-z0-9][a-z0-9-]* ?)+)")
PAGES = [path for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))) if path.is_file()]


@pytest.fixture(scope="module")
def parser():
    return build_parser()


@pytest.fixture(scope="module")
def commands(parser):
    """Every command as people type it, with its parser."""
    return dict(leaves(parser))


def variables_of_the_code():
    texts = [path.read_text(encoding="utf-8") for path in product_files()]
    return {name for text in texts for name in VARIABLE.findall(text)} - SET_BY_THE_LAUNCHER


def documented_variables():
    return list(variables_of((ROOT / ".env.example").read_text(encoding="utf-8")))


# --- settings -----------------------------------------------------------------------------------


def test_every_environment_variable_is_in_env_example():
    assert variables_of_the_code() - {v.name for v in documented_variables()} == set()


def test_env_example_names_nothing_that_nobody_reads():
    assert {v.name for v in documented_variables()} - set(readers_of(ROOT)) == set()


def test_every_variable_is_explained_right_above_its_line():
    assert [v.name for v in documented_variables() if not v.told] == []


def test_the_page_of_the_configuration_is_as_the_code_makes_it():
    text = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    assert text == configuration_page(ROOT), MAKE_AGAIN


# --- commands -----------------------------------------------------------------------------------


def test_the_page_of_the_commands_is_as_the_code_makes_it(parser):
    text = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert text == commands_page(parser), MAKE_AGAIN


def test_the_index_lists_each_command_once_under_a_heading(parser):
    (group,) = [action for action in parser._actions if action.dest == "==SUPPRESS=="]
    assert set(COMMANDS) == set(group.choices)
    assert {listed.group for listed in COMMANDS.values()} == set(GROUPS)
    told = {action.dest: action.help for action in group._choices_actions}
    assert {name: listed.text for name, listed in COMMANDS.items()} == told, "the index and its module say the same"


def test_every_command_teaches_with_examples_that_the_parser_understands(commands, parser):
    assert set(LESSONS) == set(commands)
    for command, lesson in LESSONS.items():
        assert lesson.examples, command
        for example in lesson.examples:
            options, unknown = parser.parse_known_args(shlex.split(example))
            assert example.startswith(command)
            assert not unknown or getattr(options, "passes_arguments", False), example


def test_every_argument_of_every_command_says_what_it_is(commands):
    silent = [f"{name} {action.dest}" for name, leaf in commands.items() for action in leaf._actions if not action.help]
    assert silent == []


def test_every_exit_code_has_its_meaning():
    assert set(MEANINGS) == set(Exit)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_a_page_shows_exists(path, commands):
    assert [typed for typed in TYPED.findall(path.read_text(encoding="utf-8")) if not names_one(typed, commands)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_readme_can_be_read_in_one_sitting():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 300


def test_the_table_of_the_strategy_is_as_the_strategy_makes_it():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == between_marks(text, "strategy", strategy_table(three_sector())), MAKE_AGAIN


def test_the_table_of_the_universe_is_as_the_strategy_makes_it():
    text = (ROOT / "docs" / "strategy.md").read_text(encoding="utf-8")
    assert text == between_marks(text, "universe", universe_table(three_sector())), MAKE_AGAIN


def test_the_table_of_metrics_lists_all_that_are_sent():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert text == between_marks(text, "metrics", metrics_table()), MAKE_AGAIN
    assert set(GAUGES) == set(Metric)


def test_every_command_of_the_bot_is_on_its_page():
    text = (ROOT / "docs" / "telegram.md").read_text(encoding="utf-8")
    assert [c.name for c in all_commands() if not re.search(rf"/{c.name}\b", text)] == []


def names_one(typed, commands):
    """Whether typed words begin with a command; a whole group may be named alone, e.g. in a sentence."""
    words = typed.split()
    is_command = any(" ".join(words[:count]) in commands for count in (1, 2, 3))
    members = [name.split() for name in commands if name.split()[0] == words[0] and " " in name]
    return is_command or (len(words) == 1 and bool(members)) or words in [name[: len(words)] for name in members]


def test_a_page_with_a_command_that_does_not_exist_would_be_found(commands):
    assert not names_one("positons", commands)
    assert not names_one("data imprt", commands)
    assert names_one("data import bars", commands)


@pytest.mark.parametrize("name", ["docker-compose.yaml", ".github/workflows/ci.yml", ".pre-commit-config.yaml"])
def test_a_configuration_file_is_valid_yaml(name):
    assert isinstance(yaml.safe_load((ROOT / name).read_text()), dict)
