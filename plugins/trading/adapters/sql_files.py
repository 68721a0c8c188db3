"""SQL lives in `include/sql`: migrations, and query files of `-- name:` blocks, each with its doc comment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from trading.errors import ConfigurationError

SQL_DIR = Path(__file__).parents[3] / "include" / "sql"

_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement; parameters are written `%(name)s`.

    Attributes:
        doc: the comment under the name.
    """

    name: str
    doc: str
    text: str


@cache
def queries(stem: str) -> Mapping[str, Query]:
    """Return the queries of `include/sql/queries/<stem>.sql` by name."""
    path = SQL_DIR / "queries" / f"{stem}.sql"
    try:
        return parse(path.read_text(encoding="utf-8"), origin=path.name)
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing; check the installation out again") from None


def parse(text: str, *, origin: str) -> Mapping[str, Query]:
    """Return the `-- name:` blocks of `text`; a name that occurs twice or has no comment is refused."""
    pieces = _NAME.split(text)[1:]
    found: dict[str, Query] = {}
    for name, block in zip(pieces[::2], pieces[1::2], strict=True):
        lines = block.strip().splitlines()
        doc = [line for line in lines if line.startswith("--")]
        statement = "\n".join(line for line in lines if not line.startswith("--")).strip()
        if name in found or not doc or not statement:
            raise ConfigurationError(f"{origin}: query {name} is double, empty or has no comment; correct the file")
        found[name] = Query(name, " ".join(line.removeprefix("--").strip() for line in doc), statement)
    return MappingProxyType(found)
