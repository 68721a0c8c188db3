"""Records ↔ plain JSON values, driven by the types that the records declare."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeAliasType, Union, get_args, get_origin, get_type_hints

PLAIN = (str, int, float, bool)
"""Most of what a record holds, and JSON already."""


def encode(value: Any) -> Any:
    """Return plain JSON values of a record, a scalar or a container of them."""
    kind: Any = type(value)
    return value if value is None or kind in PLAIN else _encoder_of(kind)(value)


@cache
def _encoder_of(kind: type) -> Callable[[Any], Any]:
    """Return what encodes values of a type; what a type is need not be asked for each of them."""
    if is_dataclass(kind):
        names = tuple(f.name for f in fields(kind))
        return lambda value: {name: encode(getattr(value, name)) for name in names}
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(inner) for key, inner in value.items()}
    if issubclass(kind, set | frozenset):
        return lambda value: [encode(inner) for inner in sorted(value, key=str)]
    if issubclass(kind, list | tuple):
        return lambda value: [encode(inner) for inner in value]
    if issubclass(kind, Decimal):
        return str
    return kind.isoformat if issubclass(kind, date) else lambda value: value


def decode[Kind](kind: type[Kind], plain: Any) -> Kind:
    """Return the `kind` that `encode` made `plain` of; an attribute added since then takes its default."""
    found: Kind = _decode(kind, plain)
    return found


def _decode(kind: Any, plain: Any) -> Any:
    if isinstance(kind, TypeAliasType):
        return _decode(kind.__value__, plain)
    if (origin := get_origin(kind)) in (Union, types.UnionType):
        if plain is None:
            return None
        (kind,) = (k for k in get_args(kind) if k is not types.NoneType)
        return _decode(kind, plain)
    if origin is tuple:
        return tuple(_decode(get_args(kind)[0], inner) for inner in plain)
    if origin is frozenset:
        return frozenset(_decode(get_args(kind)[0], inner) for inner in plain)
    if origin is Mapping:
        of_key, of_value = get_args(kind)
        return {_decode(of_key, key): _decode(of_value, inner) for key, inner in plain.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _decode(hints[name], inner) for name, inner in plain.items()})
    if kind in (datetime, date):
        return kind.fromisoformat(plain)
    if kind is Decimal or (isinstance(kind, type) and issubclass(kind, StrEnum)):
        return kind(plain)
    return plain


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
