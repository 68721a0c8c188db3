import stat

from trading.entrypoints.airflow_environment import airflow_environment
from trading.entrypoints.checkout import Checkout, write_private
from trading.entrypoints.databases import DatabaseUrls, sibling_url
from trading.settings import Mode


def the_environment(tmp_path, **extra):
    checkout = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path), **extra})
    checkout.make_folders()
    urls = DatabaseUrls.named({"AIRDESK_DATABASE_URL": "postgresql://u:p@127.0.0.1:5/airdesk_demo"})
    return checkout, airflow_environment(checkout, databases=urls, port=8081, extra={})


def test_the_demo_has_its_own_folder_and_database(tmp_path):
    demo = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path)})
    paper = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path), "AIRDESK_MODE": "paper"})
    assert (demo.state, demo.database_name) == (tmp_path / ".airdesk" / "demo", "airdesk_demo")
    assert (paper.state, paper.database_name) == (tmp_path / ".airdesk", "airdesk")


def test_the_demo_command_ignores_the_configured_mode(tmp_path):
    checkout = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path), "AIRDESK_MODE": "paper"}, mode=Mode.DEMO)
    assert checkout.database_name == "airdesk_demo"


def test_airflow_keeps_its_metadata_beside_our_database(tmp_path):
    _, environment = the_environment(tmp_path)
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg2://u:p@127.0.0.1:5/airflow"
    assert sibling_url("postgresql://u:p@h:5/a?sslmode=require", "b") == "postgresql://u:p@h:5/b?sslmode=require"
    assert sibling_url("postgresql://u:p[q]r@h:5/a", "b") == "postgresql://u:p[q]r@h:5/b"


def test_airflow_listens_on_loopback_only_and_shows_no_configuration(tmp_path):
    _, environment = the_environment(tmp_path)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__EXPOSE_CONFIG"] == "False"
    assert "PYTHONDONTWRITEBYTECODE" not in environment


def test_secrets_and_passwords_are_made_once_and_readable_by_the_owner_only(tmp_path):
    checkout, first = the_environment(tmp_path)
    _, second = the_environment(tmp_path)
    assert first == second
    for name in ("secrets.json", "passwords.json"):
        assert stat.S_IMODE((checkout.airflow_home / name).stat().st_mode) == 0o600


def test_a_private_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "file"
    write_private(path, "old")
    write_private(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
