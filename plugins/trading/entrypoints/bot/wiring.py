"""The desk that the bot speaks for, made of the settings."""

from __future__ import annotations

import os
from functools import partial

from trading.bootstrap import services_for, strategy_of
from trading.entrypoints.airflow_api import AirflowApi
from trading.entrypoints.airflow_environment import BOT, password_of
from trading.entrypoints.bot.command import Desk
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.run_record import RunRecord, is_running
from trading.errors import PermanentError
from trading.settings import Settings


def desk_of(settings: Settings, checkout: Checkout) -> Desk:
    """Return the desk of these settings."""
    return Desk(
        settings=settings,
        services=services_for(settings),
        spec=strategy_of(settings),
        book=settings.book,
        checkout=checkout,
        airflow=partial(airflow_of, checkout),
    )


def airflow_of(checkout: Checkout) -> AirflowApi:
    """Return a client of the running desk's Airflow, with the account of the bot.

    In a container of its own the bot is told where Airflow is; beside a desk that runs here it finds out.

    Raises:
        PermanentError: no desk runs here, and no Airflow is named.
    """
    if url := os.environ.get("AIRDESK_AIRFLOW_URL"):
        return AirflowApi(url, BOT, os.environ.get("AIRFLOW_BOT_PASSWORD", ""))
    record = RunRecord.read(checkout.state)
    if not is_running(checkout.state) or not record.url:
        raise PermanentError("no desk runs here, so there is no Airflow to ask; start it with ./airdesk up")
    return AirflowApi(record.url, BOT, password_of(checkout, BOT))
