"""The product's Python files, parsed once for every architecture test."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def product_files() -> tuple[Path, ...]:
    """Return every Python file that ships, the launcher included."""
    return (ROOT / "airdesk", *sorted(ROOT.glob("plugins/**/*.py")), *sorted(ROOT.glob("dags/*.py")))


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    """Return the path as people write it, from the root of the checkout."""
    return path.relative_to(ROOT).as_posix()
