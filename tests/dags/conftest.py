"""Airflow for the tests of this folder: it reads its environment at import, so nothing imports it any earlier."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_OURS = ("AIRFLOW", "AIRDESK")
_is_loaded_here = False


@pytest.fixture(scope="package", autouse=True)
def airflow_home(tmp_path_factory) -> Path:
    """The folder that Airflow lives in; the environment is as before once this folder's tests are done."""
    global _is_loaded_here
    assert _is_loaded_here or "airflow" not in sys.modules, (
        "a test of another folder loaded Airflow, without our plugins"
    )
    _is_loaded_here = True
    home = tmp_path_factory.mktemp("airflow")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(_OURS)]:
            patch.delenv(name)
        for name, value in _variables(home).items():
            patch.setenv(name, value)
        yield home


@pytest.fixture(scope="package")
def dagbag(airflow_home):
    """Every DAG of the repository."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])


@pytest.fixture(scope="package")
def airflow_dags(dagbag):
    """Every DAG by its id, in an Airflow with a metadata database, ready for `dag.test()`."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.utils import db

    db.initdb()
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(dagbag, "dags-folder", None)
    return dagbag.dags


@pytest.fixture(scope="package")
def stored_dags(airflow_home):
    """Every DAG as Airflow keeps it in its database."""
    from airflow.serialization.serialized_objects import DagSerialization

    def load(dag):
        return DagSerialization.from_dict(DagSerialization.to_dict(dag))

    return load


def _variables(home: Path) -> dict[str, str]:
    """Return the variables of an Airflow that lives in `home`."""
    return {
        "AIRDESK_STATE_DIR": str(home / "desk"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-tests-only-" * 5,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
