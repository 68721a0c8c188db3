"""`./airdesk` for real, in a copy whose path has spaces, with a lock that needs no network."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND_LINE = """
import os, sys
print("arguments", sys.argv[1:])
print("root", os.environ["AIRDESK_ROOT"])
print("bytecode", os.environ.get("PYTHONDONTWRITEBYTECODE", "wanted"))
print("setting", os.environ.get("AIRDESK_STRATEGY"))
print("prefix", sys.prefix)
"""


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "air desk (copy)"
    package = root / "plugins" / "trading" / "entrypoints"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "cli.py").write_text(COMMAND_LINE)
    (root / "requirements.txt").write_text("# nothing to install\n")
    shutil.copy2(ROOT / "airdesk", root / "airdesk")
    return root


def environment(**extra):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRDESK_")}
    return {**kept, "AIRDESK_PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1", **extra}


def launch(checkout, *arguments, **extra):
    command = [sys.executable, str(checkout / "airdesk"), *arguments]
    return subprocess.run(command, cwd="/", env=environment(**extra), capture_output=True, text=True, timeout=120)


def test_the_first_run_installs_and_hands_over_and_the_second_only_hands_over(checkout):
    (checkout / ".env").write_text("AIRDESK_STRATEGY='technical_core'\n")
    first = launch(checkout, "why", "NVDA")
    assert first.returncode == 0, first.stderr
    assert "arguments ['why', 'NVDA']" in first.stdout
    assert f"root {checkout}" in first.stdout
    assert f"prefix {checkout / '.venv'}" in first.stdout
    assert "bytecode wanted" in first.stdout
    assert "setting technical_core" in first.stdout
    assert "first run" in first.stderr
    assert launch(checkout, "why", "NVDA").stderr == ""


def test_a_half_made_or_outdated_installation_is_made_again(checkout):
    half = checkout / ".venv" / "bin"
    half.mkdir(parents=True)
    (half / "python").symlink_to(sys.executable)
    assert "first run" in launch(checkout).stderr
    (checkout / "requirements.txt").write_text("# another lock\n")
    assert "first run" in launch(checkout).stderr


def test_two_copies_at_once_install_once(checkout):
    command = [sys.executable, str(checkout / "airdesk")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    first = subprocess.Popen(command, env=environment(), **pipes)
    while not (checkout / ".airdesk" / "install.lock").exists():
        assert first.poll() is None
        time.sleep(0.05)
    second = subprocess.Popen(command, env=environment(), **pipes)
    said = [process.communicate(timeout=120)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert sum("first run" in text for text in said) == 1


def test_a_failed_installation_says_what_pip_said_and_leaves_no_stamp(checkout):
    (checkout / "requirements.txt").write_text(
        f"airdesk-no-such @ file:///nowhere/x-1-py3-none-any.whl --hash=sha256:{'0' * 64}\n"
    )
    failed = launch(checkout)
    assert failed.returncode == 1
    assert "installing failed" in failed.stderr
    assert "install.log" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (checkout / ".venv" / "airdesk.stamp").exists()


def test_the_lock_names_all_that_its_packages_need():
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, "nothing outside the lock is installed, so it must be whole:\n" + done.stdout
