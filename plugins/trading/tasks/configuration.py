"""What the desk runs with: told at each start, and by name where it differs from the last one; never a secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from trading import __version__
from trading.domain.codec import encode
from trading.domain.messages import MessageKind
from trading.ports import Services, Transaction
from trading.settings import Settings
from trading.tasks.telling import tell

ACTION = "configuration"
OF_THIS_START = frozenset({"database_url", "under_test", "ui_url"})
"""Where this start put things; they say nothing of what the desk does."""
OF_OWN_GATEWAY = frozenset({"broker_port", "gateway_control_port", "flex_url", "flex_token", "flex_query"})
"""New at each start where the desk starts its own paper gateway."""
SET, NOT_SET = "(set)", "(not set)"


def values_of(settings: Settings) -> dict[str, str]:
    """Return what a person can set, by name; of a secret only whether it is set."""
    hidden = OF_THIS_START | (OF_OWN_GATEWAY if settings.gateway_control_port else frozenset())
    return {name: text for name, text in _flat(settings, "") if name not in hidden}


def tell_start(services: Services, settings: Settings) -> None:
    """Tell that the desk starts, and what changed since it started last."""
    values, book = values_of(settings), settings.book
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
    now = services.clock.now()
    with services.store.transaction() as tx:
        before = tx.controls.newest_audit(ACTION, book)
        tx.controls.audit(actor="start", action=ACTION, detail={"book": str(book), "values": values, "digest": digest})
        text = f"Airdesk {__version__}, code {services.code_hash[:12]}, strategy {settings.strategy}, settings {digest}"
        tell(tx, book, MessageKind.START_UP, f"start:{book}:{now.isoformat()}", text)
        if before is not None and (changes := changes_of(before["values"], values)):
            _tell_changes(tx, settings, changes, key=f"configuration:{book}:{now.isoformat()}")


def changes_of(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line for each name whose value differs."""
    names = sorted({*before, *after})
    return tuple(
        f"{name}: {before.get(name, '(new)')} → {after.get(name, '(gone)')}"
        for name in names
        if before.get(name) != after.get(name)
    )


def _tell_changes(tx: Transaction, settings: Settings, changes: tuple[str, ...], *, key: str) -> None:
    lines = (f"{len(changes)} differ from the last start", *changes)
    tell(tx, settings.book, MessageKind.CONFIGURATION, key, "\n".join(lines))


def _flat(held: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for one in fields(held):
        value = getattr(held, one.name)
        if is_dataclass(value) and one.repr and prefix == "" and one.name in {"vendors", "telegram", "taxpayer"}:
            yield from _flat(value, f"{one.name}.")
        elif not one.repr or value in (None, ""):
            yield f"{prefix}{one.name}", SET if value else NOT_SET
        else:
            yield f"{prefix}{one.name}", json.dumps(encode(value), sort_keys=True, default=str).strip('"')
