"""One desk, running: Postgres, the paper gateway where no broker is configured, and the four parts of Airflow."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from trading.adapters.loopback import HOST, claimed_port, free_port, is_free
from trading.adapters.postgres_store.connection import connect
from trading.bootstrap import services_for
from trading.entrypoints.airflow_api import AirflowApi
from trading.entrypoints.airflow_environment import ADMIN, admin_password, airflow_environment
from trading.entrypoints.checkout import Checkout, write_private
from trading.entrypoints.cli_gateway import DEFAULT_ACCOUNT
from trading.entrypoints.databases import DatabaseUrls, prepare_safely, settings_of, shared_postgres
from trading.entrypoints.doctor_security import refuse_holes
from trading.entrypoints.executors import executor_of, worker_programs
from trading.entrypoints.supervisor import Program, Supervisor, stop_leftovers
from trading.errors import TransientError
from trading.gateway.flex_server import FLEX_TOKEN, PATH
from trading.settings import Mode, Settings, load_settings, ui_port
from trading.tasks.configuration import tell_start

READY_SECONDS = 240
GATEWAY_SECONDS = 60
SIMULATED_QUERY = "1"
"""The simulated service makes the same statement whatever the query's number is."""

AIRFLOW_PROGRAMS = (
    Program("api-server", ("-m", "airflow", "api-server"), stop_rank=1),
    Program("scheduler", ("-m", "airflow", "scheduler", "--skip-serve-logs")),
    Program("dag-processor", ("-m", "airflow", "dag-processor")),
    Program("triggerer", ("-m", "airflow", "triggerer", "--skip-serve-logs")),
)
BOT = Program("bot", ("-m", "trading.entrypoints.cli", "bot"), is_vital=False)
SENDER = Program("sender", ("-m", "trading.entrypoints.cli", "sender"), stop_rank=2, is_vital=False)
"""It ends last but for the gateway, so that what the others say while they end still goes out."""
WATCHDOG = Program("watchdog", ("-m", "trading.entrypoints.cli", "watchdog"), is_vital=False)
"""It ends first: a desk that is being stopped is not silent. The demo has no session of its own to be silent in."""


@dataclass(frozen=True, slots=True)
class RunningDesk:
    """What a command can do with a desk that runs.

    Attributes:
        airflow: client of the UI's server; usable once `wait_until_ready` has returned.
    """

    checkout: Checkout
    settings: Settings
    databases: DatabaseUrls
    supervisor: Supervisor
    airflow: AirflowApi
    boot: Future[None]

    def wait_until_ready(self) -> None:
        """Return when Airflow is healthy, warm and has its pools."""
        self.boot.result()

    def wait(self) -> None:
        """Return never: keep serving until the process is told to stop or a program gives up."""
        while True:
            self.supervisor.check()
            time.sleep(0.5)


@contextmanager
def running_desk(checkout: Checkout, *, say: Callable[[str], None]) -> Iterator[RunningDesk]:
    """Start a desk and stop every part of it at the end. Call with the run lock held.

    The database is migrated and the gateway answers when the block is entered; Airflow starts beside it.
    """
    if leftovers := stop_leftovers(checkout.state):
        say(f"the last run was killed; stopped what it left behind: {', '.join(leftovers)}")
    executor_of(os.environ)
    wanted = ui_port()
    with _database(checkout, say=say) as databases, claimed_port(wanted) as port:
        if port != wanted:
            say(f"port {wanted} is taken; the UI uses {port}")
        prepare_safely(checkout, databases, say=say)
        databases.prepare_airflow()
        supervisor = Supervisor(checkout, say=say)
        with ThreadPoolExecutor(1, thread_name_prefix="boot") as pool:
            try:
                yield _start(checkout, supervisor, databases, port=port, pool=pool, say=say)
            finally:
                say("stopping")
                supervisor.stop()


@contextmanager
def _database(checkout: Checkout, *, say: Callable[[str], None]) -> Iterator[DatabaseUrls]:
    if named := DatabaseUrls.named(os.environ):
        yield named
        return
    with shared_postgres(checkout.state) as server:
        if server.moved:
            say(server.sentence)
        yield DatabaseUrls.embedded(server, checkout.database_name)


def _start(
    checkout: Checkout,
    supervisor: Supervisor,
    databases: DatabaseUrls,
    *,
    port: int,
    pool: ThreadPoolExecutor,
    say: Callable[[str], None],
) -> RunningDesk:
    flex_port = free_port()
    exports = own_gateway_settings(checkout, databases.desk, flex_port=flex_port)
    environment = airflow_environment(checkout, databases=databases, port=port, extra=exports)
    refuse_holes(environment, checkout, say=say)
    settings = load_settings(environment)
    if exports:
        words = ("-m", "trading.entrypoints.cli", "gateway", "--flex-port", str(flex_port))
        supervisor.keep(Program("gateway", words, stop_rank=2), environment)
        _wait_for_gateway(settings, supervisor)
    tell_start(services_for(settings), settings)
    if settings.telegram.token:
        supervisor.keep(SENDER, environment)
    url = f"http://{HOST}:{port}"
    if settings.mode is not Mode.DEMO:
        supervisor.keep(WATCHDOG, environment)
    supervisor.publish(url=url, exports=exports)
    if settings.telegram.token and settings.telegram.people:
        supervisor.keep(BOT, environment)
    api = AirflowApi(url, ADMIN, admin_password(checkout))
    boot = pool.submit(_boot_airflow, checkout, supervisor, api, environment)
    return RunningDesk(checkout, settings, databases, supervisor, api, boot)


def own_gateway_settings(checkout: Checkout, database_url: str, *, flex_port: int) -> dict[str, str]:
    """Return account, ports and statements of a paper gateway of our own, or nothing when a broker is configured."""
    settings = load_settings({**os.environ, **settings_of(checkout, database_url)})
    if settings.broker_port:
        return {}
    return {
        "AIRDESK_BROKER_ACCOUNT": settings.broker_account or DEFAULT_ACCOUNT,
        "AIRDESK_BROKER_HOST": HOST,
        "AIRDESK_BROKER_PORT": str(free_port()),
        "AIRDESK_GATEWAY_CONTROL_PORT": str(free_port()),
        # Statements of another broker would be about another account.
        "AIRDESK_FLEX_URL": f"http://{HOST}:{flex_port}{PATH}",
        "AIRDESK_FLEX_TOKEN": FLEX_TOKEN,
        "AIRDESK_FLEX_TOKEN_FILE": "",
        "AIRDESK_FLEX_QUERY": SIMULATED_QUERY,
    }


def _wait_for_gateway(settings: Settings, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + GATEWAY_SECONDS
    while is_free(settings.broker_port):
        supervisor.check()
        if time.monotonic() > deadline:
            raise TransientError(f"the paper gateway does not answer; read {supervisor.log_of('gateway')}, start again")
        time.sleep(0.1)


def _boot_airflow(checkout: Checkout, supervisor: Supervisor, api: AirflowApi, environment: Mapping[str, str]) -> None:
    _migrate_airflow(checkout, supervisor, environment)
    for program in (*AIRFLOW_PROGRAMS, *worker_programs(environment)):
        supervisor.keep(program, environment)
    deadline = time.monotonic() + READY_SECONDS
    while not api.is_healthy():
        supervisor.check()
        if time.monotonic() > deadline:
            raise TransientError(f"Airflow is not healthy after {READY_SECONDS} s; read {checkout.logs}, start again")
        time.sleep(0.5)
    api.warm()
    for name, pool in json.loads((checkout.root / "include" / "pools.json").read_text(encoding="utf-8")).items():
        api.put_pool(name, pool)
    api.warm_page()


def _migrate_airflow(checkout: Checkout, supervisor: Supervisor, environment: Mapping[str, str]) -> None:
    """Bring Airflow's metadata up to date; skipped (it costs 5 s) when this version did it to this very database."""
    stamp = checkout.airflow_home / "migrated"
    url = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "", 1)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == _metadata_version(url):
        return
    supervisor.run_once(Program("airflow-migrate", ("-m", "airflow", "db", "migrate")), environment)
    write_private(stamp, _metadata_version(url))


def _metadata_version(url: str) -> str:
    connection = connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('alembic_version') IS NOT NULL")
            (exists,) = cursor.fetchone() or (False,)
            if not exists:
                return "empty"
            cursor.execute("SELECT string_agg(version_num, ',') FROM alembic_version")
            (revision,) = cursor.fetchone() or (None,)
    finally:
        connection.close()
    return f"{version('apache-airflow')} {revision}"
