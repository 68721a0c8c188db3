"""Who looks at the page, and what they may do. How a person is known is for whoever mounts the app to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is logged in.

    Attributes:
        name: as the audit keeps it. may_act: whether the switches are theirs to turn.
    """

    name: str
    may_act: bool

    @property
    def actor(self) -> str:
        """Who did it, as states and audit rows keep it."""
        return f"airflow:{self.name}"


type Asks = Callable[..., Person]
"""A FastAPI dependency that returns the person of a request, or refuses it with 401 or 403."""
