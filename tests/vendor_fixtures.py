"""Replies of vendors that stand beside the checkout; a test that asks for one skips where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "fixtures"


def fixture(name: str) -> bytes:
    """Return the body of the reply called `name`, e.g. "fred/errors/429.json"."""
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"../shared/fixtures/{name} is not beside this checkout")
    return path.read_bytes()
