"""`./airdesk data import …` as a person types it, on a real database."""

from __future__ import annotations

import re

from trading.entrypoints.cli import main

_SUM = re.compile(r"^\S+: (\d+) rows = (.+)$", re.M)


def speak_to(database_url: str, monkeypatch) -> None:
    """Let commands of this test use the database."""
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "paper")
    monkeypatch.setenv("AIRDESK_SOURCES", "stored")
    monkeypatch.delenv("AIRDESK_BOOK", raising=False)


def imported(capsys, *arguments: object) -> dict[str, int]:
    """Import a file, which must succeed, and return what became of its rows; they add up to the rows of the file."""
    capsys.readouterr()
    code = main(["data", "import", *map(str, arguments)])
    told = capsys.readouterr()
    assert code == 0, told.err
    (found,) = _SUM.findall(told.out)
    counts = {name: int(count) for count, name in (part.split(" ", 1) for part in found[1].split(" + "))}
    assert sum(counts.values()) == int(found[0])
    return {"rows": int(found[0]), **counts}


def refused(capsys, *arguments: object) -> str:
    """Import a file, which must be refused, and return why."""
    capsys.readouterr()
    assert main(["data", "import", *map(str, arguments)]) == 1
    return capsys.readouterr().err
