"""The launcher as a file: it is read by whatever `python3` is, before anything is installed."""

import ast
import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def the_launcher():
    loader = importlib.machinery.SourceFileLoader("airdesk_launcher", str(ROOT / "airdesk"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    wrote, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = wrote
    return module


@pytest.fixture
def launcher():
    return the_launcher()


def a_fake_python(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_it_is_executable_and_parses_as_python_3_8():
    assert os.access(ROOT / "airdesk", os.X_OK)
    ast.parse((ROOT / "airdesk").read_text(), feature_version=(3, 8))


def test_it_imports_the_standard_library_only():
    tree = ast.parse((ROOT / "airdesk").read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_a_shim_that_exists_but_fails_is_passed_over(launcher, tmp_path):
    shim = a_fake_python(tmp_path, "python3.12", "echo 'command not found in the selected version' >&2; exit 127")
    assert launcher.probe(str(shim)) == ("", "command not found in the selected version")


def test_python_3_14_is_refused_with_the_reason(launcher, tmp_path):
    newer = a_fake_python(tmp_path, "python3", "echo 3 14")
    version, problem = launcher.probe(str(newer))
    assert version == ""
    assert problem == "Python 3.14 is too new, ib_insync cannot be imported there"


def test_an_older_python_is_refused(launcher, tmp_path):
    assert launcher.probe(str(a_fake_python(tmp_path, "python3", "echo 3 11")))[1] == "Python 3.11 is too old"


def test_the_python_that_runs_the_tests_is_usable(launcher):
    version, problem = launcher.probe(sys.executable)
    assert (version, problem) == (f"{sys.version_info[0]}.{sys.version_info[1]}", "")


def test_no_usable_python_is_one_sentence_that_says_what_to_do(launcher, monkeypatch):
    monkeypatch.delenv("AIRDESK_PYTHON", raising=False)
    monkeypatch.setattr(launcher, "candidates", list)
    with pytest.raises(launcher.Refused, match=r"needs Python 3\.12 or 3\.13.*AIRDESK_PYTHON"):
        launcher.find_python()


def test_a_named_python_that_is_wrong_is_not_silently_replaced(launcher, monkeypatch, tmp_path):
    monkeypatch.setenv("AIRDESK_PYTHON", str(a_fake_python(tmp_path, "python3", "echo 3 11")))
    with pytest.raises(launcher.Refused, match="too old"):
        launcher.find_python()


def test_a_pyenv_version_is_found_when_the_path_has_none(launcher, monkeypatch, tmp_path):
    binary = tmp_path / "versions" / "3.12.7" / "bin"
    binary.mkdir(parents=True)
    a_fake_python(binary, "python3.12", "echo 3 12")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert str(binary / "python3.12") in launcher.candidates()


def test_dotenv_lines_lose_their_quotes_and_comments(launcher, tmp_path):
    (tmp_path / ".env").write_text("# note\nA=1\nB='two words'\nC = \"3\" \nD=4 # four\nE=\nF=a#b\n")
    values = launcher.read_dotenv(tmp_path / ".env")
    assert values == {"A": "1", "B": "two words", "C": "3", "D": "4", "E": "", "F": "a#b"}


def test_a_dotenv_line_that_is_no_setting_names_its_number_and_not_its_text(launcher, tmp_path):
    (tmp_path / ".env").write_text("A=1\nsecret-without-name\n")
    with pytest.raises(launcher.Refused, match="line 2") as refusal:
        launcher.read_dotenv(tmp_path / ".env")
    assert "secret" not in str(refusal.value)


def test_the_environment_beats_dotenv(launcher, monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("AIRDESK_MODE=paper\nAIRDESK_UI_PORT=9000\n")
    monkeypatch.setattr(launcher, "ROOT", tmp_path)
    monkeypatch.setenv("AIRDESK_MODE", "demo")
    environment = launcher.child_environment()
    assert environment["AIRDESK_MODE"] == "demo"
    assert environment["AIRDESK_UI_PORT"] == "9000"
    assert environment["PYTHONPATH"] == str(tmp_path / "plugins")


def test_a_half_made_installation_counts_as_none(launcher, monkeypatch, tmp_path):
    monkeypatch.setattr(launcher, "VENV_PYTHON", tmp_path / "python")
    monkeypatch.setattr(launcher, "STAMP", tmp_path / "stamp")
    monkeypatch.delenv("AIRDESK_PYTHON", raising=False)
    a_fake_python(tmp_path, "python", "true")
    assert not launcher.is_installed()
    (tmp_path / "stamp").write_text(f"{launcher.lock_digest()} 3.12\n")
    assert launcher.is_installed()
