"""How Airflow is configured here: by environment variables of its processes, nothing in a global file."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from trading.entrypoints.checkout import Checkout, write_private
from trading.entrypoints.databases import OWNER_VARIABLE, DatabaseUrls, settings_of
from trading.entrypoints.executors import executor_environment
from trading.settings import LogFormat, log_format
from trading.tasks.approval import BOT_ACCOUNT

ADMIN, BOT = "admin", BOT_ACCOUNT
OURS = {ADMIN: "admin", BOT: "op"}
"""Accounts that every desk has; with its own the bot answers, so that the UI says who it was."""
USERS = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"
"""Airflow's own setting for who may log in, e.g. "ann:user,vic:viewer"; our admin is always among them."""

KEYS: Mapping[str, str] = MappingProxyType(
    {
        "api": "AIRFLOW__API__SECRET_KEY",
        "fernet": "AIRFLOW__CORE__FERNET_KEY",
        "jwt": "AIRFLOW__API_AUTH__JWT_SECRET",
    }
)
"""Made once for each state folder, in `secrets.json`."""
FIXED: Mapping[str, str] = MappingProxyType(
    {
        "AIRFLOW__API__EXPOSE_CONFIG": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME": "3600",
        "AIRFLOW__API_AUTH__JWT_ISSUER": "airdesk",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # Airflow waits this long before it frees a finished task's slot; its default of 5 s halves the speed.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
    }
)
"""What no start and no `.env` changes."""

# Loaded by every Airflow process; only scheduler and workers fork the tasks, so only they pay for these once. Nothing
# of ours is among them: a task must run the code that lies on the disk when it starts, and hash that. Nor is the
# broker's client: it makes an event loop when it is loaded, and forks of one loop would hear each other's sockets.
LOCAL_SETTINGS = '''"""Written by ./airdesk at each start."""

import sys

if sys.platform == "linux" and (sys.argv[1:2] == ["scheduler"] or sys.argv[1:3] == ["celery", "worker"]):
    import airflow.providers.standard.operators.hitl
    import airflow.providers.standard.operators.python
    import jinja2.ext
    import pandas
    import psycopg2.extras
    import psycopg2.sql
    import pyarrow.pandas_compat
    import requests
    import statistics
    import talib
    import vaderSentiment.vaderSentiment
    import xml.etree.ElementTree

    try:
        import massive
    except ImportError:
        import polygon
'''


def airflow_environment(
    checkout: Checkout, *, databases: DatabaseUrls, port: int, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of every process of this desk and write the files that it points to.

    Args:
        databases: the logins; none of these processes is given the owner's.
        port: port of the api-server.
        extra: settings of ours that were decided at this start, e.g. the gateway's port.
    """
    home = checkout.airflow_home
    _write_local_settings(home)
    keys, people = _secrets(home / "secrets.json"), _people(os.environ)
    url = f"http://127.0.0.1:{port}"
    airflow = {
        **FIXED,
        **{variable: keys[name] for name, variable in KEYS.items()},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_AIRDESK_DB": databases.desk.replace("postgresql://", "postgres://", 1),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__DAGS_FOLDER": str(checkout.root / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(checkout.root / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords(home, people)),
        USERS: ",".join(f"{name}:{role}" for name, role in people.items()),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": with_driver(databases.airflow),
    }
    if log_format() is LogFormat.JSON:
        airflow["AIRFLOW__LOGGING__JSON_LOGS"] = "True"
    python = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(checkout.root / "plugins"),
        "PYTHONUNBUFFERED": "1",
    }
    left_out = {"PYTHONDONTWRITEBYTECODE", OWNER_VARIABLE}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    airflow |= executor_environment(os.environ)
    return {**kept, **python, **airflow, **settings_of(checkout, databases.desk, databases.read), **extra}


def with_driver(url: str) -> str:
    """Return a URL for SQLAlchemy; the driver is named because its default changed to another."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def admin_password(checkout: Checkout) -> str:
    """Return the password of the UI's user."""
    return password_of(checkout, ADMIN)


def password_of(checkout: Checkout, account: str) -> str:
    """Return the password of an account of ours."""
    return str(json.loads(_passwords(checkout.airflow_home, {}).read_text(encoding="utf-8"))[account])


def known_environment(checkout: Checkout) -> dict[str, str]:
    """Return what of Airflow's settings is known without starting anything: here, or around this process already."""
    if os.environ.get("AIRFLOW__CORE__FERNET_KEY"):
        return dict(os.environ)
    home = checkout.airflow_home
    stored = home / "secrets.json"
    keys = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    return {
        **os.environ,
        **FIXED,
        **{variable: keys[name] for name, variable in KEYS.items() if name in keys},
        "AIRFLOW__CORE__DAGS_FOLDER": str(checkout.root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(checkout.root / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
    }


def _people(env: Mapping[str, str]) -> dict[str, str]:
    """Return who may log in to the UI, with their roles."""
    named = (part.strip().partition(":") for part in env.get(USERS, "").split(",") if part.strip())
    return OURS | {name: role for name, _, role in named if name not in OURS}


def _passwords(home: Path, people: Mapping[str, str]) -> Path:
    # Airflow would write this file readable by all and print the passwords.
    path = home / "passwords.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if missing := {*OURS, *people} - set(known):
        write_private(path, json.dumps(known | {name: secrets.token_urlsafe(12) for name in sorted(missing)}))
    return path


def _secrets(path: Path) -> dict[str, str]:
    if not path.exists():
        keys = {
            "api": secrets.token_urlsafe(32),
            "fernet": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "jwt": secrets.token_urlsafe(64),
        }
        write_private(path, json.dumps(keys))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _write_local_settings(home: Path) -> None:
    folder = home / "config"
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(folder / "airflow_local_settings.py", LOCAL_SETTINGS)
