"""Expected answers that were made outside the project; a test that asks for one skips where they are absent."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

ORACLES = Path(__file__).resolve().parents[2] / "shared" / "oracles"


def oracle(name: str) -> Any:
    """Return the parsed JSON file, or the rows of the CSV file, called `name`."""
    path = ORACLES / name
    if not path.is_file():
        pytest.skip(f"../shared/oracles/{name} is not beside this checkout")
    if path.suffix == ".json":
        return json.loads(path.read_text())
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
