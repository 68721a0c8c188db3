"""Copying frozen records in the hot path of a replay."""

from __future__ import annotations

from typing import Any


def changed[Record](record: Record, **values: Any) -> Record:
    """Return a copy of a frozen dataclass with `values` in place of its own.

    Ten times cheaper than `dataclasses.replace`, since it neither runs `__init__` nor `__post_init__`: for records
    without slots and without checks of their own. What a record derived from its fields is left behind.
    """
    copy = object.__new__(record.__class__)
    fields = copy.__dict__
    fields.update(record.__dict__)
    fields.update(values)
    fields.pop(DERIVED, None)
    return copy


DERIVED = "derived"
"""Attribute in which a record may keep what follows from its fields."""
