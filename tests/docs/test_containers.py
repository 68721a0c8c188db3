"""docker-compose.yaml and CI, as far as they can be judged without an engine."""

import re

import yaml

from tests.architecture.sources import ROOT


def compose():
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text())


def test_every_part_of_the_desk_has_a_service():
    wanted = {"postgres", "init", "api-server", "scheduler", "dag-processor", "triggerer", "gateway", "sender"}
    assert set(compose()["services"]) == wanted


def test_published_ports_are_bound_to_loopback():
    published = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_a_secret_has_no_default_and_stops_the_start_when_it_is_missing():
    text = (ROOT / "docker-compose.yaml").read_text()
    named = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)([^}]*)\}", text)
    assert named
    assert all(rest.startswith(":?") for _, rest in named)


def test_every_variable_of_the_compose_file_is_in_env_example():
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yaml").read_text()))
    documented = set(re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.M))
    assert used - documented == set()


def test_the_image_and_the_lock_hold_the_same_airflow():
    tag = re.search(r"^FROM apache/airflow:([\d.]+)-python3\.12$", (ROOT / "Dockerfile").read_text(), re.M)
    assert tag is not None
    assert f"\napache-airflow=={tag.group(1)} " in (ROOT / "requirements.txt").read_text()


def test_ci_runs_the_script_that_people_run():
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    lines = (ROOT / ".ci/run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands[-3:] == ["./airdesk test", "$python tests/clients/run.py", "$python tests/peers/run.py"]
