"""The scheduler loads once what every task needs: a task that it forks imports our own modules only.

Airflow's modules are left out: the running scheduler has loaded them for itself.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from trading.entrypoints.airflow_environment import LOCAL_SETTINGS

from tests.architecture.sources import ROOT

TASK = """
import sys
sys.argv = ["airflow", "scheduler"]
exec(SETTINGS)
loaded = set(sys.modules)
import importlib, pathlib
import trading.entrypoints.airflow.steps, trading.entrypoints.airflow.timetable
import trading.tasks.replay, trading.bootstrap, trading.adapters.sources.combined
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.scoring import compound
from datetime import date
NyseCalendar().sessions(date(2024, 1, 2), date(2024, 1, 5)); compound("gold rises")
print(sorted(name for name in set(sys.modules) - loaded if name.split(".")[0] not in {"trading", "airflow"}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every task is a new process and loads for itself")
def test_a_forked_task_imports_nothing_but_our_own_code(airflow_home):
    code = TASK.replace("SETTINGS", repr(LOCAL_SETTINGS))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_scheduler_loads_nothing_of_ours_so_that_a_task_runs_the_code_on_the_disk():
    assert "trading" not in LOCAL_SETTINGS
