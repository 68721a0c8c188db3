"""docker-compose.yaml, Dockerfile, their scripts, Helm values and CI, as far as one can judge without an engine."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from trading.entrypoints.airflow_environment import airflow_environment
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.command_index import COMMANDS
from trading.entrypoints.databases import DatabaseUrls
from trading.entrypoints.executors import SLOTS, executor_environment, worker_programs

from tests.architecture.sources import ROOT

DEPLOY = ROOT / "deploy"
OTHERS = {"postgres", "redis", "ib-gateway"}
"""Services of images that are not ours."""
MEMORY_MB = 4096


def compose():
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text())


def services(*profiles):
    """Return the services that start with these profiles."""
    every = compose()["services"]
    return {name: s for name, s in every.items() if not s.get("profiles") or set(s["profiles"]) & set(profiles)}


def ours():
    return {name: s for name, s in compose()["services"].items() if name not in OTHERS}


def command_of(service):
    command = service["command"]
    return command if isinstance(command, list) else command.split()


@pytest.fixture
def made(tmp_path):
    """Run deploy/make-secrets in a copy of the checkout's outside; returns a function of its arguments."""
    (tmp_path / "deploy").mkdir()
    script = tmp_path / "deploy" / "make-secrets"
    script.write_text((DEPLOY / "make-secrets").read_text())

    def run(*words):
        done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, tmp_path

    return run


# --- services ---------------------------------------------------------------------------------------


def test_every_part_of_the_desk_has_a_service():
    always = {"postgres", "init", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert set(services()) == always
    assert set(services("demo")) == always | {"paper-gateway"}
    assert set(services("ibkr")) == always | {"ib-gateway", "watchdog"}
    assert set(services("ibkr", "telegram")) == set(services("ibkr")) | {"bot", "sender"}
    assert set(services("ibkr", "celery")) == set(services("ibkr")) | {"redis", "worker-broker", "worker-analysis"}


def test_each_command_of_ours_exists():
    for name, service in ours().items():
        words = command_of(service)
        if words[:3] == ["python", "-m", "trading.entrypoints.cli"]:
            assert words[3] in COMMANDS, name
        elif words[0] == "bash":
            assert (DEPLOY / Path(words[1]).name).is_file(), name
        else:
            assert words[0] in {"api-server", "scheduler", "dag-processor", "triggerer", "celery"}, name


def test_published_ports_are_bound_to_loopback_and_only_the_ui_has_one():
    published = {name: s["ports"] for name, s in compose()["services"].items() if "ports" in s}
    assert published == {"api-server": ["127.0.0.1:8080:8080"]}
    assert compose()["x-airdesk"]["environment"]["AIRDESK_PUBLISHED_ON"] == "127.0.0.1"


def test_only_what_runs_tasks_reaches_the_gateway():
    file = compose()
    members = {name for name, s in file["services"].items() if "broker" in s.get("networks", ())}
    # The bot halts and flattens.
    assert members == {"ib-gateway", "scheduler", "worker-broker", "bot"}
    assert file["networks"]["broker"]["internal"]
    assert file["networks"]["data"]["internal"]
    assert file["services"]["paper-gateway"]["network_mode"] == "service:scheduler"
    for name, service in file["services"].items():
        assert ("networks" in service) != ("network_mode" in service), name


def test_nothing_runs_as_root_or_may_gain_rights():
    file = compose()["services"]
    for name, service in file.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] or name == "ib-gateway", name
        assert service["pids_limit"], name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
        assert "docker.sock" not in str(service), name
        assert not service.get("privileged"), name
    for name, service in ours().items():
        assert service["user"].startswith("${AIRDESK_UID:?"), name


def test_limits_of_memory_fit_four_gigabytes():
    def total(*profiles):
        chosen = {n: s for n, s in services(*profiles).items() if n != "init"}
        return sum(int(s["mem_limit"].removesuffix("m")) for s in chosen.values())

    assert total("demo") <= MEMORY_MB
    assert total("ibkr", "telegram") <= MEMORY_MB


def test_whatever_serves_has_a_health_check():
    # These end when they cannot go on, and are started again: that they run is all there is to ask.
    without = {name for name, s in compose()["services"].items() if "healthcheck" not in s}
    assert without == {"init", "bot", "sender", "watchdog", "paper-gateway", "worker-broker", "worker-analysis"}


# --- secrets ----------------------------------------------------------------------------------------


def test_no_secret_stands_in_the_environment_of_a_container():
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|FERNET|KEY|_CONN|DATABASE_URL|BROKER_URL|RESULT_BACKEND")
    for name, service in compose()["services"].items():
        named = {variable for variable in service.get("environment", {}) if secret.search(variable)}
        assert named <= {
            "POSTGRES_PASSWORD_FILE", "TWS_PASSWORD_FILE", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
        }, name  # fmt: skip


def test_every_secret_that_is_used_is_declared_and_made(made):
    code, _, folder = made("ibkr", "telegram", "celery")
    assert code == 0
    declared = {name: Path(s["file"]) for name, s in compose()["secrets"].items()}
    used = {secret for s in compose()["services"].values() for secret in s.get("secrets", ())}
    assert used == set(declared)
    assert {path.name for path in (folder / ".secrets").iterdir()} == {path.name for path in declared.values()}
    assert all(path.parent == Path(".secrets") for path in declared.values())


def test_only_init_is_given_the_owner_and_only_the_gateway_the_brokers_password():
    file = compose()["services"]

    def given(secret):
        return {name for name, s in file.items() if secret in s.get("secrets", ())}

    assert given("AIRDESK_OWNER_DATABASE_URL") == {"init"}
    assert given("AIRDESK_READ_DATABASE_URL") == {"init", "api-server", "bot"}
    assert given("AIRDESK_BACKUP_KEY") == {"init", "scheduler", "worker-broker", "worker-analysis"}
    assert given("TWS_PASSWORD") == {"ib-gateway"}
    assert given("POLYGON_API_KEY") == {"scheduler", "worker-broker", "worker-analysis"}
    assert given("AIRFLOW_ADMIN_PASSWORD") == {"init"}


def test_secrets_are_private_made_once_and_kept(made):
    _, said, folder = made("demo")
    files = {path: path.read_text() for path in (folder / ".secrets").iterdir()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((folder / ".secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert not any(text and text in said for text in files.values())
    dotenv = (folder / ".env").read_text()
    made("demo")
    assert files == {path: path.read_text() for path in (folder / ".secrets").iterdir()}
    assert (folder / ".env").read_text() == dotenv


def test_half_of_the_secrets_are_not_made_anew(made):
    _, _, folder = made("demo")
    (folder / ".secrets" / "postgres_password").unlink()
    code, said, _ = made("demo")
    assert not (folder / ".secrets" / "postgres_password").exists()
    assert (code, "missing, and not made anew because the others would not fit: postgres_password" in said) == (1, True)


def test_secrets_of_an_older_version_get_the_login_of_readers(made):
    _, _, folder = made("demo")
    (folder / ".secrets" / "AIRDESK_READ_DATABASE_URL").unlink()
    before = {path: path.read_text() for path in (folder / ".secrets").iterdir()}
    made("demo")
    after = {path: path.read_text() for path in (folder / ".secrets").iterdir()}
    assert {path.name for path in set(after) - set(before)} == {"AIRDESK_READ_DATABASE_URL"}
    assert before.items() <= after.items()


def test_a_setup_that_does_not_exist_is_refused(made):
    assert made("demo", "celery")[0] == 2
    assert made()[0] == 2


def test_containers_never_run_as_root(made):
    _, _, folder = made("demo")
    (user,) = re.findall(r"AIRDESK_UID=(\d+)", (folder / ".env").read_text())
    assert int(user) == (os.getuid() or int(os.environ.get("SUDO_UID", 50000)))
    assert user != "0"


def test_secrets_reach_the_command_and_empty_ones_are_not_set(tmp_path):
    for name, text in {"AIRDESK_A": "one two\n", "AIRDESK_EMPTY": "", "postgres_password": "x"}.items():
        (tmp_path / name).write_text(text)
    command = [
        str(DEPLOY / "with-secrets"),
        sys.executable,
        "-c",
        "import json, os; print(json.dumps(dict(os.environ)))",
    ]
    done = subprocess.run(command, env={"SECRETS_DIR": str(tmp_path), "PATH": os.environ["PATH"]}, capture_output=True)
    seen = json.loads(done.stdout)
    assert seen["AIRDESK_A"] == "one two"
    assert not {"AIRDESK_EMPTY", "postgres_password", "value"} & set(seen)


def test_a_command_typed_into_a_container_gets_its_secrets():
    # `exec` does not pass the entry point that puts them into the environment.
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")]
    typed = [words for page in pages for words in re.findall(r"docker compose exec ([^`\n]+)", page)]
    assert len(typed) >= 2
    assert [words for words in typed if not re.match(r"[\w-]+ deploy/with-secrets ", words)] == []
    named = {name for page in pages for name in re.findall(r"trading\.entrypoints\.cli ([\w-]+)", page)}
    assert named - set(COMMANDS) == set()


# --- one configuration ---------------------------------------------------------------------------------


def test_containers_and_the_local_desk_configure_airflow_alike(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
        monkeypatch.delenv(name)  # of tests that ran in this process before
    checkout = Checkout.from_environment({"AIRDESK_ROOT": str(tmp_path)})
    checkout.make_folders()
    urls = DatabaseUrls("postgresql://o:p@h/a", "postgresql://d:p@h/a", "postgresql://m:p@h/airflow")
    local = airflow_environment(checkout, databases=urls, port=8080, extra={})
    here = compose()["x-airdesk"]["environment"]
    # Where things lie and who listens where is a matter of the place.
    places = {
        "AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "AIRFLOW__CORE__EXECUTOR",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    }  # fmt: skip
    shared = {name for name in set(local) & set(here) if name.startswith("AIRFLOW__")} - places
    assert {name: local[name] for name in shared} == {name: here[name] for name in shared}
    secret = {name for name in compose()["secrets"] if name.startswith("AIRFLOW")}
    image = set(re.findall(r"(AIRFLOW__\w+)=", (ROOT / "Dockerfile").read_text()))
    assert {n for n in local if n.startswith("AIRFLOW__")} - set(here) - secret - image == {
        "AIRFLOW__API__HOST", "AIRFLOW__API__PORT",
    }  # fmt: skip


def test_workers_of_containers_are_those_of_the_local_desk():
    settings = {"AIRDESK_EXECUTOR": "celery", "AIRDESK_REDIS_URL": "redis://:p@h:1/0"}
    file = compose()["services"]
    for program in worker_programs(settings):
        local = list(program.arguments[2:])
        # In a container the pid file lies in its own folder.
        position = local.index("--pid")
        del local[position : position + 2]
        assert command_of(file[program.name]) == local
    assert SLOTS["broker"] == 1
    assert "deploy" not in file["worker-broker"]
    known = set(compose()["x-airdesk"]["environment"]) | set(compose()["secrets"])
    assert set(executor_environment(settings)) <= known


NOT_OF_CONTAINERS = {
    "AIRDESK_SYNTHETIC_SEED", "AIRDESK_EXECUTOR", "AIRDESK_REDIS_URL", "AIRDESK_HALT_FILE", "AIRDESK_HEALTH_PORT",
    "AIRDESK_UI_PORT", "AIRDESK_PYTHON", "COMPOSE_PROFILES",
}  # fmt: skip
"""What a container says by its place, its command or its secrets; addresses of vendors are for tests."""


def test_every_setting_of_a_person_reaches_the_containers():
    documented = set(re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.M))
    file = compose()
    reached = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yaml").read_text())) | set(file["secrets"])
    reached |= {name for service in file["services"].values() for name in service.get("environment", ())}
    lost = {n for n in documented - reached - NOT_OF_CONTAINERS if not n.endswith(("_FILE", "_BASE_URL"))}
    assert lost == set()


def test_a_desk_on_a_broker_asks_vendors(made):
    _, _, folder = made("ibkr")
    assert "AIRDESK_SOURCES=vendors\n" in (folder / ".env").read_text()


def test_every_variable_of_the_compose_file_is_in_env_example():
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yaml").read_text()))
    documented = set(re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.M))
    assert used - documented == set()


# --- image ----------------------------------------------------------------------------------------------


def test_the_image_and_the_lock_hold_the_same_airflow():
    tag = re.search(r"^FROM apache/airflow:([\d.]+)-python3\.12$", (ROOT / "Dockerfile").read_text(), re.M)
    assert tag is not None
    assert f"\napache-airflow=={tag.group(1)} " in (ROOT / "requirements.txt").read_text()


def test_every_line_of_the_lock_has_its_hashes():
    text = (ROOT / "requirements.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) > 150
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_everything_that_installs_the_lock_asks_for_the_hashes():
    for name in ("Dockerfile", "airdesk"):
        text = (ROOT / name).read_text()
        assert "--require-hashes" in text, name
        assert not re.search(r"pip install(?![^\n]*--require-hashes)", text), name


def test_the_image_is_built_of_what_exists_and_runs_as_nobody_special():
    text = (ROOT / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (.+) \S+$", text, re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    assert re.findall(r"^USER (\w+)$", text, re.M)[-1] == "airflow"
    assert not re.search(r"curl|wget|ADD http|:latest", text)
    assert "SECRET" not in text
    assert "PASSWORD" not in text
    assert '"/opt/airdesk/deploy/with-secrets"' in text
    for script in DEPLOY.iterdir():
        assert script.is_dir() or os.access(script, os.X_OK), script


# --- the chart -------------------------------------------------------------------------------------------


def test_the_chart_runs_the_same_airflow_with_the_same_settings():
    values = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text())
    assert values["airflowVersion"] == "3.3.2"
    assert values["executor"] == "CeleryExecutor"
    config = {
        f"AIRFLOW__{section.upper()}__{key.upper()}": str(value)
        for section, keys in values["config"].items()
        for key, value in keys.items()
    }
    here = compose()["x-airdesk"]["environment"]
    shared = set(config) & set(here)
    assert len(shared) >= 8
    assert {name: config[name] for name in shared} == {name: here[name] for name in shared}


def test_the_chart_takes_every_secret_from_a_secret_of_the_cluster():
    text = (DEPLOY / "helm" / "values.yaml").read_text()
    values = yaml.safe_load(text)
    for name in ("fernetKeySecretName", "jwtSecretName", "apiSecretKeySecretName"):
        assert values[name]
    assert values["data"]["metadataSecretName"]
    assert values["data"]["brokerUrlSecretName"]
    assert not re.search(r"^\s*(password|fernetKey|jwtSecret|connection):", text, re.M)


def test_the_charts_broker_queue_has_one_worker_and_the_other_grows():
    workers = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text())["workers"]
    sets = {each["queue"]: each for each in workers["celery"]["sets"]}
    assert set(sets) == set(SLOTS)
    assert sets["broker"]["replicas"] == 1
    assert sets["analysis"]["replicas"] > 1


# --- CI -----------------------------------------------------------------------------------------------------


def test_ci_runs_the_script_that_people_run():
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    lines = (ROOT / ".ci/run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands[-4:] == [
        "./airdesk test",
        "$python tests/clients/run.py",
        "$python tests/peers/run.py",
        "$python tests/celery/run.py",
    ]
