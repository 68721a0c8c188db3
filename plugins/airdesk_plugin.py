"""The one file that Airflow loads as a plugin: the timetables, importable by every Airflow process."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin
from trading.entrypoints.airflow.timetable import (
    NyseCloseTimetable,
    NyseQuarterTimetable,
    NyseReplayTimetable,
    NyseTimetable,
    NyseWeekTimetable,
)


class AirdeskPlugin(AirflowPlugin):
    """What Airdesk adds to Airflow."""

    name = "airdesk"
    timetables = (NyseTimetable, NyseCloseTimetable, NyseReplayTimetable, NyseQuarterTimetable, NyseWeekTimetable)
