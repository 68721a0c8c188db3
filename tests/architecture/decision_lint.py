"""What decision code may not do, read off its syntax tree: ask a clock, draw, read its surroundings, order by a set.

A decision must be the same whenever, wherever and in whatever process it is made. Each finding says where, what and
what to do instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CLOCK = "take the instant as an argument (as_of, cutoff_at), or ask the port Clock in tasks"
DRAWN = "pass a seeded numpy Generator in, or derive the value from what is decided"
SURROUNDINGS = "read it in settings.py and pass the value on"
HASHED = "use hashlib, or compare by value: this number differs from process to process"
ORDER = "sort the set first, or keep an ordered tuple or dict: its order differs from process to process"

BANNED = {
    **dict.fromkeys(("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"), CLOCK),
    **dict.fromkeys(("datetime.date.today", "datetime.date.fromtimestamp"), CLOCK),
    **dict.fromkeys(("pandas.Timestamp.now", "pandas.Timestamp.utcnow", "pandas.Timestamp.today"), CLOCK),
    **dict.fromkeys(("os.environ", "os.getenv", "os.environb", "os.getcwd", "os.getpid", "sys.argv"), SURROUNDINGS),
    "os.urandom": DRAWN,
}
BANNED_MODULES = {
    "time": CLOCK, "random": DRAWN, "secrets": DRAWN, "uuid": DRAWN, "locale": SURROUNDINGS, "platform": SURROUNDINGS,
    "socket": SURROUNDINGS, "tempfile": SURROUNDINGS,
}  # fmt: skip
SEEDED = {"numpy.random.default_rng", "numpy.random.Generator", "numpy.random.SeedSequence", "numpy.random.PCG64"}
ORDER_FREE = {"any", "all", "len", "set", "frozenset", "sorted", "min", "max"}
ORDER_KEEPING = {"list", "tuple", "enumerate", "iter", "next", "zip", "map", "filter", "sum", "reversed"}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference", "copy"}


@dataclass(frozen=True)
class Finding:
    """One place: `line` of its file, what stands there, and what to do instead."""

    line: int
    what: str
    instead: str

    def at(self, name: str) -> str:
        """Return the finding as a person reads it."""
        return f"{name}:{self.line} {self.what}: {self.instead}"


def impurities(tree: ast.Module, *, allowed: Iterable[str] = ()) -> Iterator[Finding]:
    """Yield clocks, draws and surroundings, under whatever name they were imported; `allowed` names are let through."""
    names, let_through = _imported(tree), set(allowed)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"hash", "id"}:
            yield Finding(node.lineno, f"{node.func.id}()", HASHED)
        if isinstance(node, ast.Call):
            yield from _calls(node, names)
        if isinstance(node, ast.Attribute | ast.Name) and (full := _full(node, names)) not in let_through:
            module = full.split(".")[0]
            if module in BANNED_MODULES and full != module:
                yield Finding(node.lineno, full, BANNED_MODULES[module])
            elif full in BANNED:
                yield Finding(node.lineno, full, BANNED[full])
            elif full.startswith("numpy.random.") and full.count(".") == 2 and full not in SEEDED:
                yield Finding(node.lineno, full, DRAWN)


def _calls(node: ast.Call, names: dict[str, str]) -> Iterator[Finding]:
    """Yield calls whose arguments make them impure: no seed, or the word that means now."""
    full = _full(node.func, names)
    if full in SEEDED and not node.args and not node.keywords:
        yield Finding(node.lineno, f"{full}() without a seed", DRAWN)
    words = [a.value for a in node.args if isinstance(a, ast.Constant)]
    if full in {"numpy.datetime64", "pandas.Timestamp", "pandas.to_datetime"} and {"now", "today"} & set(
        map(str, words)
    ):
        yield Finding(node.lineno, f"{full}({words[0]!r})", CLOCK)


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for: `np` for numpy, `datetime` for datetime.datetime."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _full(node: ast.expr, names: dict[str, str]) -> str:
    """Return the dotted name of an expression with imports resolved; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join([names[node.id], *reversed(parts)])


# --- the order of sets ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """Names of functions that return sets and of attributes that are sets, wherever they are declared."""

    functions: frozenset[str]
    attributes: frozenset[str]


def known_sets(trees: Iterable[ast.Module]) -> Known:
    """Return the set-valued functions and attributes of these files; a name with two meanings counts as no set."""
    functions: dict[str, set[bool]] = {}
    attributes: dict[str, set[bool]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                functions.setdefault(node.name, set()).add(_is_set_type(node.returns))
            if isinstance(node, ast.ClassDef):
                for field in (f for f in node.body if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)):
                    attributes.setdefault(field.target.id, set()).add(_is_set_type(field.annotation))
    properties = {name: kinds for name, kinds in functions.items() if name not in attributes}
    return Known(
        frozenset(name for name, kinds in functions.items() if kinds == {True}),
        frozenset(name for name, kinds in {**properties, **attributes}.items() if kinds == {True}),
    )


def set_orders(tree: ast.Module, known: Known) -> Iterator[Finding]:
    """Yield the places where the order of a set reaches something that has an order."""
    scopes = [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))]
    outer = _names_of_sets(tree, frozenset(), known)
    for scope in scopes:
        names = outer if scope is tree else _names_of_sets(scope, outer, known)
        yield from _orders_in(scope, names, known)


def _orders_in(scope: ast.AST, names: frozenset[str], known: Known) -> Iterator[Finding]:
    free: set[ast.AST] = set()
    for node in _own(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ORDER_FREE:
            # Equal keys are told apart by order, equal values are not.
            if node.func.id in {"min", "max"} and any(k.arg == "key" for k in node.keywords):
                yield from (_order(a, "min/max by key of a set") for a in node.args if _is_set(a, names, known))
            free |= {a for a in node.args if isinstance(a, ast.GeneratorExp)}
    for node in _own(scope):
        if isinstance(node, ast.For) and _is_set(node.iter, names, known):
            yield _order(node, "loop over a set")
        elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp) and node not in free:
            yield from (
                _order(node, "comprehension over a set") for g in node.generators if _is_set(g.iter, names, known)
            )
        elif isinstance(node, ast.List | ast.Tuple):
            starred = [e for e in node.elts if isinstance(e, ast.Starred)]
            yield from (_order(node, "a set unpacked in order") for e in starred if _is_set(e.value, names, known))
        elif isinstance(node, ast.Call) and _keeps_order(node):
            yield from (
                _order(node, f"{ast.unparse(node.func)}() of a set") for a in node.args if _is_set(a, names, known)
            )


def _keeps_order(node: ast.Call) -> bool:
    if isinstance(node.func, ast.Name):
        return node.func.id in ORDER_KEEPING
    return isinstance(node.func, ast.Attribute) and node.func.attr in {
        "join",
        "fromkeys",
        "fromiter",
        "array",
        "extend",
    }


def _order(node: ast.AST, what: str) -> Finding:
    return Finding(node.lineno, what, ORDER)  # type: ignore[attr-defined]


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope without those of functions inside it, which are scopes of their own."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _own(child)


def _names_of_sets(scope: ast.AST, outer: frozenset[str], known: Known) -> frozenset[str]:
    sets, others = set(outer), set()
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        for argument in (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs):
            (sets.add if _is_set_type(argument.annotation) else sets.discard)(argument.arg)
    for node in _own(scope):
        if isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets):
            chosen = sets if _is_set(node.value, frozenset(sets), known) else others
            chosen |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            (sets if _is_set_type(node.annotation) else others).add(node.target.id)
    return frozenset(sets - others)


def _is_set_type(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return isinstance(annotation, ast.Name) and annotation.id in {
        "set",
        "frozenset",
        "Set",
        "AbstractSet",
        "MutableSet",
    }


def _is_set(node: ast.expr, names: frozenset[str], known: Known) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr=name):
            return name in known.attributes
        case ast.Call(func=ast.Name(id=name)):
            return name in {"set", "frozenset"} or name in known.functions
        case ast.Call(func=ast.Attribute(value=value, attr=name)):
            return name in SET_METHODS and _is_set(value, names, known)
        case ast.BinOp(left=left, right=right, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return _is_set(left, names, known) or _is_set(right, names, known)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_set(body, names, known) or _is_set(orelse, names, known)
        case ast.NamedExpr(value=value):
            return _is_set(value, names, known)
    return False
