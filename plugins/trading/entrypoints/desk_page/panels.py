"""What stands on the page beside the hour: each panel is read here and worded by its template.

Adding a panel is a function below, its name in `PANELS`, and its template.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from trading.domain.instruments import BookId, BookKind
from trading.domain.models import champion_of
from trading.entrypoints.desk_page.access import Person
from trading.entrypoints.desk_page.curves import FEW_SESSIONS, curve_panel
from trading.entrypoints.desk_page.desk import BookChoice, Desk
from trading.entrypoints.desk_page.words import rendered
from trading.ports import Transaction
from trading.tasks.desk import NEW_YORK
from trading.tasks.exposure import Exposure, Holding, exposure_of
from trading.tasks.glance import glance_of
from trading.tasks.locks import locks_now
from trading.tasks.messages import messages_told
from trading.tasks.standing import BookHistory, read_history

NEWEST_ORDERS = NEWEST_FILLS = 20
NEWEST_MESSAGES = 12
GATEWAY_SECONDS = 0.3
"""How long the gateway may take to answer a knock before it counts as away."""


@dataclass(frozen=True)
class Look:
    """Everything that a panel may read.

    Attributes:
        other: the book to compare with, or None. now: this minute. today: the day in New York.
    """

    desk: Desk
    tx: Transaction
    choice: BookChoice
    other: BookChoice | None
    person: Person
    now: datetime

    @property
    def book(self) -> BookId:
        """The book that is looked at."""
        return self.choice.book

    @property
    def today(self) -> date:
        """The day in New York."""
        return self.now.astimezone(NEW_YORK).date()


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A position as it is shown.

    Attributes:
        age_days: calendar days since the oldest lot. days_to_long: until a sale of it is long-term; 0 once it is.
        of_cap: weight as a part of what a single name may reach; None where the weight is not known.
    """

    holding: Holding
    age_days: int
    days_to_long: int
    of_cap: float | None


def _glance(look: Look) -> Mapping[str, Any]:
    if look.choice.is_run:
        return {"glance": None, "run": look.tx.replays.run(look.book.name)}
    glance = glance_of(look.desk.services, look.tx, look.book)
    return {
        "glance": glance,
        "change": (glance.change_usd, glance.change_frac),
        "waiting": () if glance.newest is None else look.tx.approvals.waiting(glance.newest.decision_id),
        "run": None,
        "may_switch": look.choice.is_own and look.book.kind is not BookKind.REPLAY,
        "configured": look.desk.settings.book,
        "flag": look.desk.settings.halt_file if look.choice.is_own and look.desk.settings.halt_file.exists() else None,
    }


def _curve(look: Look, history: BookHistory | None) -> Mapping[str, Any]:
    if history is None:
        return {"panel": None, "few": FEW_SESSIONS}
    other = None if look.other is None else read_history(look.tx, look.desk.services.calendar, look.other.book)
    panel = curve_panel(look.tx, look.desk.services.calendar, look.desk.spec, history, other, now=look.now)
    return {"panel": panel, "few": FEW_SESSIONS}


def _holdings(look: Look, history: BookHistory | None) -> Mapping[str, Any]:
    exposure = None if history is None else exposure_of(look.tx, look.desk.spec, history)
    cap = look.desk.spec.sizing.asset_cap_frac
    rows = [] if exposure is None else [_held_row(held, cap, look.today) for held in _largest_first(exposure)]
    return {"exposure": exposure, "rows": rows, "cap": cap}


def _largest_first(exposure: Exposure) -> list[Holding]:
    return sorted(exposure.holdings, key=lambda held: (-(held.value_usd or 0.0), held.symbol))


def _held_row(held: Holding, cap_frac: float, today: date) -> HeldRow:
    return HeldRow(
        holding=held,
        age_days=(today - held.held_since).days,
        days_to_long=max((held.long_on - today).days, 0),
        of_cap=None if held.weight_frac is None else held.weight_frac / cap_frac,
    )


def _trades(look: Look) -> Mapping[str, Any]:
    if look.choice.is_run:
        return {"orders": (), "fills": ()}
    fills = look.tx.ledger.fills(look.book, NEWEST_FILLS)
    return {"orders": look.tx.orders.recent(look.book, NEWEST_ORDERS), "fills": tuple(reversed(fills))}


def _health(look: Look) -> Mapping[str, Any]:
    """Return what keeps entries out, what differs from the broker, and how old everything from outside is."""
    if look.choice.is_run or look.book.kind is BookKind.REPLAY:
        return {"is_replay": True}
    tx, services = look.tx, look.desk.services
    champion = champion_of(tx.models.events(until=look.now))
    return {
        "is_replay": False,
        "locks": locks_now(services, look.desk.spec, look.book),
        "parked": tx.market.parked(),
        "breaks": tx.reconciliations.breaks(look.book),
        "feeds": tx.history.newest_deliveries(),
        "sources": look.desk.settings.sources,
        "gateway": gateway_of(look.desk),
        "clean_at": tx.reconciliations.last_clean_at(look.book),
        "model": None if champion is None else tx.models.load(champion),
        "now": look.now,
    }


def _messages(look: Look) -> Mapping[str, Any]:
    return {"told": messages_told(look.tx, look.book, NEWEST_MESSAGES)}


def gateway_of(desk: Desk) -> str | None:
    """Return where the broker's gateway answers; None where it does not, "" where none is configured."""
    settings = desk.settings
    if not settings.broker_port:
        return ""
    try:
        socket.create_connection((settings.broker_host, settings.broker_port), timeout=GATEWAY_SECONDS).close()
    except OSError:
        return None
    return f"{settings.broker_host}:{settings.broker_port}"


PANELS: Mapping[str, Callable[[Look, BookHistory | None], Mapping[str, Any]]] = {
    "glance": lambda look, _: _glance(look),
    "curve": _curve,
    "holdings": _holdings,
    "trades": lambda look, _: _trades(look),
    "health": lambda look, _: _health(look),
    "messages": lambda look, _: _messages(look),
}
"""Every panel by the name of its template, in the order in which they stand."""


def panel_html(look: Look) -> dict[str, str]:
    """Return each panel as HTML, by name."""
    history = _history(look)
    return {name: rendered(f"panel_{name}.html", look=look, **read(look, history)) for name, read in PANELS.items()}


def _history(look: Look) -> BookHistory | None:
    if not look.choice.is_run and look.book not in look.tx.ledger.books():
        return None
    return read_history(look.tx, look.desk.services.calendar, look.book)
