"""Modules and functions stay readable in one sitting; each exception says why."""

import ast

from tests.architecture.sources import ROOT, name_of, parsed, product_files

MODULE_LINES = 400
FUNCTION_LINES = 60

LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def functions():
    for path in product_files():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name_of(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def module_lines():
    paths = [*product_files(), *ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/**/*.py")]
    return {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}


def test_no_module_is_longer_than_400_lines():
    long = {name: lines for name, lines in module_lines().items() if lines > MODULE_LINES and name not in LONG_MODULES}
    assert long == {}


def test_no_function_is_longer_than_60_lines():
    long = {name: lines for name, lines in functions() if lines > FUNCTION_LINES and name not in LONG_FUNCTIONS}
    assert long == {}


def test_every_exception_is_still_needed_and_explained():
    lines = module_lines()
    lengths = dict(functions())
    assert all(lines.get(name, 0) > MODULE_LINES for name in LONG_MODULES)
    assert all(lengths.get(name, 0) > FUNCTION_LINES for name in LONG_FUNCTIONS)
    assert all(len(reason.split()) >= 4 for reason in (*LONG_MODULES.values(), *LONG_FUNCTIONS.values()))
