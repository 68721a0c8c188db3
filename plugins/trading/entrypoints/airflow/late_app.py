"""An app that is made at its first request, so that the api-server starts as fast as without it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

type Scope = MutableMapping[str, Any]
type App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
"""An ASGI application."""


class LateApp:
    """An ASGI application in front of one that is not made yet.

    Args:
        make: returns the app; called once, beside the event loop.
    """

    def __init__(self, make: Callable[[], App]) -> None:
        self._make = make
        self._app: App | None = None
        self._turn = asyncio.Lock()

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve a request; the first ones wait until the app is made."""
        app = await self._made() if self._app is None else self._app
        await app(scope, receive, send)

    async def _made(self) -> App:
        async with self._turn:
            if self._app is None:
                self._app = await asyncio.to_thread(self._make)
            return self._app


def desk() -> App:
    """Return the Desk page as Airflow guards it."""
    from trading.entrypoints.airflow.desk_app import mounted

    return mounted()
