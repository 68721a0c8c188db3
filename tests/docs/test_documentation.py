"""What a person can set or type is written down."""

import argparse
import re

import pytest
import yaml
from trading.entrypoints.cli import build_parser

from tests.architecture.sources import ROOT, product_files

NAMES = r"(?:AIRDESK|POLYGON|SEC|FRED|ALPHAVANTAGE|NEWSAPI|X|CBOE|GPR)_[A-Z_]+"
VARIABLE = re.compile(rf"[\"']({NAMES})[\"']")
SET_BY_THE_LAUNCHER = {"AIRDESK_ROOT"}


def commands():
    """Return every command as people type it, groups with their members."""

    def walk(parser, prefix):
        groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if not groups:
            yield " ".join(prefix)
        for group in groups:
            for name, child in group.choices.items():
                yield from walk(child, [*prefix, name])

    return list(walk(build_parser(), []))


def variables_of_the_code():
    texts = [path.read_text(encoding="utf-8") for path in product_files()]
    return {name for text in texts for name in VARIABLE.findall(text)} - SET_BY_THE_LAUNCHER


def test_every_environment_variable_is_in_env_example():
    documented = set(re.findall(rf"^#?({NAMES})=", (ROOT / ".env.example").read_text(), re.M))
    assert variables_of_the_code() - documented == set()


def test_env_example_names_nothing_that_no_code_reads():
    documented = set(re.findall(rf"^#?({NAMES})=", (ROOT / ".env.example").read_text(), re.M))
    assert documented - variables_of_the_code() == set()


@pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="README.md is not written yet")
def test_every_command_is_in_the_readme():
    text = (ROOT / "README.md").read_text()
    assert [command for command in commands() if f"airdesk {command}" not in text] == []


def test_every_command_says_what_it_does():
    parser = build_parser()
    (group,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    assert {choice.dest for choice in group._choices_actions if not choice.help} == set()


@pytest.mark.parametrize("name", ["docker-compose.yaml", ".github/workflows/ci.yml", ".pre-commit-config.yaml"])
def test_a_configuration_file_is_valid_yaml(name):
    assert isinstance(yaml.safe_load((ROOT / name).read_text()), dict)
