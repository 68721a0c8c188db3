"""Who may ask the desk for what."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may do; each includes the ones before it."""

    VIEW = "view"
    OPERATE = "operate"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Return whether this role includes another one."""
        order = tuple(Role)
        return order.index(self) >= order.index(needed)
