"""What `./airdesk completion` prints completes commands, options and choices in the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from trading.entrypoints import cli

TYPED = [("rep", "replay"), ("replay wal", "walk-forward"), ("why --js", "--json"), ("completion z", "zsh")]
ZSH = """
zmodload zsh/zpty
zpty asked "TERM=dumb zsh -f -i"
zpty -w asked "fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' list-choices; echo BE''GIN"
zpty -r asked line '*BEGIN*'
zpty -n -w asked "$2"$'\\t'
zpty -r asked line "*$3*" && print found
zpty -d asked
"""
"""Completion of zsh works at a terminal only: one of its own, in which somebody types."""


@pytest.fixture
def script(request, tmp_path, capsys) -> Path:
    """The printed script of the shell that the test is about; the test is skipped where there is none."""
    shell, name = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert cli.main(["completion", shell]) == 0
    path = tmp_path / name
    path.write_text(capsys.readouterr().out)
    return path


def says(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", [("bash", "airdesk.bash")], indirect=True)
@pytest.mark.parametrize(("words", "wanted"), TYPED)
def test_bash_completes(script, words, wanted):
    typed = ["./airdesk", *words.split()]
    # Bash itself says which function completes ./airdesk.
    find = "$(complete -p ./airdesk | sed -E 's/.*-F ([^ ]+).*/\\1/')"
    code = (
        f"source {script}; COMP_WORDS=({' '.join(typed)}); COMP_CWORD={len(typed) - 1}; "
        f'{find} ./airdesk {typed[-1]} {typed[-2]}; echo "${{COMPREPLY[@]}}"'
    )
    assert wanted in says("bash", "--norc", "-c", code).split()


@pytest.mark.parametrize("script", [("fish", "airdesk.fish")], indirect=True)
@pytest.mark.parametrize(("words", "wanted"), TYPED)
def test_fish_completes(script, words, wanted):
    said = says("fish", "--no-config", "-c", f"source {script}; complete -C './airdesk {words}'")
    assert wanted in [line.split("\t")[0] for line in said.splitlines()]


@pytest.mark.parametrize("script", [("zsh", "_airdesk")], indirect=True)
@pytest.mark.parametrize(("words", "wanted"), TYPED)
def test_zsh_completes(script, words, wanted):
    assert says("zsh", "-f", "-c", ZSH, "asked", str(script.parent), f"./airdesk {words}", wanted).strip() == "found"
