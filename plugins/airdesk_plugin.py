"""The one file that Airflow loads as a plugin: timetables for every Airflow process, the Desk page for the UI's."""

from __future__ import annotations

import sys
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from trading.entrypoints.airflow.late_app import LateApp, desk
from trading.entrypoints.airflow.timetable import (
    NyseCloseTimetable,
    NyseQuarterTimetable,
    NyseReplayTimetable,
    NyseTimetable,
    NyseWeekTimetable,
)


def _apps() -> list[dict[str, Any]]:
    """Return the Desk page in the process that serves the UI: every other one loads this file too, and needs none."""
    if "api-server" not in sys.argv:
        return []
    return [{"app": LateApp(desk), "url_prefix": "/desk", "name": "desk"}]


class AirdeskPlugin(AirflowPlugin):
    """What Airdesk adds to Airflow."""

    name = "airdesk"
    timetables = (NyseTimetable, NyseCloseTimetable, NyseReplayTimetable, NyseQuarterTimetable, NyseWeekTimetable)
    fastapi_apps = _apps()
    external_views = (
        {"name": "Desk", "href": "/desk/", "url_route": "desk", "destination": "nav", "nav_top_level": True},
        # A tab of every run that leads to what it decided.
        {
            "name": "Decision",
            "href": "/desk/?dag_id={DAG_ID}&run_id={RUN_ID}",
            "url_route": "decision",
            "destination": "dag_run",
        },
    )
