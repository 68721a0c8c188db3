"""Mapping files: what a person says about a file once, instead of on every command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from trading.errors import DataRejected

TABLES = ("columns", "constants", "filters")
SETTINGS = (
    "source",
    "since",
    "symbols",
    "series",
    "without",
    "resolution",
    "anchor",
    "adjustment",
    "basis_on",
    "splits",
    "total_return_as_price",
)


@dataclass(frozen=True, slots=True)
class FileMapping:
    """What a mapping file says.

    Attributes:
        columns: our column → theirs. constants: our column → the value of every row. filters: their column → the only
            value taken.
        settings: option → value as the command line would have it.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str | bool] = field(default_factory=dict)


def read_mapping(path: Path) -> FileMapping:
    """Return what a TOML or JSON mapping file says; paths in it are relative to it.

    Raises:
        DataRejected: it cannot be read, or says something that no import knows.
    """
    content = _content(path)
    unknown = sorted(set(content) - {*TABLES, *SETTINGS})
    if unknown:
        raise DataRejected(
            f"{path.name}: {', '.join(unknown)} is unknown; a mapping holds {', '.join((*SETTINGS, *TABLES))}"
        )
    tables = {name: _table(path, name, content.get(name, {})) for name in TABLES}
    settings = {name: _setting(path, name, content[name]) for name in SETTINGS if name in content}
    if isinstance(splits := settings.get("splits"), str):
        settings["splits"] = str(path.parent / splits)
    return FileMapping(**tables, settings=settings)


def _content(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
        else:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataRejected(f"{path.name} cannot be read ({error}); write TOML, or JSON in a file .json") from None
    if not isinstance(content, dict):
        raise DataRejected(f"{path.name} holds no table; write names and values")
    return content


def _table(path: Path, name: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(v, str | int | float | date) for v in table.values()):
        raise DataRejected(f'{path.name}: {name} holds names and texts, e.g. close = "last"; correct it')
    return {ours: value if isinstance(value, str) else str(value) for ours, value in table.items()}


def _setting(path: Path, name: str, value: Any) -> str | bool:
    if name == "total_return_as_price":
        if not isinstance(value, bool):
            raise DataRejected(f"{path.name}: {name} is true or false; correct it")
        return value
    if name in ("symbols", "without") and isinstance(value, list):
        return ",".join(str(part) for part in value)
    if isinstance(value, str | date) and not isinstance(value, bool):
        return str(value)
    raise DataRejected(f"{path.name}: {name} is a text; correct it")
