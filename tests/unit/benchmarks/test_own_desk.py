"""What a benchmark's own desk is told, and what it is not."""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.architecture.sources import ROOT


@pytest.fixture(scope="module")
def own_desk():
    spec = importlib.util.spec_from_file_location("own_desk", ROOT / "benchmarks" / "own_desk.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", ["AIRDESK_DATABASE_URL", "AIRFLOW__CORE__EXECUTOR", "POLYGON_API_KEY", "FRED_API_KEY", "SEC_USER_AGENT"]
)
def test_no_setting_of_the_user_reaches_it(own_desk, monkeypatch, name):
    monkeypatch.setattr(os, "environ", {name: "the user's", "PATH": "/bin"})
    own_desk.forget_settings()
    assert os.environ == {"PATH": "/bin"}
