"""The Desk page inside Airflow: who a person is and what they may do is Airflow's to say.

Whoever may read `hourly_trading` sees the page; whoever may trigger it turns the switches. Imported by the api-server
alone, at the first request.
"""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI

from trading.entrypoints.airflow.context import page_settings
from trading.entrypoints.desk_page.access import Person
from trading.entrypoints.desk_page.app import desk_app
from trading.entrypoints.desk_page.desk import Desk

DAG_ID = "hourly_trading"


def reader(
    user: GetUserDep, allowed: Annotated[Any, Depends(requires_access_dag("GET", param_dag_id=DAG_ID))]
) -> Person:
    """Return who looks; Airflow refuses whoever may not read the DAG."""
    may_act = get_auth_manager().is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=DAG_ID), user=user
    )
    return Person(str(user.get_name()), may_act=may_act)


def actor(
    user: GetUserDep,
    allowed: Annotated[Any, Depends(requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=DAG_ID))],
) -> Person:
    """Return who acts; Airflow refuses whoever may not trigger the DAG."""
    return Person(str(user.get_name()), may_act=True)


def mounted() -> FastAPI:
    """Return the app; it reads settings at its first request, so that the page can say what is wrong with them."""
    return desk_app(Desk(page_settings), reads=reader, acts=actor)
