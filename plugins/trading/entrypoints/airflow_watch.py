"""Airflow seen from outside: which component does not report in, and whether the DAG that trades is paused."""

from __future__ import annotations

import os
from dataclasses import dataclass

from trading.entrypoints.airflow_api import AirflowApi
from trading.entrypoints.airflow_environment import ADMIN, admin_password
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.run_record import RunRecord, is_running
from trading.errors import AirdeskError

TRADING_DAG = "hourly_trading"


@dataclass(frozen=True, slots=True)
class AirflowWatch:
    """What was seen.

    Attributes:
        problem: which parts do not report in, with the next action; None while all do.
        is_paused: whether `hourly_trading` is paused; None when Airflow did not say.
    """

    problem: str | None
    is_paused: bool | None = None


def watch_airflow(checkout: Checkout) -> AirflowWatch:
    """Look at the Airflow of a checkout; never raises for what it finds there."""
    url = os.environ.get("AIRFLOW__API__BASE_URL", "")
    if not url and is_running(checkout.state):
        url = RunRecord.read(checkout.state).url
    if not url:
        return AirflowWatch("Airflow does not run; start it with ./airdesk up")
    api = AirflowApi(url, ADMIN, "")
    ailing = api.ailing_parts()
    if ailing is None:
        return AirflowWatch(f"Airflow at {url} does not answer; read {checkout.logs / 'api-server.log'}")
    if ailing:
        logs = ", ".join(str(checkout.logs / f"{name.replace('_', '-')}.log") for name in ailing)
        return AirflowWatch(f"{', '.join(ailing)} of Airflow do not report in; read {logs}")
    try:
        return AirflowWatch(None, AirflowApi(url, ADMIN, admin_password(checkout)).is_paused(TRADING_DAG))
    except (AirdeskError, OSError, ValueError, KeyError):
        return AirflowWatch(None)
