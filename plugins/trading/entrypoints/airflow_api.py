"""The few calls of Airflow's REST API that the desk makes: health, pools, unpause, trigger, watch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from trading.errors import PermanentError, TransientError

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class DagRun:
    """One run of a DAG; `state` is Airflow's word."""

    run_id: str
    state: str

    @property
    def is_over(self) -> bool:
        """Return whether nothing of it will run any more."""
        return self.state in {"success", "failed"}


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task of a run.

    Attributes:
        seconds: how long it ran; None if it did not.
    """

    task_id: str
    state: str
    seconds: float | None


@dataclass(slots=True)
class AirflowApi:
    """A logged-in client of one api-server on this machine."""

    url: str
    username: str
    password: str = field(repr=False)
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        self._session.trust_env = False  # a proxy of the user's is not for this machine

    def is_healthy(self) -> bool:
        """Return whether every component reports in."""
        return self.ailing_parts() == ()

    def ailing_parts(self) -> tuple[str, ...] | None:
        """Return the components that do not report in; None when Airflow does not answer. Needs no login."""
        try:
            parts = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            return tuple(name for name, part in parts.items() if part["status"] != "healthy")
        except (requests.RequestException, ValueError, AttributeError, KeyError, TypeError):
            return None

    def is_paused(self, dag_id: str) -> bool | None:
        """Return whether a DAG is paused; None when Airflow has not read it yet."""
        found = self._call("GET", f"/dags/{dag_id}", missing_is_none=True)
        return None if found is None else bool(found["is_paused"])

    def warm(self) -> None:
        """Make the Execution API build itself, which takes longer than a task waits for its first answer."""
        self._session.get(f"{self.url}/execution/health", timeout=120).raise_for_status()

    def warm_page(self) -> None:
        """Make the Desk page load itself before a person waits for it; what it answers is of no matter here."""
        with suppress(TransientError):
            self._send("GET", f"{self.url}/desk/", None)

    def put_pool(self, name: str, pool: Mapping[str, Any]) -> None:
        """Create a pool or set its size."""
        body = {"name": name, "include_deferred": False, **pool}
        if self._call("PATCH", f"/pools/{name}", body, missing_is_none=True) is None:
            self._call("POST", "/pools", body)

    def dag_ids(self) -> set[str]:
        """Return the DAGs that Airflow has read so far."""
        return {str(dag["dag_id"]) for dag in self._call("GET", "/dags?limit=100")["dags"]}

    def import_errors(self) -> list[str]:
        """Return the files that cannot be imported."""
        return [str(error["filename"]) for error in self._call("GET", "/importErrors")["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run a DAG."""
        self._call("PATCH", f"/dags/{dag_id}?update_mask=is_paused", {"is_paused": False})

    def trigger(self, dag_id: str, *, logical_date: datetime | None, conf: Mapping[str, Any]) -> DagRun:
        """Start a manual run."""
        when = logical_date.isoformat() if logical_date else None
        return _dag_run(self._call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": when, "conf": dict(conf)}))

    def newest_run(self, dag_id: str) -> DagRun | None:
        """Return the youngest run of a DAG, or None."""
        runs = self._call("GET", f"/dags/{dag_id}/dagRuns?limit=1&order_by=-run_after")["dag_runs"]
        return _dag_run(runs[0]) if runs else None

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """Return a run as it is now."""
        return _dag_run(self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}"))

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        """Return the tasks of a run in the order in which they started; those that never did come last."""
        rows = self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100")["task_instances"]
        rows.sort(key=lambda row: row["start_date"] or "9999")
        return [TaskRun(str(row["task_id"]), str(row["state"]), row["duration"]) for row in rows]

    def questions(self) -> list[dict[str, Any]]:
        """Return what waits for a person, as Airflow tells it."""
        rows = self._call("GET", "/dags/~/dagRuns/~/hitlDetails?response_received=false&limit=100")["hitl_details"]
        return [dict(row) for row in rows]

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> None:
        """Answer a question of a task that is not mapped."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        self._call("PATCH", path, {"chosen_options": [option]})

    def _call(self, method: str, path: str, body: object = None, *, missing_is_none: bool = False) -> Any:
        if "Authorization" not in self._session.headers:
            self._log_in()
        reply = self._send(method, f"{self.url}/api/v2{path}", body)
        if reply.status_code == requests.codes.unauthorized:
            self._log_in()
            reply = self._send(method, f"{self.url}/api/v2{path}", body)
        if missing_is_none and reply.status_code == requests.codes.not_found:
            return None
        if not reply.ok:
            raise PermanentError(
                f"Airflow answered {reply.status_code} to {method} {path}: {reply.text[:200]}; read its api-server.log"
            )
        return reply.json()

    def _log_in(self) -> None:
        reply = self._send("POST", f"{self.url}/auth/token", {"username": self.username, "password": self.password})
        if not reply.ok:
            raise PermanentError(f"Airflow refuses the login of {self.username}; is another server on {self.url}?")
        self._session.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"

    def _send(self, method: str, url: str, body: object) -> requests.Response:
        try:
            return self._session.request(method, url, json=body, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise TransientError(
                f"Airflow at {self.url} does not answer ({type(error).__name__}); try again"
            ) from error


def _dag_run(row: Mapping[str, Any]) -> DagRun:
    return DagRun(str(row["dag_run_id"]), str(row["state"]))
