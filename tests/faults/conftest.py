"""Fixtures of the fault tests: the desk of the order tests."""

from __future__ import annotations

from tests.integration.conftest import bars, desk

__all__ = ["bars", "desk"]
