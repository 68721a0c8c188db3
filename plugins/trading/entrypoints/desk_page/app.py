"""The routes. Every one of them asks who it is; the switches ask whether they may.

No `from __future__ import annotations` here: FastAPI reads the annotations of functions that stand in a function.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from pydantic import BaseModel

from trading.entrypoints.desk_page import assets
from trading.entrypoints.desk_page.access import Asks, Person
from trading.entrypoints.desk_page.desk import BookChoice, Desk, NoSuchBook
from trading.entrypoints.desk_page.hours import find_hour, hour_html, hour_json, instants_of, tag_of
from trading.entrypoints.desk_page.panels import Look, panel_html
from trading.entrypoints.desk_page.switches import effect, turn
from trading.entrypoints.desk_page.words import new_york_long, rendered
from trading.errors import AirdeskError, TransientError
from trading.ports import Transaction
from trading.ports.orders import RunName
from trading.tasks.effects import Switch
from trading.tasks.hour import HourView, hour_of_decision

log = logging.getLogger(__name__)

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:", "connect-src 'self'", "frame-ancestors 'self'", "form-action 'self'", "base-uri 'none'",
    )
)  # fmt: skip
"""No script but our own files. Charts place their labels by style attributes, which run nothing."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
OUR_HEADER = "X-Airdesk"
"""A cookie travels with what any page sends; this header only with what our own script sends."""


class Turn(BaseModel):
    """What the script sends to turn a switch."""

    switch: Switch
    book: str = ""
    reason: str = ""


def desk_app(desk: Desk, *, reads: Asks, acts: Asks) -> FastAPI:
    """Return the app.

    Args:
        reads: dependency that returns whoever may look, or refuses.
        acts: the same for whoever may turn the switches.
    """
    app = FastAPI(title="Airdesk", docs_url=None, redoc_url=None, openapi_url=None)
    _add_answers_to_errors(app)
    _add_pages(app, desk, reads)
    _add_data(app, desk, reads)
    _add_switches(app, desk, reads, acts)
    return app


def _add_pages(app: FastAPI, desk: Desk, reads: Asks) -> None:
    @app.get("/")
    def page(
        person: Annotated[Person, Depends(reads)],
        book: str = "",
        other: str = "",
        at: int | None = None,
        dag_id: str = "",
        run_id: str = "",
    ) -> HTMLResponse:
        with desk.services.store.snapshot() as tx:
            decided = tx.decisions.of_run(RunName(dag_id, run_id)) if run_id else None
            look = _look(desk, tx, person, book if decided is None else str(decided.book), other)
            if decided is None:
                hour = find_hour(desk, tx, look.choice, _instant(at))
            else:
                hour = hour_of_decision(tx, decided, desk.spec.universe.traded)
            panels = {name: Markup(html) for name, html in panel_html(look).items()}  # noqa: S704 - our templates
            choices = desk.choices(tx)
        is_missing = bool(run_id) and decided is None
        missing = f"The run {run_id} made no decision; this is the newest hour." if is_missing else ""
        return HTMLResponse(
            rendered(
                "desk.html",
                look=look,
                choices=choices,
                panels=panels,
                hour=hour,
                hour_html="" if hour is None else Markup(hour_html(hour)),  # noqa: S704 - our template
                badge=desk.badge_of(look.book) if hour is None else _badge(desk, look.choice, hour),
                notice=missing,
                asset=assets.address,
                is_pinned=at is not None or decided is not None,
            )
        )

    def static(name: str) -> Response:
        if (found := assets.asset(name)) is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return Response(
            found.body, media_type=found.media_type, headers={"Cache-Control": "private, max-age=31536000, immutable"}
        )

    app.get("/static/{name}", dependencies=[Depends(reads)])(static)


def _add_data(app: FastAPI, desk: Desk, reads: Asks) -> None:
    @app.get("/api/hour")
    def hour(
        request: Request, person: Annotated[Person, Depends(reads)], book: str = "", at: int | None = None
    ) -> Response:
        with desk.services.store.snapshot() as tx:
            found = find_hour(desk, tx, desk.choice(tx, book), _instant(at))
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no hour of this book is stored")
        return _tagged(request, hour_json(found))

    @app.get("/api/instants")
    def instants(request: Request, person: Annotated[Person, Depends(reads)], book: str = "") -> Response:
        with desk.services.store.snapshot() as tx:
            found = instants_of(desk, tx, desk.choice(tx, book))
        return _tagged(request, {"minutes": found})

    @app.get("/api/panels")
    def panels(
        request: Request, person: Annotated[Person, Depends(reads)], book: str = "", other: str = ""
    ) -> Response:
        with desk.services.store.snapshot() as tx:
            look = _look(desk, tx, person, book, other)
            newest = find_hour(desk, tx, look.choice, None)
            found = panel_html(look)
        return _tagged(request, {"panels": found, "newest": None if newest is None else int(newest.as_of.timestamp())})


def _add_switches(app: FastAPI, desk: Desk, reads: Asks, acts: Asks) -> None:
    @app.get("/api/effect")
    def shown(person: Annotated[Person, Depends(reads)], switch: Switch, book: str = "") -> dict[str, Any]:
        with desk.services.store.snapshot() as tx:
            choice = desk.choice(tx, book)
        found = effect(desk, choice, switch)
        return {"means": found.means, "lines": list(found.lines), "before": found.before}

    @app.post("/api/switch")
    def turned(request: Request, person: Annotated[Person, Depends(acts)], given: Turn) -> dict[str, Any]:
        _refuse_forged(request)
        with desk.services.store.snapshot() as tx:
            choice = desk.choice(tx, given.book)
        return turn(desk, choice, given.switch, given.reason, person)


def _refuse_forged(request: Request) -> None:
    """Refuse what another site made the browser send: its cookie comes along, our header does not."""
    is_ours = request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    if not is_ours or OUR_HEADER not in request.headers:
        raise HTTPException(HTTPStatus.FORBIDDEN, f"this did not come from the Desk page: {OUR_HEADER} is missing")


def _look(desk: Desk, tx: Transaction, person: Person, book: str, other: str) -> Look:
    choice = desk.choice(tx, book)
    beside = desk.choice(tx, other) if other and other != str(choice.book) else None
    return Look(desk, tx, choice, beside, person, desk.services.clock.now())


def _badge(desk: Desk, choice: BookChoice, hour: HourView) -> str:
    return hour.badge if choice.is_run else desk.badge_of(choice.book)


def _instant(at: int | None) -> datetime | None:
    try:
        return None if at is None else datetime.fromtimestamp(at, UTC)
    except (OverflowError, OSError, ValueError):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "at is not an instant: write seconds since 1970") from None


def _tagged(request: Request, told: dict[str, Any]) -> Response:
    """Return JSON with its ETag, or 304 where the browser has it: what does not change is sent once."""
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    headers = {"ETag": tag_of(body), "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == headers["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


# --- errors -------------------------------------------------------------------------------------


def _add_answers_to_errors(app: FastAPI) -> None:
    async def with_headers(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        reply = await go_on(request)
        for name, value in HEADERS.items():
            reply.headers.setdefault(name, value)
        return reply

    app.middleware("http")(with_headers)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.UNAUTHORIZED and _wants_html(request):
            asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
            return RedirectResponse(f"/auth/login?{urlencode({'next': asked})}", status_code=HTTPStatus.FOUND)
        if _wants_html(request):
            return _error_page(error.status_code, str(error.detail))
        return await http_exception_handler(request, error)

    @app.exception_handler(AirdeskError)
    async def known(request: Request, error: AirdeskError) -> Response:
        return _answer(request, _status_of(error), str(error))

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        log.error("the Desk page failed", exc_info=error)
        return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "The page failed; read the log of the api-server.")


def _status_of(error: AirdeskError) -> HTTPStatus:
    if isinstance(error, NoSuchBook):
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, TransientError) else HTTPStatus.CONFLICT


def _answer(request: Request, status: HTTPStatus, text: str) -> Response:
    if _wants_html(request):
        return _error_page(status, text)
    return Response(json.dumps({"detail": text}), status_code=status, media_type="application/json")


def _error_page(status: int, text: str) -> Response:
    html = rendered("error.html", text=text, asset=assets.address, now=new_york_long(datetime.now(UTC)))
    return HTMLResponse(html, status_code=status, headers=HEADERS)


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
