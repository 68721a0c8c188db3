"""docs/reference/configuration.md, made of .env.example and of what settings, launcher and containers read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trading import settings
from trading.entrypoints.documentation.markdown import code, page, table

NAME = "docs/reference/configuration.md"
SOURCE = "`.env.example` and the code that reads it"
_SECTION = re.compile(r"^# --- (.+?) -+$")
_LINE = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$")
_KINDS = {
    "_whole": "whole number, 0 or more",
    "_clock_time": "HH:MM",
    "_listed": "list with commas between",
    "_secret": "secret",
}


@dataclass(frozen=True, slots=True)
class Variable:
    """One line of .env.example.

    Attributes:
        told: the comment right above it; "" if it has none of its own.
        default: what stands behind the equals sign.
    """

    section: str
    name: str
    told: str
    default: str


def variables_of(text: str) -> Iterator[Variable]:
    """Yield the variables of an environment file with the comment right above each."""
    section = ""
    comment: list[str] = []
    for line in text.splitlines():
        if found := _SECTION.match(line):
            section, comment = found.group(1), []
        elif found := _LINE.match(line):
            yield Variable(section, found.group(1), " ".join(comment), found.group(2))
            comment = []
        else:
            comment = [*comment, line.lstrip("# ").strip()] if line.startswith("#") else []


def configuration_page(root: Path) -> str:
    """Return the page of every variable that a person can set."""
    variables = list(variables_of((root / ".env.example").read_text(encoding="utf-8")))
    kinds, readers = _kinds(), readers_of(root)
    parts = [
        "Copy `.env.example` to `.env` and change what you need. A variable of the shell beats the line in `.env`. A "
        "value that is not understood stops the command with a sentence that names the variable; `./airdesk doctor` "
        "checks all of them. Names that end in `_FILE` take the path of a file that holds the secret."
    ]
    for section in dict.fromkeys(variable.section for variable in variables):
        rows = [
            (code(v.name), v.told, code(v.default), kinds.get(v.name, "text"), ", ".join(readers.get(v.name, ())))
            for v in variables
            if v.section == section
        ]
        parts += [
            f"## {section[0].upper()}{section[1:]}",
            table(("variable", "meaning", "default", "value", "read by"), rows),
        ]
    return page("Configuration", SOURCE, parts)


def readers_of(root: Path) -> Mapping[str, tuple[str, ...]]:
    """Return who reads each variable: the launcher, the settings of all commands and tasks, containers, a command."""
    sources = {
        "the launcher": [root / "airdesk"],
        "commands and tasks": [root / "plugins" / "trading" / "settings.py"],
        "the command line": sorted((root / "plugins" / "trading" / "entrypoints").rglob("*.py")),
        "docker compose": [root / "docker-compose.yaml", root / "deploy" / "make-secrets"],
    }
    found: dict[str, list[str]] = {}
    for reader, paths in sources.items():
        text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
        for name in dict.fromkeys(re.findall(r"[\"'{]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|NEWSAPI_KEY)\b", text)):
            readers = found.setdefault(name, [])
            if not (reader == "the command line" and readers):
                readers.append(reader)
    return {name: tuple(readers) for name, readers in found.items()}


def _kinds() -> Mapping[str, str]:
    """Return what values each variable may have, as far as settings.py checks them."""
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        names = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        function = call.func.id if isinstance(call.func, ast.Name) else ""
        if function == "_choice" and isinstance(call.args[2], ast.Name):
            found[names[0]] = "one of " + ", ".join(map(str, getattr(settings, call.args[2].id)))
        elif function in _KINDS and names:
            found |= dict.fromkeys(names[: 2 if function == "_secret" else 1], _KINDS[function])
    return found | {name: "path of a file" for name in found if name.endswith("_FILE")}
