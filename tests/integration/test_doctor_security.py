"""What is too open is named, with what to do; a hole keeps the desk from starting."""

import os

import pytest
from trading.entrypoints.airflow_environment import airflow_environment, known_environment
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import DatabaseUrls
from trading.entrypoints.doctor_security import (
    backups_line,
    broker_line,
    database_line,
    examine_airflow,
    examine_files,
    readers_line,
    redis_line,
    refuse_holes,
    user_line,
)
from trading.errors import ConfigurationError, PermanentError


@pytest.fixture
def checkout(tmp_path):
    for name in ("dags", "plugins"):
        (tmp_path / name).mkdir(mode=0o755)
        (tmp_path / name / "one.py").touch(mode=0o644)
    made = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path)})
    made.make_folders()
    return made


@pytest.fixture
def environment(checkout):
    """What `up` starts Airflow with."""
    urls = DatabaseUrls("postgresql://o:p@h/a", "postgresql://d:p@h/a", "postgresql://m:p@h/airflow")
    return airflow_environment(checkout, databases=urls, port=8080, extra={})


def line(findings, subject):
    return next((f.level.value, f.text) for f in findings if f.subject == subject)


def test_the_desk_as_it_comes_has_no_hole_and_no_warning(environment, checkout):
    found = [*examine_airflow(environment), *examine_files(checkout, environment)]
    assert {f.subject: f.text for f in found if f.level != "ok"} == {}
    refuse_holes(environment, checkout, say=pytest.fail)


@pytest.mark.parametrize(
    ("changed", "subject", "level", "says"),
    [
        ({"AIRFLOW__API__EXPOSE_CONFIG": "True"}, "expose config", "fail", "set it to False"),
        ({"AIRFLOW__API__EXPOSE_CONFIG": "non-sensitive-only"}, "expose config", "fail", "set it to False"),
        ({"AIRFLOW__API__EXPOSE_STACKTRACE": "True"}, "expose stacktrace", "fail", "stack traces"),
        ({"AIRFLOW__CORE__LOAD_EXAMPLES": ""}, "load examples", "fail", "set it to False"),
        ({"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}, "test connection", "fail", "set it to Disabled"),
        ({"AIRFLOW__CORE__FERNET_KEY": ""}, "keys", "fail", "FERNET_KEY is not set"),
        ({"AIRFLOW__API__SECRET_KEY": "temporary_key"}, "keys", "fail", "SECRET_KEY is short"),
        ({"AIRFLOW__API_AUTH__JWT_SECRET": "airflow" * 9}, "keys", "fail", "no random text"),
        ({"AIRFLOW__API__HOST": ""}, "login", "fail", "listens on 0.0.0.0"),
        ({"AIRFLOW__API__HOST": "192.168.1.4"}, "login", "fail", "for this machine only"),
        ({"AIRFLOW__API__HOST": "", "AIRDESK_PUBLISHED_ON": "127.0.0.1"}, "login", "ok", "published on 127.0.0.1"),
        ({"AIRFLOW__API__HOST": "", "AIRDESK_PUBLISHED_ON": "0.0.0.0"}, "login", "fail", "listens on 0.0.0.0"),
        (
            {
                "AIRFLOW__API__HOST": "0.0.0.0",
                "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            },
            "login", "ok", "FabAuthManager; put TLS in front",
        ),
        ({"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}, "login", "fail", "everybody is an admin"),
        ({"AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME": ""}, "tokens", "warn", "86400 s"),
    ],
)  # fmt: skip
def test_a_setting_that_is_too_open_is_named_with_what_to_do(environment, changed, subject, level, says):
    found = line(examine_airflow(environment | changed), subject)
    assert found[0] == level
    assert says in found[1]


def test_two_equal_keys_are_a_hole(environment):
    equal = environment | {"AIRFLOW__API__SECRET_KEY": environment["AIRFLOW__API_AUTH__JWT_SECRET"]}
    assert line(examine_airflow(equal), "keys")[0] == "fail"


def test_a_hole_keeps_the_desk_from_starting_and_says_every_one(environment, checkout):
    open_wide = environment | {"AIRFLOW__API__EXPOSE_CONFIG": "True", "AIRFLOW__CORE__LOAD_EXAMPLES": "True"}
    with pytest.raises(PermanentError, match=r"EXPOSE_CONFIG.*; .*LOAD_EXAMPLES"):
        refuse_holes(open_wide, checkout, say=print)


def test_files_of_ours_that_others_may_read_are_closed_at_the_start(environment, checkout):
    said = []
    file = checkout.airflow_home / "passwords.json"
    file.chmod(0o644)
    assert line(examine_files(checkout, environment), "secrets") == (
        "warn",
        f"others may read them; chmod 600 {file}",
    )
    refuse_holes(environment, checkout, say=said.append)
    assert file.stat().st_mode & 0o777 == 0o600
    assert said == [f"{file} was readable by others; it is yours alone now"]


def test_a_persons_own_secrets_are_named_and_not_touched(environment, checkout, tmp_path):
    token, dotenv = tmp_path / "token", tmp_path / ".env"
    for path in (token, dotenv):
        path.touch(mode=0o644)
    level, text = line(examine_files(checkout, environment | {"AIRDESK_TELEGRAM_TOKEN_FILE": str(token)}), "secrets")
    assert level == "warn"
    assert str(token) in text
    assert str(dotenv) in text
    refuse_holes(environment, checkout, say=pytest.fail)
    assert dotenv.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["dags", "dags/one.py", "plugins/one.py"])
def test_code_that_anybody_may_write_is_a_hole(environment, checkout, tmp_path, name):
    (tmp_path / name).chmod(0o777)
    level, text = line(examine_files(checkout, environment), "code")
    assert level == "fail"
    assert f"chmod -R o-w {tmp_path / name}" in text


def test_doctor_knows_the_settings_without_starting_or_writing_anything(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
        monkeypatch.delenv(name)
    fresh = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path)})
    found = list(examine_airflow(known_environment(fresh)))
    assert line(found, "keys") == ("ok", "made at the first ./airdesk up")
    assert {f.level.value for f in found} == {"ok"}
    assert list(tmp_path.iterdir()) == []


def test_inside_a_container_doctor_judges_what_it_was_started_with(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "short")
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "True")
    fresh = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path)})
    found = list(examine_airflow(known_environment(fresh)))
    assert line(found, "load examples")[0] == "fail"
    assert line(found, "keys")[0] == "fail"


def test_a_gateway_without_a_password_on_a_public_address_is_a_hole():
    assert broker_line("8.8.8.8").level == "fail"
    assert {broker_line(host).level for host in ("127.0.0.1", "10.0.0.4", "ib-gateway")} == {"ok"}


def test_redis_needs_a_password_and_a_private_way():
    def judged(url):
        return redis_line({"AIRDESK_EXECUTOR": "celery", "AIRDESK_REDIS_URL": url}).level

    assert judged("redis://127.0.0.1:6379/0") == "fail"
    assert judged("redis://:pass@10.0.0.9:6379/0") == "warn"
    assert judged("rediss://:pass@10.0.0.9:6379/0") == "ok"
    assert judged("redis://:pass@127.0.0.1:6379/0") == "ok"
    assert redis_line({}).level == "ok"


def test_root_is_warned_of():
    assert user_line(0).level == "warn"
    assert user_line(os.getpid()).level == "ok"


def test_the_login_of_tasks_is_judged_by_what_it_may_do(database_url, desk_url):
    assert database_line(desk_url).level == "ok"
    judged = database_line(database_url)
    assert judged.level == "warn"
    assert "AIRDESK_OWNER_DATABASE_URL" in judged.text


def test_the_login_of_readers_may_not_write(desk_url, read_url):
    assert readers_line(desk_url, read_url).level == "ok"
    for shared in ("", desk_url):
        judged = readers_line(desk_url, shared)
        assert judged.level == "warn"
    assert readers_line("postgresql://", "").level == "ok"


def test_a_refused_login_of_readers_is_said_by_the_name_of_its_setting(desk_url, read_url, pg_server):
    stale = read_url.replace(pg_server.read_password, "of-yesterday")
    with pytest.raises(ConfigurationError, match="correct AIRDESK_READ_DATABASE_URL"):
        readers_line(desk_url, stale)


def test_backups_that_anybody_can_read_are_told(checkout):
    assert backups_line(checkout, "").level == "ok"
    folder = checkout.state / "backups"
    folder.mkdir()
    (folder / "a.zip").write_bytes(b"PK")
    judged = backups_line(checkout, "")
    assert (judged.level, "AIRDESK_BACKUP_KEY_FILE" in judged.text) == ("warn", True)
    (folder / "a.zip").write_bytes(b"AIRDESK-SEALED-1" + bytes(64))
    assert backups_line(checkout, "a key of somebody's").level == "ok"
