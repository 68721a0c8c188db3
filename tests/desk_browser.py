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

FRAME_OF_AIRFLOW = "An iframe which has both allow-scripts and allow-same-origin"
"""What Chromium says about the frame that Airflow puts every page of a plugin into."""


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
        is_of_the_desk = "/desk" in message.location.get("url", "") and FRAME_OF_AIRFLOW not in message.text
        if message.type in ("error", "warning") and is_of_the_desk:
            found.append(f"{message.type}: {message.text}")

    page.on("console", listen)
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    return found
