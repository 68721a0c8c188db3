"""Who may import whom, and who may read the environment."""

import ast
import os
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT, name_of, parsed, product_files


def attribute_reads(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr, node.lineno


@pytest.mark.timeout(120)
def test_the_import_contracts_hold():
    check = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_settings_and_entrypoints_read_the_environment():
    # The embedded Postgres only passes the environment on to its own programs.
    postgres = "plugins/trading/adapters/embedded_postgres.py"
    allowed = ("airdesk", "plugins/trading/settings.py", "plugins/trading/entrypoints/", postgres)
    read = [
        f"{name_of(path)}:{line}"
        for path in product_files()
        for name, attribute, line in attribute_reads(path)
        if (name, attribute) in {("os", "environ"), ("os", "getenv")} and not name_of(path).startswith(allowed)
    ]
    assert read == []


def test_only_the_airflow_room_imports_airflow():
    allowed = ("dags/", "plugins/airdesk_plugin.py", "plugins/trading/entrypoints/airflow/")
    importing = []
    for path in product_files():
        for node in ast.walk(parsed(path)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(module.split(".")[0] == "airflow" for module in modules) and not name_of(path).startswith(allowed):
                importing.append(name_of(path))
    assert importing == []


def test_airflow_does_not_run_our_modules_as_plugins():
    assert (ROOT / "plugins" / ".airflowignore").read_text().split() == ["trading/"]
