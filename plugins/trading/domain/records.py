"""Making and copying frozen records in the hot path of a replay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import Field, field, fields, make_dataclass
from typing import Any


def quick[Record: type](record: Record) -> Record:
    """Return a frozen dataclass that is made at the price of one that is not: a seventh.

    A frozen dataclass sets each field through `object.__setattr__`. Here the fields are set directly; that nobody
    assigns to them later is then held by the type checker alone. For records of which a replay makes thousands.
    """
    assert "__post_init__" not in vars(record), f"{record.__name__} checks itself when it is made"
    del record.__setattr__, record.__delattr__
    alike = make_dataclass(record.__name__, [(f.name, Any, _again(f)) for f in fields(record)], repr=False, eq=False)
    type.__setattr__(record, "__init__", vars(alike)["__init__"])
    return record


@contextmanager
def collector_paused() -> Iterator[None]:
    """Let nothing look for cycles of objects meanwhile: where thousands of records are made, none of them is in one."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _again(one: Field[Any]) -> Any:
    if one.default_factory is not _NOTHING:
        return field(default_factory=one.default_factory, kw_only=bool(one.kw_only))
    return field(default=one.default, kw_only=bool(one.kw_only))


_NOTHING = field().default_factory


def changed[Record](record: Record, **values: Any) -> Record:
    """Return a copy of a frozen dataclass with `values` in place of its own.

    Ten times cheaper than `dataclasses.replace`, since it neither runs `__init__` nor `__post_init__`: for records
    without slots and without checks of their own. What a record derived from its fields is left behind.
    """
    copy = _new(record.__class__)
    known = record.__dict__.copy()
    known.update(values)
    known.pop(DERIVED, None)
    _set(copy, "__dict__", known)
    return copy


_new, _set = object.__new__, object.__setattr__
DERIVED = "derived"
"""Attribute in which a record may keep what follows from its fields."""
