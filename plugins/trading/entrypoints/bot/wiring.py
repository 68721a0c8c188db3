"""The desk that the bot speaks for, made of the settings."""

from __future__ import annotations

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

    Raises:
        PermanentError: no desk runs here.
    """
    record = RunRecord.read(checkout.state)
    if not is_running(checkout.state) or not record.url:
        raise PermanentError("no desk runs here, so there is no Airflow to ask; start it with ./airdesk up")
    return AirflowApi(record.url, BOT, password_of(checkout, BOT))
