"""Broker state ↔ one JSON file, replaced atomically: a restarted gateway keeps orders, ids and money."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading.errors import ConfigurationError
from trading.gateway.records import LABEL, BrokerState, Execution, GatewayOrder, Holding, Status, Ticket

_DECIMALS = frozenset(
    {
        "quantity", "limit_price", "aux_price", "trail_stop_price", "trail_percent", "stop_price", "filled",
        "average_price", "price", "cumulative", "commission_usd", "average_cost", "cash_usd",
    }
)  # fmt: skip
_INSTANTS = frozenset({"good_till", "expires_at", "activated_at", "done_at", "executed_at", "clock"})


def save(state: BrokerState, path: Path) -> None:
    """Write `state`; a reader sees the old file or the new one, never half of one."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"label": LABEL, **as_json(state)}))
    with draft.open() as written:
        os.fsync(written.fileno())
    draft.replace(path)


def as_json(state: BrokerState) -> dict[str, Any]:
    """Return plain JSON values of everything in `state`."""
    plain = asdict(state) | {"halted": sorted(state.halted)}
    return dict(json.loads(json.dumps(plain, default=_encode)))


def load(path: Path, *, account: str) -> BrokerState | None:
    """Return the stored state of `account`, or None if nothing is stored.

    Raises:
        ConfigurationError: the file belongs to another account.
    """
    if not path.exists():
        return None
    raw = json.loads(path.read_text())
    if raw.pop("label") != LABEL or raw["account"] != account:
        raise ConfigurationError(f"{path} holds account {raw.get('account')}, not {account}; name another state file")
    plain = _decode(raw)
    return BrokerState(
        **plain
        | {
            "next_ids": {int(client): number for client, number in plain["next_ids"].items()},
            "orders": [_order(o) for o in plain["orders"]],
            "executions": [Execution(**e) for e in plain["executions"]],
            "holdings": {symbol: Holding(**h) for symbol, h in plain["holdings"].items()},
            "halted": set(plain["halted"]),
        }
    )


def _order(plain: dict[str, Any]) -> GatewayOrder:
    return GatewayOrder(**plain | {"ticket": Ticket(**plain["ticket"]), "status": Status(plain["status"])})


def _encode(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decode_field(key, inner) for key, inner in value.items()}
    return [_decode(inner) for inner in value] if isinstance(value, list) else value


def _decode_field(key: str, value: Any) -> Any:
    if isinstance(value, str) and key in _DECIMALS:
        return Decimal(value)
    if isinstance(value, str) and key in _INSTANTS:
        return datetime.fromisoformat(value)
    return _decode(value)
