"""One line for people, one object for machines; never a secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from trading.adapters.http.redaction import register_secret
from trading.entrypoints.logs import line_of

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
