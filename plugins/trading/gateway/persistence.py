"""Broker state ↔ one SQLite file: what an answer acknowledges is on disk before the answer leaves.

A change writes only the rows that differ from what was last written, in one transaction; its cost follows the live
orders, not the history. Killed at any moment, the gateway comes back as it was after its last change.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from copy import copy
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading.domain.codec import decode, encode
from trading.errors import ConfigurationError
from trading.gateway.records import (
    LABEL,
    BrokerState,
    CashItem,
    Execution,
    GatewayOrder,
    Holding,
    ScriptedQuote,
    SplitDone,
    Unsettled,
)

type Key = int | str
type Row = tuple[str, Key, Any]
"""(kind, key, record): `kind` is the name of the state's attribute, `key` its key or its number in the list."""

_SCHEMA = "CREATE TABLE IF NOT EXISTS rows (kind TEXT, key, value TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID"
_PUT = "INSERT INTO rows VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value"
_DROP = "DELETE FROM rows WHERE kind = ? AND key = ?"
_HISTORIES: dict[str, type] = {"executions": Execution, "cash_items": CashItem, "splits": SplitDone}
"""Lists that only grow."""
_LISTS = _HISTORIES | {"orders": GatewayOrder, "unsettled": Unsettled}
_KEYED: dict[str, type] = {"next_ids": int, "holdings": Holding, "fill_caps": Decimal, "quotes": ScriptedQuote}
_SCALARS: dict[str, type] = {"account": str, "cash_usd": Decimal, "clock": datetime, "last_perm_id": int}


class StateFile:
    """The durable copy of one `BrokerState`. One gateway at a time may hold a file open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._small: dict[tuple[str, Key], Any] = {}
        self._lengths = dict.fromkeys(_HISTORIES, 0)
        self._changing: dict[int, GatewayOrder] = {}
        self._order_count = 0
        self._is_attached = False
        try:
            self._rows = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
            self._rows.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._rows.execute("PRAGMA journal_mode = WAL")
            self._rows.execute("PRAGMA synchronous = FULL")
            self._rows.execute(_SCHEMA)
        except sqlite3.OperationalError as busy:
            raise ConfigurationError(
                f"{path} is in use ({busy}); stop the other gateway or name another file"
            ) from busy
        except sqlite3.DatabaseError as foreign:
            raise ConfigurationError(f"{path} holds no gateway state ({foreign}); name another state file") from foreign

    def close(self) -> None:
        """Release the file."""
        self._rows.close()

    def read(self, *, account: str) -> BrokerState | None:
        """Return the stored state of `account`, or None if nothing is stored.

        Raises:
            ConfigurationError: the file belongs to another account.
        """
        stored: dict[str, dict[Any, Any]] = {}
        for kind, key, value in self._rows.execute("SELECT kind, key, value FROM rows ORDER BY kind, key"):
            stored.setdefault(kind, {})[key] = json.loads(value)
        if not stored:
            return None

        def records(kind: str, record: type) -> dict[Any, Any]:
            return {key: decode(record, value) for key, value in stored.get(kind, {}).items()}

        found: dict[str, Any] = {name: decode(kind, stored["scalars"][name]) for name, kind in _SCALARS.items()}
        if found["account"] != account:
            raise ConfigurationError(
                f"{self._path} holds account {found['account']}, not {account}; name another state file"
            )
        found |= {name: list(records(name, record).values()) for name, record in _LISTS.items()}
        found |= {name: records(name, record) for name, record in _KEYED.items()}
        return BrokerState(**found, halted=set(stored.get("halted", {})))

    def write(self, state: BrokerState) -> int:
        """Write what changed since the last call, everything at the first; return the rows touched."""
        small = dict(_small_rows(state))
        put = [(kind, key, record) for (kind, key), record in small.items() if self._small.get((kind, key)) != record]
        gone = [key for key in self._small if key not in small]
        put += self._appended(state)
        put += self._changed_orders(state)
        if put or gone:
            self._commit(put, gone)
        self._remember(state, small)
        return len(put) + len(gone)

    def _commit(self, put: list[Row], gone: list[tuple[str, Key]]) -> None:
        self._rows.execute("BEGIN")
        if not self._is_attached:
            self._rows.execute("DELETE FROM rows")
        self._rows.executemany(_PUT, [(kind, key, json.dumps(encode(record))) for kind, key, record in put])
        self._rows.executemany(_DROP, gone)
        self._rows.execute("COMMIT")
        self._is_attached = True

    def _appended(self, state: BrokerState) -> Iterator[Row]:
        for kind, known in self._lengths.items():
            records = getattr(state, kind)
            yield from ((kind, number, records[number]) for number in range(known, len(records)))

    def _changed_orders(self, state: BrokerState) -> Iterator[Row]:
        """Orders that were not done at the last write, where they differ from it, and new ones."""
        for number in (*self._changing, *range(self._order_count, len(state.orders))):
            if state.orders[number] != self._changing.get(number):
                yield "orders", number, state.orders[number]

    def _remember(self, state: BrokerState, small: dict[tuple[str, Key], Any]) -> None:
        self._small = {key: copy(record) for key, record in small.items()}
        self._lengths = {kind: len(getattr(state, kind)) for kind in _HISTORIES}
        numbers = (*self._changing, *range(self._order_count, len(state.orders)))
        self._changing = {n: copy(state.orders[n]) for n in numbers if not state.orders[n].is_done}
        self._order_count = len(state.orders)


def _small_rows(state: BrokerState) -> Iterator[tuple[tuple[str, Key], Any]]:
    """Yield what is few and changes in place: scalars, per-symbol and per-client facts, unsettled proceeds."""
    for name in _SCALARS:
        yield ("scalars", name), getattr(state, name)
    for kind in _KEYED:
        for key, record in getattr(state, kind).items():
            yield (kind, key), record
    for symbol in state.halted:
        yield ("halted", symbol), True
    for number, due in enumerate(state.unsettled):
        yield ("unsettled", number), due


def save(state: BrokerState, path: Path) -> None:
    """Write the whole of `state` into a file that nobody else has open."""
    with closing(StateFile(path)) as file:
        file.write(state)


def load(path: Path, *, account: str) -> BrokerState | None:
    """Return the stored state of `account`, or None if there is no file or nothing in it.

    Raises:
        ConfigurationError: the file is another account's, or a running gateway's.
    """
    if not path.exists():
        return None
    with closing(StateFile(path)) as file:
        return file.read(account=account)


def as_json(state: BrokerState) -> dict[str, Any]:
    """Return plain JSON values of everything in `state`."""
    return {"label": LABEL, **encode(state)}
