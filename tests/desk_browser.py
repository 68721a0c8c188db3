"""A real browser for the tests of the Desk page; they are skipped with a reason where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def chromium() -> Iterator:
    """Yield a headless browser."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no browser at {CHROMIUM}; install the package chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(SWITCHES))
        try:
            yield browser
        finally:
            browser.close()


def complaints(page) -> list[str]:
    """Return a list that fills with what the browser's console complains about on pages of the desk."""
    found: list[str] = []

    def listen(message) -> None:
        if message.type in ("error", "warning") and "/desk" in message.location.get("url", ""):
            found.append(f"{message.type}: {message.text}")

    page.on("console", listen)
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    return found
