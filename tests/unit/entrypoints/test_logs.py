"""One line for people, one object for machines; never a secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from trading.adapters.http.redaction import register_secret
from trading.entrypoints.checkout import Checkout, write_private
from trading.entrypoints.logs import line_of
from trading.entrypoints.run_record import RunRecord, run_lock
from trading.entrypoints.up import the_only_desk
from trading.settings import Mode

AT = datetime(2026, 11, 27, 14, tzinfo=UTC)


def test_people_read_a_sentence() -> None:
    assert line_of("watches paper:mine", at=AT, as_json=False) == "airdesk: watches paper:mine"


def test_machines_read_one_object_a_line_without_secrets() -> None:
    register_secret("canary-log-77")
    line = line_of("two\nlines with canary-log-77", at=AT, as_json=True)
    assert "\n" not in line
    told = json.loads(line)
    assert told["event"] == "two\nlines with ***"
    assert told["timestamp"] == "2026-11-27T14:00:00+00:00"
    assert told["level"] == "info"
    assert told["logger"].startswith("airdesk.")


def test_the_login_stays_out_of_logs_for_machines(tmp_path, monkeypatch, capsys) -> None:
    checkout = Checkout(tmp_path, tmp_path, Mode.PAPER)
    checkout.make_folders()
    write_private(checkout.airflow_home / "passwords.json", json.dumps({"admin": "canary-login-88"}))
    RunRecord(url="http://127.0.0.1:1").write(checkout.state)
    for form, is_shown in (("text", True), ("json", False)):
        monkeypatch.setenv("AIRDESK_LOG_FORMAT", form)
        with run_lock(checkout.state), the_only_desk(checkout) as free:
            assert not free
        assert ("canary-login-88" in capsys.readouterr().out) is is_shown
