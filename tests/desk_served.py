"""The Desk page served over loopback as the api-server serves it, for whoever a test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.testclient import TestClient
from httpx import Response
from trading.adapters.loopback import free_port
from trading.bootstrap import services_for
from trading.entrypoints.desk_page.access import Person
from trading.entrypoints.desk_page.app import desk_app
from trading.entrypoints.desk_page.desk import Desk
from trading.settings import load_settings

from tests.desk_year import BOOK
from tests.fakes import FixedClock

ANN = Person("ann", may_act=True)
OURS = {"X-Airdesk": "desk"}
"""What the page's own script sends, and no other site can."""


def app_of(url: str, state: Path, *, person: Person | None = ANN, now: datetime, **given: str) -> FastAPI:
    """Return the page at an instant, for somebody who may do what `person` may; None for a stranger."""
    env = {"AIRDESK_DATABASE_URL": url, "AIRDESK_BOOK": str(BOOK), "AIRDESK_STATE_DIR": str(state)}
    settings = load_settings(env | given)

    def reads() -> Person:
        if person is None:
            raise HTTPException(401, "Not authenticated")
        return person

    def acts() -> Person:
        if not reads().may_act:
            raise HTTPException(403, "Forbidden")
        return reads()

    def build(settings):
        return replace(services_for(settings), clock=FixedClock(now))

    return desk_app(Desk(lambda: settings, build), reads=reads, acts=acts)


def client_at(url: str, state: Path, *, now: datetime, person: Person | None = ANN, **settings: str) -> TestClient:
    """Return a client of the page at an instant, for somebody who may do what `person` may; None for a stranger."""
    return TestClient(app_of(url, state, person=person, now=now, **settings), follow_redirects=False)


def halt(client: TestClient, headers: Mapping[str, str] = OURS, **given: str) -> Response:
    """Confirm a halt, as the page does unless told otherwise."""
    return client.post("/api/switch", json={"switch": "halt", **given}, headers=headers)


@contextmanager
def served(url: str, state: Path, *, now: datetime, person: Person | None = ANN) -> Iterator[str]:
    """Serve the page and yield its address."""
    whole = FastAPI()
    whole.mount("/desk", app_of(url, state, person=person, now=now))
    whole.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(whole, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/desk/"
    finally:
        server.should_exit = True
        thread.join()
