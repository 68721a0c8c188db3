"""What programs of the desk say: a line for people, or with AIRDESK_LOG_FORMAT=json one object a line for machines.

Airflow's own log format follows the same setting, and tasks bind ids of run, book and decision to their lines.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime

from trading.adapters.http.redaction import redact
from trading.settings import LogFormat, log_format


def say(text: str) -> None:
    """Print a line at once, also into a pipe; secrets that are known by now are removed."""
    print(line_of(text, at=datetime.now(UTC), as_json=log_format() is LogFormat.JSON), flush=True)


def line_of(text: str, *, at: datetime, as_json: bool) -> str:
    """Return one line: words for people, or an object with time, program and book. A line break stays in the text."""
    clean = redact(text)
    if not as_json:
        return f"airdesk: {clean}"
    program = sys.argv[1] if len(sys.argv) > 1 else "airdesk"
    told = {"timestamp": at.isoformat(), "level": "info", "logger": f"airdesk.{program}", "event": clean}
    return json.dumps(told | {"book": os.environ.get("AIRDESK_BOOK", "")})
